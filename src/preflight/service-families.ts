import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import { KubeError, type KubeObject } from "../kube/answer";
import { sharedClient } from "../kube/cluster-client";
import { listObjects } from "../kube/watch";
import type { IpFamily } from "../settings/ip-families";
import type { SiteConfig } from "../settings/site-settings";

/** Services whose first family is that of the settings. */
const ours = /^(knot(-tcp|-headless|-writer|-\d+)?|resolver)$/;

/**
 * Holds the first family that Services are to have against the one that they have: Kubernetes never changes it.
 *
 * @returns names of those that have another one, each with it.
 */
export function otherFirstFamily(first: IpFamily, services: readonly KubeObject[]): readonly string[] {
  return services.flatMap((service) => {
    const name = service.metadata?.name ?? "";
    const { ipFamilies } = fields(service["spec"]);
    const has: unknown = Array.isArray(ipFamilies) ? ipFamilies[0] : undefined;
    return ours.test(name) && typeof has === "string" && has !== first ? [`${name} (${has})`] : [];
  });
}

/**
 * Looks whether Services of a running site can have the first family of its settings, before anything is planned. Asks nothing where the
 * settings say nothing of families.
 *
 * @throws UserError with the cure.
 */
export async function requireFirstFamily(
  config: Pick<SiteConfig, "service" | "context" | "kubeconfig" | "namespace">,
): Promise<void> {
  const [first] = config.service.ipFamilies ?? [];
  if (first === undefined) return;
  const others = otherFirstFamily(first, await servicesOf(config));
  if (others.length === 0) return;
  throw new UserError(
    `dns-mesh:service.ipFamilies begins with ${first}, and Services of context "${config.context}" begin with another family, ` +
      `which Kubernetes never changes: ${others.join(", ")}. Nothing was changed; list their family first, ` +
      `or make the site anew in the other family (docs/guides/ip-families.md#from-one-family-to-the-other)`,
  );
}

/** None where whoever runs this may not list them: the API server has the last word anyway. */
async function servicesOf(
  config: Pick<SiteConfig, "context" | "kubeconfig" | "namespace">,
): Promise<readonly KubeObject[]> {
  const client = await sharedClient(config);
  try {
    return (await listObjects(client, `/api/v1/namespaces/${config.namespace}/services`)).objects;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return [];
    throw new UserError(
      `the Services of context "${config.context}" cannot be listed, and with them the families that they have: ${messageOf(error)}. Nothing was changed`,
      { cause: error },
    );
  }
}
