import type { Basis, SettingChange } from "./change";

/** Changes that are made in one `up`, and taken back in one. */
export interface Unit {
  readonly changes: readonly SettingChange[];
  readonly basis: Basis | undefined;
}

/**
 * What is changed together, from the same basis: all that restarts nothing, and all that restarts the operator's pods alone,
 * since pods that run on show it of each. What excludes others, takes steps on its way back or restarts Knot's pods is changed
 * by itself; what has no way back comes last.
 */
export function unitsOf(changes: readonly SettingChange[]): readonly Unit[] {
  const bases = [...new Set(changes.map(({ basis }) => basis))];
  const lasting = changes.filter(({ oneWay }) => oneWay !== undefined);
  const units = bases.flatMap((basis) => {
    const here = changes.filter((change) => change.basis === basis && change.oneWay === undefined);
    const groups = (["run on", "restart"] as const).map((operator) =>
      here.filter((change) => isGroupable(change) && change.operator === operator),
    );
    const alone = here.filter((change) => !groups.flat().includes(change)).map((change) => [change]);
    return [...groups, ...alone].filter(({ length }) => length > 0).map((together) => ({ changes: together, basis }));
  });
  return [...units, ...lasting.map((change) => ({ changes: [change], basis: change.basis }))];
}

/** A unit's changes, each by itself. */
export function singly({ changes, basis }: Unit): readonly Unit[] {
  return changes.map((change) => ({ changes: [change], basis }));
}

function isGroupable({ knot, alone = false, back }: SettingChange): boolean {
  return knot === "run on" && !alone && back === undefined;
}
