import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { eventually } from "../eventually";
import { freePort } from "../free-port";
import { toolPath } from "../tools";
import { KubernetesApi } from "./kubernetes-api";

/** A real Kubernetes API server with its controllers on loopback, without a node: enough for everything but pods. */
export interface ControlPlane extends AsyncDisposable {
  readonly kubeconfig: string;
  readonly api: KubernetesApi;
}

/** Of an administrator. */
export const administrator = "an-administrator-of-a-test";

function kubeconfigText(folder: string, port: number): string {
  const cluster = { server: `https://127.0.0.1:${port}`, "certificate-authority": join(folder, "pki/apiserver.crt") };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "plane", cluster }],
    users: [{ name: "admin", user: { token: administrator } }],
    contexts: [{ name: "plane", context: { cluster: "plane", user: "admin" } }],
    "current-context": "plane",
  });
}

/**
 * Starts etcd, API server and controllers in a folder of their own. Takes some ten seconds.
 *
 * @param options.controllers - `false` for none: then no namespace gets an account by itself, and nothing that is owned goes with its owner.
 */
export async function startControlPlane({ controllers = true } = {}): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), "dns-mesh-plane-"));
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]): void => {
    children.push(spawn(program, args, { cwd: folder, stdio: "ignore" }));
  };
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const url = (port: number): string => `http://127.0.0.1:${port}`;
    start("etcd", [
      "--data-dir=etcd",
      `--listen-client-urls=${url(client)}`,
      `--advertise-client-urls=${url(client)}`,
      `--listen-peer-urls=${url(peer)}`,
      `--initial-advertise-peer-urls=${url(peer)}`,
      `--initial-cluster=default=${url(peer)}`,
      "--unsafe-no-fsync",
    ]);
    execFileSync("openssl", ["genrsa", "-out", join(folder, "sa.key"), "2048"], { stdio: "ignore" });
    writeFileSync(join(folder, "tokens.csv"), `${administrator},admin,admin,system:masters\n`, {
      mode: 0o600,
    });
    start(toolPath("kube-apiserver"), [
      `--etcd-servers=${url(client)}`,
      "--cert-dir=pki",
      `--secure-port=${secure}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=192.0.2.1",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-account-signing-key-file=sa.key",
      "--service-account-key-file=sa.key",
      "--token-auth-file=tokens.csv",
      "--authorization-mode=RBAC",
    ]);
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, kubeconfigText(folder, secure), { mode: 0o600 });
    const api = await eventually(60, async () => {
      const reachable = new KubernetesApi({ server: `https://127.0.0.1:${secure}`, token: administrator });
      await reachable.send({ method: "GET", path: "/api/v1/namespaces/default" });
      return reachable;
    });
    const plane = { kubeconfig, api, [Symbol.asyncDispose]: stop };
    if (!controllers) return plane;
    start(toolPath("kube-controller-manager"), [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--secure-port=0",
      "--service-account-private-key-file=sa.key",
      "--root-ca-file=pki/apiserver.crt",
    ]);
    await eventually(30, () => api.send({ method: "GET", path: "/api/v1/namespaces/default/serviceaccounts/default" }));
    return plane;
  } catch (error) {
    await stop();
    throw error;
  }
}
