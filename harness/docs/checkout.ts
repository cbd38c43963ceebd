import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";

import type { Cluster } from "../clusters";
import { enginePath, withoutEngineLogs } from "../pulumi/driver";
import { toolPath } from "../tools";
import { binDir, cacheDir, keepCompiled } from "../tools/cache";
import { run } from "../tools/run";

const root = join(__dirname, "..", "..");
/** What no checkout has. */
const notCopied = ["node_modules", ".git", "dist", "coverage"];

/** A copy of this repository in a home of its own: what a new user has, with the tools that the text asks for on PATH. */
export interface Checkout extends Disposable {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Makes a checkout whose kubeconfig has the given clusters as contexts. */
export async function checkOut(clusters: readonly Cluster[] = []): Promise<Checkout> {
  const home = mkdtempSync(join(tmpdir(), "dns-mesh-docs-"));
  const folder = join(home, "dns-mesh");
  cpSync(root, folder, { recursive: true, filter: (file) => !notCopied.includes(relative(root, file)) });
  // Links instead of copies: npm finds all that the lock file names, and the program its packages.
  await run("cp", ["-al", join(root, "node_modules"), join(folder, "node_modules")]);
  if (clusters.length > 0) {
    mkdirSync(join(home, ".kube"));
    const files = clusters.map(({ kubeconfig }) => kubeconfig).join(delimiter);
    const env = { ...process.env, KUBECONFIG: files };
    const merged = await run(toolPath("kubectl"), ["config", "view", "--flatten"], { env });
    writeFileSync(join(home, ".kube", "config"), merged, { mode: 0o600 });
  }
  const ofOurs = ["KUBECONFIG", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_BACKEND_URL"];
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofOurs.includes(name)));
  withoutEngineLogs(join(home, ".pulumi"));
  const env = {
    ...inherited,
    HOME: home,
    // Tools are not made anew.
    DNS_MESH_CACHE: cacheDir(),
    ...keepCompiled(),
    PULUMI_HOME: join(home, ".pulumi"),
    PATH: [binDir(), await enginePath()].join(delimiter),
    // For a program instead of a person at the keyboard.
    PULUMI_SKIP_CONFIRMATIONS: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
  return {
    folder,
    env,
    [Symbol.dispose]: () => {
      rmSync(home, { recursive: true, force: true });
    },
  };
}
