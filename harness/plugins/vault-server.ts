import { spawn } from "node:child_process";
import { once } from "node:events";

import { eventually } from "../eventually";
import { freePort } from "../free-port";
import { toolPath } from "../tools";

/** A real Vault in memory, unsealed, with a KV engine at `secret/`. */
export interface VaultServer extends AsyncDisposable {
  readonly address: string;
  readonly token: string;
}

/**
 * Starts `vault server -dev` on a free port and waits until it is active.
 *
 * @param host - Address to listen on; that of a set of clusters, for their pods.
 */
export async function startVault(host = "127.0.0.1"): Promise<VaultServer> {
  const port = await freePort(host);
  const token = "root-of-a-test";
  const env = { ...process.env, VAULT_DEV_ROOT_TOKEN_ID: token, VAULT_DEV_LISTEN_ADDRESS: `${host}:${port}` };
  const child = spawn(toolPath("vault"), ["server", "-dev", "-dev-no-store-token"], { env, stdio: "ignore" });
  const ended = once(child, "exit");
  const address = `http://${host}:${port}`;
  await eventually(20, async () => {
    if (child.exitCode !== null) throw new Error(`vault ended with status ${child.exitCode}`);
    const health = await fetch(`${address}/v1/sys/health`);
    if (!health.ok) throw new Error(`vault answered ${health.status}`);
  });
  return {
    address,
    token,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
