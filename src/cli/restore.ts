import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import { startOfDay } from "../base/text";
import { backupJobs } from "../contract/backups";
import { KubeError, type KubeObject } from "../kube/answer";
import type { KubeClient } from "../kube/client";
import { listObjects } from "../kube/watch";
import { requireSite } from "../preflight/live-site";
import { FailedError } from "./exit-codes";

/** What the user asked for. */
export interface RestoreRequest {
  readonly site: string;
  readonly namespace: string;
  /** ISO 8601; missing for the last backup. */
  readonly at?: string;
}

/** What a restore works with. */
export interface RestoreCommandParts {
  readonly kube: Pick<KubeClient, "get" | "create">;
  readonly request: RestoreRequest;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly print: (line: string) => void;
}

const [lookMs, patienceMs] = [1000, 4 * 3_600_000];

const lastMsOfDay = 86_400_000 - 1;

/** A time as it is handed on; of a day its end, or the present of one that has not ended. @throws UserError for what is none, or is to come. */
export function timeOf(text: string, now: number): string {
  const [, day = "", time] = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.exec(text) ?? [];
  const begins = startOfDay(day);
  const at = time === undefined ? begins : Date.parse(text);
  if (begins === undefined || at === undefined || Number.isNaN(at))
    throw new UserError(`--at "${text}" is not a time such as 2026-11-29T08:00:00Z or a day such as 2026-11-29`);
  if (at > now) throw new UserError(`--at ${text} is to come`);
  return new Date(time === undefined ? Math.min(begins + lastMsOfDay, now) : at).toISOString();
}

/**
 * Has a site's cluster restore a backup, by a job made from the suspended CronJob of its stack, and waits for it.
 *
 * @throws UserError with what the job said when it failed; nothing of the site was changed then.
 */
export async function restoreSite(parts: RestoreCommandParts): Promise<void> {
  const { kube, request, now, print } = parts;
  const { site, namespace, at } = request;
  await requireSite(
    { kube, namespace },
    site,
    `bring up ${site}'s stack, with backups.awaitRestore, and run this meanwhile`,
  );
  const template = await kube.get(`/apis/batch/v1/namespaces/${namespace}/cronjobs/${restoreJob}`);
  if (template === undefined)
    throw new UserError(`${namespace} has no CronJob ${restoreJob}: set "backups" of ${site}'s stack, and bring it up`);
  await requireAlone(kube, namespace);
  const name = `${restoreJob}-${now().toString(36)}`;
  await kube.create(`/apis/batch/v1/namespaces/${namespace}/jobs`, jobFrom(template, { name, at }));
  print(`job ${name} restores ${at === undefined ? "the last backup" : `the last backup up to ${at}`} of ${site}`);
  await follow(parts, name).catch((error: unknown) => {
    if (!(error instanceof KubeError)) throw error;
    // Such as a token of the kubeconfig's program that has ended before the job.
    throw new FailedError(
      `job ${name} was made and goes on, and cannot be followed any more: ${messageOf(error)}; see kubectl -n ${namespace} get job ${name}`,
      { cause: error },
    );
  });
  print(`${site} has its zones back`);
}

const restoreJob = backupJobs.restore;

/** One that was interrupted here goes on there, and both would write into the same folder of the volume. */
async function requireAlone(kube: RestoreCommandParts["kube"], namespace: string): Promise<void> {
  const { objects: jobs } = await listObjects(kube, `/apis/batch/v1/namespaces/${namespace}/jobs`);
  const under = jobs.find(
    (job) => job.metadata?.name?.startsWith(`${restoreJob}-`) === true && !hasEnded(job, "Complete", "Failed"),
  )?.metadata?.name;
  if (under === undefined) return;
  throw new UserError(
    `job ${under} restores already. Nothing was changed; wait for it (kubectl -n ${namespace} wait --for=condition=complete --timeout=4h job/${under}), ` +
      `or end it (kubectl -n ${namespace} delete job ${under}), and run this again`,
  );
}

function hasEnded(job: KubeObject, ...types: readonly string[]): boolean {
  const conditions =
    (fields(job["status"])["conditions"] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [];
  return conditions.some(({ type, status }) => types.includes(String(type)) && status === "True");
}

function jobFrom(template: KubeObject, job: { readonly name: string; readonly at: string | undefined }): KubeObject {
  const spec = fields(fields(fields(template["spec"])["jobTemplate"])["spec"]);
  const pod = fields(spec["template"]);
  const podSpec = fields(pod["spec"]);
  const containers = (podSpec["containers"] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [];
  const env = job.at === undefined ? [] : [{ name: "DNS_MESH_RESTORE_AT", value: job.at }];
  const changed = containers.map((one) => ({
    ...one,
    env: [...((one["env"] as readonly object[] | undefined) ?? []), ...env],
  }));
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: job.name },
    spec: { ...spec, template: { ...pod, spec: { ...podSpec, containers: changed } } },
  };
}

/** Prints how the job's pod fares, and waits for its end. */
async function follow({ kube, request, now, pause, print }: RestoreCommandParts, name: string): Promise<void> {
  const { namespace } = request;
  const end = now() + patienceMs;
  let shown = "";
  for (;;) {
    const job = await kube.get(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`);
    if (job === undefined) throw new FailedError(`job ${name} was deleted before it was done`);
    const pods = await kube.get(
      `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(`job-name=${name}`)}`,
    );
    const [pod] = (pods?.["items"] as readonly KubeObject[] | undefined) ?? [];
    const { state, message } = stateOf(pod);
    if (state !== shown) print(`  ${state}`);
    shown = state;
    if (hasEnded(job, "Complete")) return;
    if (hasEnded(job, "Failed"))
      throw new FailedError(`the restore failed: ${message ?? `see kubectl -n ${namespace} logs job/${name}`}`);
    if (now() > end) throw new FailedError(`job ${name} is not done after four hours; it goes on`);
    await pause(lookMs);
  }
}

function stateOf(pod: KubeObject | undefined): { readonly state: string; readonly message?: string } {
  const status = fields(pod?.["status"]);
  const conditions = (status["conditions"] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [];
  const unscheduled = conditions.find((one) => one["type"] === "PodScheduled" && one["status"] === "False");
  const known = [unscheduled?.["message"], status["phase"]].find((text) => typeof text === "string");
  const state = pod === undefined ? "no pod yet" : (known ?? "Pending");
  const [container] = (status["containerStatuses"] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [];
  const said = fields(fields(container?.["state"])["terminated"])["message"];
  return { state, ...(typeof said === "string" && { message: lastMessage(said) }) };
}

/** The message of the last line that the program logged. */
function lastMessage(log: string): string {
  const line = log.trim().split("\n").at(-1) ?? "";
  try {
    const { message } = JSON.parse(line) as { readonly message?: unknown };
    return typeof message === "string" ? message : line;
  } catch {
    return line;
  }
}
