import { longestGap } from "../base/schedule";
import type { ReconcilerRun } from "./agent-reports";

/** How much longer than its schedule says the reconciler may take. */
const lateMs = 10 * 60_000;
/** How often it runs unless its site's settings say otherwise. */
const usualSchedule = "*/5 * * * *";

/** What is wrong with how a site's reconciler runs. */
export type RunProblem = { readonly severity: "wrong" | "unknown"; readonly message: string } | undefined;

/**
 * Judges by the clock: a reconciler that nobody starts any more is not even due, and what it said last stays as it was.
 *
 * @param now - Milliseconds since 1970.
 */
export function runProblem(run: ReconcilerRun, now: number): RunProblem {
  const { due, done, schedule = usualSchedule } = run;
  const last = done === undefined ? "was never done" : `was done last at ${done}`;
  if (run.suspended === true) return { severity: "wrong", message: `the reconciler is suspended, and ${last}` };
  // Also where somebody ran it before it was due for the first time.
  if (isRecent(done, schedule, now)) return undefined;
  if (due === undefined) return { severity: "unknown", message: "the reconciler has not run yet" };
  if (done === undefined && now - Date.parse(due) <= lateMs) {
    return { severity: "unknown", message: `the reconciler runs for the first time since ${due}` };
  }
  const wasDue = done === undefined || Date.parse(due) > Date.parse(done);
  const was = wasDue ? `was due at ${due}, and ${last}` : `${last}, though its schedule is ${schedule}`;
  return { severity: "wrong", message: `the reconciler ${was}` };
}

function isRecent(done: string | undefined, schedule: string, now: number): boolean {
  // A time that cannot be read is not recent.
  return done !== undefined && now - Date.parse(done) <= longestGap(schedule) + lateMs;
}
