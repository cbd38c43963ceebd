import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";

import { LabProcess, Log } from "../lab/process";
import { eventually } from "./eventually";
import { toolPath } from "./tools";
import { run } from "./tools/run";

/** cert-manager's controllers, as a process beside an API server. */
export interface CertManager extends AsyncDisposable {
  /** The end of what it logged. */
  log(): string;
}

/**
 * Installs cert-manager's definitions and runs its real controllers for issuers of the kinds CA and ACME and for certificates, without its webhook.
 *
 * @param kubeconfig - Path of an administrator's.
 * @param flags - Further ones for the controllers.
 */
export async function startCertManager(kubeconfig: string, flags: readonly string[] = []): Promise<CertManager> {
  const program = toolPath("cert-manager-controllers");
  const definitions = join(dirname(realpathSync(program)), "crds");
  const kubectl = (...args: string[]): Promise<string> =>
    run(toolPath("kubectl"), ["--kubeconfig", kubeconfig, ...args], { timeoutMs: 60_000 });
  await kubectl("apply", "--server-side", "-f", definitions);
  await eventually(30, () => kubectl("wait", "--for", "condition=Established", "crd", "--all", "--timeout", "10s"));
  const log = new Log();
  const controllers = new LabProcess({ command: [program, "--kubeconfig", kubeconfig, ...flags], log });
  return {
    log: () => log.text,
    async [Symbol.asyncDispose]() {
      await controllers.end("SIGTERM");
    },
  };
}
