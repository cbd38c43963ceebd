import type { Cluster } from "../clusters";
import { eventually } from "../eventually";

/** What one run of the reconciler did and said. */
export interface ReconcilerRun {
  readonly failed: boolean;
  readonly log: string;
  /** From the log's last line. */
  readonly counters: { readonly dnsQueries: number; readonly apiReads: number; readonly apiWrites: number };
}

let runs = 0;

/** Makes a Job from the site's CronJob, waits until it has ended, and takes it away. */
export async function runReconciler(cluster: Cluster): Promise<ReconcilerRun> {
  runs += 1;
  const job = `reconcile-test-${process.pid}-${runs}`;
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(["-n", "dns-system", ...args]);
  await kubectl("create", "job", job, "--from=cronjob/reconciler");
  try {
    const failed = await eventually(60, async () => {
      const { status } = JSON.parse(await kubectl("get", "job", job, "-o", "json")) as {
        status: { succeeded?: number; failed?: number };
      };
      if ((status.succeeded ?? 0) + (status.failed ?? 0) === 0) throw new Error(`${job} has not ended`);
      return (status.failed ?? 0) > 0;
    });
    const log = await kubectl("logs", `job/${job}`);
    return { failed, log, counters: countersOf(log) };
  } finally {
    await kubectl("delete", "job", job, "--wait=false");
  }
}

function countersOf(log: string): ReconcilerRun["counters"] {
  for (const line of log.trimEnd().split("\n").reverse()) {
    const { counters } = JSON.parse(line) as { counters?: ReconcilerRun["counters"] };
    if (counters) return counters;
  }
  throw new Error(`the reconciler printed no counters:\n${log}`);
}
