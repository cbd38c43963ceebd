import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";

import { messageOf, UserError } from "../base/errors";
import { bareHost } from "../base/text";
import { KubeClient, type KubeClientOptions } from "./client";
import { type ClusterChoice, type ClusterEntry, type ExecEntry, findContext, type FoundContext } from "./kubeconfig";
import { agentThrough, hostOf, identityOf, proxyOf, reachThrough } from "./proxy";

const run = promisify(execFile);
/** How patient a client is whose user waits: a cluster that is away should be named in seconds. */
export const briefly: Required<Pick<KubeClientOptions, "timeoutMs" | "tries">> = { timeoutMs: 5000, tries: 2 };
/** For a program that may ask a cloud. */
const execTimeoutMs = 60_000;

/**
 * A client for the cluster of a kubeconfig's context, as whom that says: by token, certificate, or a program that knows
 * (ExecCredential, as clouds have it), and through the proxy that the kubeconfig or the environment names.
 *
 * @param patience - How long to wait for an answer, how often, and how many connections are kept. @default half a minute, three times, none
 * @throws UserError when the kubeconfig cannot be read or its program fails.
 */
export async function clusterClient(
  choice: ClusterChoice,
  patience: Pick<KubeClientOptions, "timeoutMs" | "tries" | "connections"> = {},
): Promise<KubeClient> {
  const found = findContext(choice);
  const { cluster } = found;
  const proxy = proxyOf(cluster);
  const ca = pem(cluster, "certificate-authority");
  const servername = cluster["tls-server-name"];
  const { token, cert, key } = await credentialsOf(found);
  return new KubeClient({
    url: cluster.server.replace(/\/+$/, ""),
    timeoutMs: 30_000,
    ...patience,
    ...(proxy !== undefined && { agent: await agentThrough(proxy) }),
    ...(ca !== undefined && { ca }),
    ...(token !== undefined && { token: () => Promise.resolve(token) }),
    tls: {
      ...(cert !== undefined && key !== undefined && { cert, key }),
      ...(servername !== undefined && { servername }),
      ...(proxy !== undefined && servername === undefined && identityOf(cluster.server)),
      ...(cluster["insecure-skip-tls-verify"] === true && { rejectUnauthorized: false }),
    },
  });
}

const shared = new WeakMap<ClusterChoice, Promise<KubeClient>>();
/** Connections that checks of one run share. */
const sharedConnections = 4;

/**
 * The client of whoever looks several times with the same settings, the object itself: the kubeconfig's program is asked once, and
 * connections stay open.
 *
 * @throws UserError as {@link clusterClient}.
 */
export function sharedClient(choice: ClusterChoice): Promise<KubeClient> {
  const client = shared.get(choice) ?? clusterClient(choice, { connections: sharedConnections });
  shared.set(choice, client);
  return client;
}

interface Credentials {
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

async function credentialsOf({ file, cluster, user }: FoundContext): Promise<Credentials> {
  if (user.exec !== undefined) return execCredentials(user.exec, { file, cluster });
  const token = user.tokenFile === undefined ? user.token : named(user.tokenFile).trim();
  return { token, cert: pem(user, "client-certificate"), key: pem(user, "client-key") };
}

/** From the field itself, base64, or from the file that it names. */
function pem<F extends string>(
  entry: { readonly [K in F | `${F}-data`]?: string | undefined },
  field: F,
): string | undefined {
  const inline = entry[`${field}-data`];
  if (inline !== undefined) return Buffer.from(inline, "base64").toString("utf8");
  const path = entry[field];
  return path === undefined ? undefined : named(path);
}

/** A file that a kubeconfig names. @throws UserError when it cannot be read. */
function named(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(
      `a kubeconfig names ${path}, which cannot be read: ${messageOf(error)}; mend the kubeconfig, or make it anew`,
      { cause: error },
    );
  }
}

/** Neither what the program printed nor what it was called with is shown: both may hold secrets. */
async function execCredentials(
  exec: ExecEntry,
  { file, cluster }: Pick<FoundContext, "file" | "cluster">,
): Promise<Credentials> {
  const { apiVersion, command } = exec;
  const program = command.includes("/") ? resolve(dirname(file), command) : command;
  const spec = { interactive: false, ...(exec.provideClusterInfo === true && { cluster: clusterInfo(cluster) }) };
  const env = {
    ...process.env,
    ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind: "ExecCredential", spec }),
  };
  try {
    const { stdout } = await run(program, [...(exec.args ?? [])], { env, timeout: execTimeoutMs });
    const { status = {} } = JSON.parse(stdout) as { readonly status?: Readonly<Record<string, string>> };
    return { token: status["token"], cert: status["clientCertificateData"], key: status["clientKeyData"] };
  } catch (error) {
    const reason = error instanceof SyntaxError ? "what it printed is no JSON" : exitOf(error);
    throw new UserError(`"${command}", which ${file} names for who you are, failed: ${reason}; run it by hand`);
  }
}

function exitOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "number" || typeof code === "string" ? `it ended with ${code}` : "it was ended";
}

function clusterInfo(cluster: ClusterEntry): object {
  const ca = pem(cluster, "certificate-authority");
  return {
    server: cluster.server,
    ...(ca !== undefined && { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
  };
}

/**
 * Makes sure that a context exists and that its API server can be connected to, before anything is planned: an `up` of
 * an unchanged stack asks the cluster nothing, and would call a lost one fine.
 *
 * Behind a proxy, the server must answer through it.
 *
 * @returns the file that has the context: KUBECONFIG may list several, and Pulumi's provider takes one.
 * @param timeoutMs how long to wait for the connection. @default 5000
 * @throws UserError that names the file, the contexts that it has, or the server.
 */
export async function requireCluster(choice: ClusterChoice, timeoutMs = 5000): Promise<string> {
  const { cluster, file } = findContext(choice);
  const server = new URL(cluster.server);
  const proxy = proxyOf(cluster);
  if (proxy === undefined) await reach(server, timeoutMs);
  else
    await reachThrough(proxy, server, timeoutMs).catch((error: unknown) => {
      throw unreachable(server, `through the proxy ${hostOf(proxy)}: ${messageOf(error)}`);
    });
  return file;
}

function unreachable({ origin }: URL, reason: string): UserError {
  return new UserError(
    `configured Kubernetes cluster is unreachable: ${origin}: ${reason}. Nothing was changed; check the cluster, the network and the context, and run it again`,
  );
}

function reach(server: URL, timeoutMs: number): Promise<void> {
  const port = Number(server.port) || (server.protocol === "http:" ? 80 : 443);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: bareHost(server), port, timeout: timeoutMs });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(unreachable(server, reason));
    };
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => {
      fail(`no connection within ${timeoutMs} ms`);
    });
    socket.once("error", (error) => {
      fail(messageOf(error));
    });
  });
}
