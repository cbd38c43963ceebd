import type { Cluster } from "../clusters";

/** What an account may do to a resource. */
export interface Right {
  readonly resource: string;
  readonly names: readonly string[];
  readonly verbs: readonly string[];
}

/** What an account may do: to resources, and at addresses that are no resources. */
export interface Rights {
  readonly resources: readonly Right[];
  readonly urls: readonly string[];
}

/** What `kubectl auth can-i --list` says of a service account in its own namespace. */
export async function rightsOf(cluster: Cluster, namespace: string, account: string): Promise<Rights> {
  const subject = `system:serviceaccount:${namespace}:${account}`;
  const args = ["auth", "can-i", "--list", "--no-headers", "-n", namespace, "--as", subject];
  const lines = (await cluster.kubectl(args)).split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map((line) => {
    const match = /^(\S*)\s+\[(.*?)\]\s+\[(.*?)\]\s+\[(.*?)\]\s*$/.exec(line);
    if (!match) throw new Error(`kubectl said: ${line}`);
    const [, resource = "", urls = "", names = "", verbs = ""] = match;
    return { resource, urls: words(urls), names: words(names), verbs: words(verbs) };
  });
  return {
    resources: rows
      .filter(({ resource }) => resource !== "")
      .map(({ resource, names, verbs }) => ({ resource, names, verbs })),
    urls: rows.flatMap(({ resource, urls }) => (resource === "" ? urls : [])).sort(),
  };
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}
