import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

import { runPulumi } from "../stacks/pulumi-process";
import { type Check, hint, unknown, wrong } from "./check";

/** Where the command runs. */
export interface MachineParts {
  /** The project's folder. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether some stack's file has a secret that a passphrase opens. */
  readonly usesPassphrase: boolean;
  /** Paths of the kubeconfigs that are read. */
  readonly kubeconfigs: readonly string[];
  /** Version of Node.js. */
  readonly node: string;
}

const [leastNode, leastPulumi] = [22, [3, 259]] as const;

/** What this machine needs. */
export function machineChecks(parts: MachineParts): readonly Check[] {
  const { folder, env, node } = parts;
  const where = "this machine";
  const there = (path: string): boolean => existsSync(join(folder, path));
  return [
    {
      ...{ check: "node", where, fine: `Node.js ${node}` },
      look: () =>
        Number(node.split(".")[0]) >= leastNode
          ? undefined
          : wrong(`Node.js is ${node}`, `install version ${leastNode} or newer`),
    },
    {
      ...{ check: "project", where, fine: "the program is here" },
      look: () =>
        there("Pulumi.yaml")
          ? undefined
          : wrong(
              `${folder} has no Pulumi.yaml`,
              "run this in the folder of the program, or name a file there with --file",
            ),
    },
    {
      ...{ check: "packages", where, fine: "its packages are installed" },
      look: () => (there("node_modules/@pulumi/pulumi") ? undefined : wrong("its packages are missing", "npm install")),
    },
    { check: "pulumi", where, fine: "the Pulumi CLI is new enough", look: () => pulumiVersion(folder) },
    { check: "login", where, fine: "Pulumi's backend is reached", look: () => login(folder) },
    {
      ...{ check: "passphrase", where, fine: "secrets of the state can be opened" },
      look: () => {
        const isSet = [env["PULUMI_CONFIG_PASSPHRASE"], env["PULUMI_CONFIG_PASSPHRASE_FILE"]].some(Boolean);
        return !parts.usesPassphrase || isSet
          ? undefined
          : wrong(
              "a stack has secrets under a passphrase, and none is set",
              "export PULUMI_CONFIG_PASSPHRASE or …_FILE",
            );
      },
    },
    ...parts.kubeconfigs.map((file): Check => ({
      ...{ check: "kubeconfig-mode", where: file, fine: "only you can read it" },
      look: () => {
        const isOpen = (statSync(file).mode & 0o077) !== 0;
        return isOpen
          ? hint("others on this machine can read it, and it holds credentials", `chmod 600 ${file}`)
          : undefined;
      },
    })),
  ];
}

async function pulumiVersion(cwd: string) {
  const { code, stdout } = await runPulumi(["version"], { cwd });
  const found = /v?(\d+)\.(\d+)/.exec(stdout);
  if (code !== 0 || found === null) return unknown("pulumi version says nothing", "install the Pulumi CLI anew");
  const [major, minor] = [Number(found[1]), Number(found[2])];
  const [leastMajor, leastMinor] = leastPulumi;
  const isNew = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  return isNew ? undefined : wrong(`the Pulumi CLI is ${found[0]}`, `install ${leastPulumi.join(".")} or newer`);
}

async function login(cwd: string) {
  const { code, stderr } = await runPulumi(["whoami"], { cwd });
  if (code === 0) return undefined;
  return wrong(
    `Pulumi's backend is not reached: ${stderr.trim().split("\n")[0] ?? ""}`,
    'pulumi login, as in pulumi login "file://$HOME/dns-mesh-state"; then check the network and its credentials',
  );
}
