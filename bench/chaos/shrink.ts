import type { Fault } from "./fault";
import { leadSeconds, roundsOf, shifted } from "./plan";

/**
 * Looks for a shorter script that breaks the same rule: the round in which it was broken by itself, and then each of its
 * faults by itself.
 *
 * @param violated.at - seconds from the start of the script
 * @param breaks - runs a script, and says whether that broke the rule
 * @returns undefined when none was found: the rounds before matter, or chance does.
 */
export async function shrink(
  violated: { readonly faults: readonly Fault[]; readonly at: number; readonly quietSeconds: number },
  breaks: (faults: readonly Fault[]) => Promise<boolean>,
): Promise<readonly Fault[] | undefined> {
  const { faults, at, quietSeconds } = violated;
  const round = roundsOf(faults, quietSeconds).findLast(({ from }) => from <= at);
  if (round === undefined) return undefined;
  const alone = fromStart(round.faults);
  if (!(await breaks(alone))) return undefined;
  if (alone.length === 1) return alone;
  for (const fault of alone) {
    const one = fromStart([fault]);
    if (await breaks(one)) return one;
  }
  return alone;
}

/** The same faults, of which the first begins as early as in any plan. */
function fromStart(faults: readonly Fault[]): readonly Fault[] {
  const first = Math.min(...faults.map(({ from }) => from));
  return faults.map((fault) => shifted(fault, leadSeconds - first));
}
