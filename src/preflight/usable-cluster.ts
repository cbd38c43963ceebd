import { requireCluster } from "../kube/cluster-client";
import type { SiteConfig } from "../settings/site-settings";
import { requireMonitoringKinds } from "./monitoring-kinds";
import { requireFirstFamily } from "./service-families";
import { requireStorage } from "./storage";

/**
 * Makes sure, before anything is planned, that a site's cluster can be connected to and can become what the settings say. It is
 * asked for everything at the same time: a far one takes a fifth of a second to answer.
 *
 * @returns the file that has its context, as {@link requireCluster} does.
 * @throws UserError of the first check that fails, in their order.
 */
export async function requireUsableCluster(config: SiteConfig): Promise<string> {
  const kubeconfig = await requireCluster(config);
  const checks = [requireStorage, requireFirstFamily, requireMonitoringKinds].map((check) => begun(check(config)));
  for (const check of checks) await check;
  return kubeconfig;
}

/** Work that goes on beside what is waited for first: that it failed is said where it is waited for, if ever. */
export function begun<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}
