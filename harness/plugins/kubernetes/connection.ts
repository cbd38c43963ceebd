import { messageOf } from "../../../src/base/errors";
import type { Difference } from "../provider";
import { hasUnknown, sameJson, type Properties } from "../wire";
import { ClusterObjects } from "./cluster";
import { changes, detailOf } from "./difference";
import { activeCluster, readKubeconfig } from "./kubeconfig";
import { choiceOf } from "./state";

const guide = "https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/";

/** The cluster of a provider, and why it cannot be reached, if so. */
export interface Connection {
  readonly cluster?: ClusterObjects;
  /** Worded as the real plugin words it, after "configured Kubernetes cluster is unreachable: ". */
  readonly unreachable?: string;
}

/** Looks for the cluster once, when the provider is configured: what cannot be reached then fails each operation at once. */
export async function connect(config: Properties): Promise<Connection> {
  let cluster: ClusterObjects;
  try {
    cluster = new ClusterObjects(readKubeconfig(choiceOf(config)));
  } catch (error) {
    const what = "unable to load Kubernetes client configuration from kubeconfig file";
    return {
      unreachable: `${what}. Make sure you have: \n\n \t • set up the provider as per ${guide} \n\n ${messageOf(error)}`,
    };
  }
  try {
    await cluster.probe();
    return { cluster };
  } catch (error) {
    return { cluster, unreachable: `unable to load schema information from the API server: ${messageOf(error)}` };
  }
}

/**
 * What a changed provider configuration means. Another cluster replaces the provider and with it every resource, unless
 * `clusterIdentifier` says that it is the same one.
 */
export function configDifference(olds: Properties, news: Properties): Difference {
  const found = changes(olds, news);
  const key = "clusterIdentifier";
  const replaces = new Set<string>();
  if (found.get(key) === "update") replaces.add(key);
  const identified = !found.has(key) && news[key] !== undefined;
  const before = activeCluster(choiceOf(olds));
  const after = activeCluster(choiceOf(news));
  const elsewhere = before !== undefined && after !== undefined && !sameJson(before, after);
  for (const path of ["kubeconfig", "context", "cluster"]) {
    if (!identified && found.has(path) && (elsewhere || hasUnknown(news[path]))) replaces.add(path);
  }
  return { detail: detailOf(found, [...replaces], []) };
}
