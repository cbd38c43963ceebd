import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { messageOf, UserError } from "../errors";

/** Which cluster, as a user names it. */
export interface ClusterChoice {
  /** Path of a kubeconfig. @default KUBECONFIG, else ~/.kube/config */
  readonly kubeconfig?: string | undefined;
  readonly context: string;
}

interface Kubeconfig {
  readonly contexts?: readonly { readonly name: string; readonly context?: { readonly cluster?: string } }[];
  readonly clusters?: readonly {
    readonly name: string;
    readonly cluster?: { readonly server?: string; readonly "proxy-url"?: string };
  }[];
}

/**
 * Makes sure that a context exists and that its API server can be connected to, before anything is planned: an `up` of
 * an unchanged stack asks the cluster nothing, and would call a lost one fine.
 *
 * A cluster behind a `proxy-url` is taken as it is, since only the provider's plugin knows how to use the proxy.
 *
 * @returns the file that has the context: KUBECONFIG may list several, and Pulumi's provider takes one.
 * @param timeoutMs how long to wait for the connection. @default 5000
 * @throws UserError that names the file, the contexts that it has, or the server.
 */
export async function requireCluster(choice: ClusterChoice, timeoutMs = 5000): Promise<string> {
  const files = kubeconfigFiles(choice.kubeconfig);
  const documents = files.map(readKubeconfig);
  const contexts = documents.flatMap((document) => document.contexts ?? []);
  const context = contexts.find(({ name }) => name === choice.context);
  if (!context) {
    const known = contexts.map(({ name }) => name).join(", ") || "none";
    throw new UserError(
      `dns-mesh:context: ${files.join(", ")} has no context "${choice.context}" (it has ${known}); set dns-mesh:context to one of them, or dns-mesh:kubeconfig to another file`,
    );
  }
  const cluster = documents
    .flatMap((document) => document.clusters ?? [])
    .find(({ name }) => name === context.context?.cluster)?.cluster;
  if (cluster?.server === undefined) {
    throw new UserError(`context "${choice.context}" in ${files.join(", ")} names a cluster without a server`);
  }
  if (cluster["proxy-url"] === undefined) await reach(new URL(cluster.server), timeoutMs);
  const holder = documents.findIndex((document) => document.contexts?.some(({ name }) => name === choice.context));
  return files[holder] ?? "";
}

function kubeconfigFiles(given: string | undefined): string[] {
  const paths = given === undefined ? (process.env["KUBECONFIG"] ?? "~/.kube/config").split(delimiter) : [given];
  const files = paths.filter((path) => path !== "").map((path) => path.replace(/^~(?=\/)/, homedir()));
  const present = files.filter((path) => existsSync(path));
  if (present.length > 0) return present;
  throw new UserError(
    `there is no kubeconfig at ${files.join(", ") || join(homedir(), ".kube/config")}; set dns-mesh:kubeconfig to its path`,
  );
}

function readKubeconfig(path: string): Kubeconfig {
  const document = parseYaml(path);
  if (typeof document !== "object" || document === null) throw new UserError(`${path} is not a kubeconfig`);
  return document;
}

function parseYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (error) {
    // The parser's message would quote lines of the file, which holds credentials.
    throw new UserError(`${path} cannot be read as YAML`, { cause: error });
  }
}

function reach(server: URL, timeoutMs: number): Promise<void> {
  const port = Number(server.port) || (server.protocol === "http:" ? 80 : 443);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.hostname.replace(/^\[|\]$/g, ""), port, timeout: timeoutMs });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(
        new UserError(
          `configured Kubernetes cluster is unreachable: ${server.origin}: ${reason}. Nothing was changed; check the cluster, the network and the context, and run it again`,
        ),
      );
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
