import type { Basis, SettingChange } from "./change";

/** Changes that are made in one `up`, and taken back in one. */
export interface Unit {
  readonly changes: readonly SettingChange[];
  readonly basis: Basis | undefined;
}

/**
 * What is changed together: all that restarts nothing, from the same basis, since pods that run on show it of each. What
 * excludes others, takes steps on its way back or restarts something is changed by itself; what has no way back comes last.
 */
export function unitsOf(changes: readonly SettingChange[]): readonly Unit[] {
  const bases = [...new Set(changes.map(({ basis }) => basis))];
  const lasting = changes.filter(({ oneWay }) => oneWay !== undefined);
  const units = bases.flatMap((basis) => {
    const here = changes.filter((change) => change.basis === basis && change.oneWay === undefined);
    const together = here.filter(isCalm);
    return [
      ...(together.length > 0 ? [{ changes: together, basis }] : []),
      ...here.filter((change) => !isCalm(change)).map((change) => ({ changes: [change], basis })),
    ];
  });
  return [...units, ...lasting.map((change) => ({ changes: [change], basis: change.basis }))];
}

/** A unit's changes, each by itself. */
export function singly({ changes, basis }: Unit): readonly Unit[] {
  return changes.map((change) => ({ changes: [change], basis }));
}

function isCalm({ knot, operator, alone = false, back, oneWay }: SettingChange): boolean {
  return knot === "run on" && operator === "run on" && !alone && back === undefined && oneWay === undefined;
}
