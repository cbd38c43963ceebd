import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { isObject, textAt, valueAt, type Json } from "../wire";

/** How to reach and persuade one API server. */
export interface ClusterAccess {
  readonly server: URL;
  /** The namespace of objects that name none. */
  readonly namespace: string;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly serverName?: string;
  readonly insecure: boolean;
  readonly authorization?: string;
}

/** Provider settings that choose a cluster. */
export interface KubeconfigChoice {
  /** Path or contents. Without it: `$KUBECONFIG`, then `~/.kube/config`. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly namespace?: string;
}

interface Loaded {
  readonly document: Json;
  readonly folder: string;
}

function load(kubeconfig: string | undefined): Loaded {
  const given = kubeconfig ?? process.env["KUBECONFIG"] ?? join(homedir(), ".kube/config");
  const path = given.replace(/^~(?=\/)/, homedir());
  if (!path.includes("\n") && !path.startsWith("{") && existsSync(path)) {
    return { document: parse(readFileSync(path, "utf8")) as Json, folder: dirname(resolve(path)) };
  }
  const document = parse(given) as Json;
  if (!isObject(document)) throw new Error(`stat ${path}: no such file or directory`);
  return { document, folder: process.cwd() };
}

function named(document: Json, list: string, name: string): Json | undefined {
  const items = valueAt(document, [list]);
  return Array.isArray(items) ? items.find((item) => textAt(item, "name") === name) : undefined;
}

function bytes(holder: Json | undefined, key: string, folder: string): Buffer | undefined {
  const inline = textAt(holder, `${key}-data`);
  if (inline) return Buffer.from(inline, "base64");
  const path = textAt(holder, key);
  return path ? readFileSync(resolve(folder, path)) : undefined;
}

function authorizationOf(user: Json | undefined, folder: string): string | undefined {
  const file = textAt(user, "tokenFile");
  const token = file ? readFileSync(resolve(folder, file), "utf8").trim() : textAt(user, "token");
  if (token) return `Bearer ${token}`;
  const name = textAt(user, "username");
  return name ? `Basic ${Buffer.from(`${name}:${textAt(user, "password") ?? ""}`).toString("base64")}` : undefined;
}

/** The active cluster of a kubeconfig, to see whether a changed kubeconfig means another one; undefined when there is none. */
export function activeCluster(choice: KubeconfigChoice): Json | undefined {
  try {
    const { document } = load(choice.kubeconfig);
    const context = named(document, "contexts", choice.context ?? textAt(document, "current-context") ?? "");
    return valueAt(named(document, "clusters", choice.cluster ?? textAt(context, "context", "cluster") ?? ""), [
      "cluster",
    ]);
  } catch {
    return undefined;
  }
}

/** Reads a kubeconfig. Throws an Error worded as client-go words it: no such context, no such file, … */
export function readKubeconfig(choice: KubeconfigChoice): ClusterAccess {
  const { document, folder } = load(choice.kubeconfig);
  const contextName = choice.context ?? textAt(document, "current-context") ?? "";
  const context = valueAt(named(document, "contexts", contextName), ["context"]);
  if (!isObject(context))
    throw new Error(
      contextName
        ? `context "${contextName}" does not exist`
        : "invalid configuration: no configuration has been provided",
    );
  const clusterName = choice.cluster ?? textAt(context, "cluster") ?? "";
  const cluster = valueAt(named(document, "clusters", clusterName), ["cluster"]);
  const server = textAt(cluster, "server");
  if (!server) throw new Error(`cluster "${clusterName}" does not exist`);
  const user = valueAt(named(document, "users", textAt(context, "user") ?? ""), ["user"]);
  const ca = bytes(cluster, "certificate-authority", folder);
  const cert = bytes(user, "client-certificate", folder);
  const key = bytes(user, "client-key", folder);
  const serverName = textAt(cluster, "tls-server-name");
  const authorization = authorizationOf(user, folder);
  return {
    server: new URL(server),
    namespace: choice.namespace ?? textAt(context, "namespace") ?? "default",
    insecure: valueAt(cluster, ["insecure-skip-tls-verify"]) === true,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName && { serverName }),
    ...(authorization && { authorization }),
  };
}
