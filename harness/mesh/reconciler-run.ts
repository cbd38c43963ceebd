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

/**
 * Makes a Job as the site's CronJob would, waits until it has ended, and takes it away. The CronJob does not own it:
 * its history limits would have it removed as soon as a scheduled run ends.
 */
export async function runReconciler(cluster: Cluster): Promise<ReconcilerRun> {
  runs += 1;
  const name = `reconcile-test-${process.pid}-${runs}`;
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    cluster.kubectl(["-n", "dns-system", ...args], input);
  const { spec } = JSON.parse(await kubectl(["get", "cronjob", "reconciler", "-o", "json"])) as {
    spec: { jobTemplate: object };
  };
  const job = { ...spec.jobTemplate, apiVersion: "batch/v1", kind: "Job", metadata: { name } };
  await kubectl(["create", "-f", "-"], JSON.stringify(job));
  try {
    const failed = await eventually(60, async () => {
      const { status } = JSON.parse(await kubectl(["get", "job", name, "-o", "json"])) as {
        status: { succeeded?: number; failed?: number };
      };
      if ((status.succeeded ?? 0) + (status.failed ?? 0) === 0) throw new Error(`${name} has not ended`);
      return (status.failed ?? 0) > 0;
    });
    const log = await kubectl(["logs", `job/${name}`]);
    return { failed, log, counters: countersOf(log) };
  } finally {
    await kubectl(["delete", "job", name, "--wait=false"]);
  }
}

function countersOf(log: string): ReconcilerRun["counters"] {
  for (const line of log.trimEnd().split("\n").reverse()) {
    const { counters } = JSON.parse(line) as { counters?: ReconcilerRun["counters"] };
    if (counters) return counters;
  }
  throw new Error(`the reconciler printed no counters:\n${log}`);
}
