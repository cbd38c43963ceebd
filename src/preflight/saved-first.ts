import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import { timeText } from "../base/text";
import { backupJobs } from "../contract/backups";
import type { KubeClient } from "../kube/client";
import { sharedClient } from "../kube/cluster-client";
import type { SiteConfig } from "../settings/site-settings";
import type { FormerOutputs } from "./former-outputs";

/** Age of a backup that a site may be removed with. By the default schedule there is always one. */
const mostAgeMs = 2 * 3_600_000;

/** What {@link requireSaved} goes by. */
export interface SavedFacts {
  readonly former: FormerOutputs | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The site's cluster. @default as the settings say */
  readonly client?: Pick<KubeClient, "get">;
}

/**
 * Refuses to lift a site's protection, by which a removal is marked, without a fresh backup: `destroy` asks nobody. Where the
 * settings have no backups, nothing is waited for; to take them out is how a removal without one is confirmed.
 *
 * @throws UserError with the command that makes one.
 */
export async function requireSaved(
  config: Pick<SiteConfig, "site" | "protect" | "backups" | "context" | "kubeconfig" | "namespace">,
  { former, now, client }: SavedFacts,
): Promise<void> {
  if (config.protect || config.backups === undefined || former === undefined || former["protect"] === false) return;
  const last = await lastBackup(config, client);
  if (last.kind === "none-due" || (last.kind === "made" && now - last.at <= mostAgeMs)) return;
  const [kubectl, job] = [`kubectl --context ${config.context} -n ${config.namespace}`, "before-removal"];
  throw new UserError(
    `dns-mesh:protect is false, so that ${config.site} may be destroyed, and its ${last.kind === "made" ? `last backup is of ${timeText(last.at)}` : "backups have not succeeded yet"}. ` +
      `Nothing was changed; make one (${kubectl} create job ${job} --from=cronjob/${backupJobs.backup}), wait for it (${kubectl} wait --for=condition=complete job/${job} --timeout=10m), and run this again; ` +
      `or take dns-mesh:backups out of the settings too, and what it has had since then goes with it (docs/removing.md)`,
  );
}

type LastBackup =
  | { readonly kind: "made"; readonly at: number }
  | { readonly kind: "never" }
  /** Backups are not on yet. */
  | { readonly kind: "none-due" };

async function lastBackup(
  config: Pick<SiteConfig, "context" | "kubeconfig" | "namespace">,
  given: SavedFacts["client"],
): Promise<LastBackup> {
  try {
    const client = given ?? (await sharedClient(config));
    const job = await client.get(`/apis/batch/v1/namespaces/${config.namespace}/cronjobs/${backupJobs.backup}`);
    if (job === undefined) return { kind: "none-due" };
    const at = Date.parse(String(fields(job["status"])["lastSuccessfulTime"]));
    return Number.isNaN(at) ? { kind: "never" } : { kind: "made", at };
  } catch (error) {
    throw new UserError(
      `dns-mesh:protect is false, and the CronJob "${backupJobs.backup}" of context "${config.context}" cannot be read, which says when the last backup was made: ${messageOf(error)}. ` +
        `Nothing was changed; whoever runs this must be able to read it, or take dns-mesh:backups out of the settings too, and what the site has had since its last backup goes with it (docs/removing.md)`,
      { cause: error },
    );
  }
}
