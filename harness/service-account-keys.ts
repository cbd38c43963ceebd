import { delimiter } from "node:path";

import { blocksOf } from "./docs/blocks";
import { binDir } from "./tools/cache";
import { run } from "./tools/run";

/** PEM of a cluster's public keys, by the command of `docs/guides/vault.md`. */
export async function serviceAccountKeys(cluster: { kubeconfig: string; context: string }): Promise<string[]> {
  const [block = ""] = blocksOf("docs/guides/vault.md#letting-a-clusters-pods-in-by-jwt", "sh");
  const PATH = [binDir(), process.env["PATH"]].join(delimiter);
  const printed = await run("bash", ["-e", "-o", "pipefail"], {
    input: block.replace("--context site-a", `--context ${cluster.context}`),
    env: { ...process.env, PATH, KUBECONFIG: cluster.kubeconfig },
  });
  return printed.match(/-----BEGIN[^]+?-----END PUBLIC KEY-----/g) ?? [];
}
