import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

import { parse } from "yaml";

import { UserError } from "../base/errors";

/** Which cluster, as a user names it. */
export interface ClusterChoice {
  /** Path of a kubeconfig. @default KUBECONFIG, else ~/.kube/config */
  readonly kubeconfig?: string | undefined;
  readonly context: string;
}

/** A cluster, as a kubeconfig has it. */
export interface ClusterEntry {
  readonly server: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
}

/** A program that tells who somebody is, as a kubeconfig has it. */
export interface ExecEntry {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly provideClusterInfo?: boolean;
}

/** Who asks, as a kubeconfig has it. */
export interface UserEntry {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly exec?: ExecEntry;
}

/** What a context of a kubeconfig means. Relative paths in it have been made absolute. */
export interface FoundContext {
  /** The file that has the context. */
  readonly file: string;
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
}

interface Kubeconfig {
  readonly contexts?: readonly {
    readonly name: string;
    readonly context?: { readonly cluster?: string; readonly user?: string };
  }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster?: Partial<ClusterEntry> }[];
  readonly users?: readonly { readonly name: string; readonly user?: UserEntry }[];
}

const pathFields = ["certificate-authority", "client-certificate", "client-key", "tokenFile"] as const;

/**
 * Looks a context up, in all files that KUBECONFIG lists when none is named.
 *
 * @throws UserError that names the files and the contexts that they have.
 */
export function findContext(choice: ClusterChoice): FoundContext {
  const files = kubeconfigFiles(choice.kubeconfig);
  const documents = files.map((file) => ({ file, ...readKubeconfig(file) }));
  const contexts = documents.flatMap(({ file, contexts: all }) => (all ?? []).map((each) => ({ file, ...each })));
  const found = contexts.find(({ name }) => name === choice.context);
  if (!found) {
    const known = contexts.map(({ name }) => name).join(", ") || "none";
    throw new UserError(
      `dns-mesh:context: ${files.join(", ")} has no context "${choice.context}" (it has ${known}); set dns-mesh:context to one of them, or dns-mesh:kubeconfig to another file`,
    );
  }
  const cluster = documents
    .flatMap(({ file, clusters }) => (clusters ?? []).map((each) => ({ name: each.name, ...at(file, each.cluster) })))
    .find(({ name }) => name === found.context?.cluster);
  const { server } = cluster ?? {};
  if (cluster === undefined || server === undefined) {
    throw new UserError(`context "${choice.context}" in ${files.join(", ")} names a cluster without a server`);
  }
  const user = documents
    .flatMap(({ file, users }) => (users ?? []).map((each) => ({ name: each.name, ...at(file, each.user) })))
    .find(({ name }) => name === found.context?.user);
  return { file: found.file, cluster: { ...cluster, server }, user: user ?? {} };
}

/** Names of all contexts, in the order of the files. @throws UserError when there is no kubeconfig, or one cannot be read. */
export function contextsIn(kubeconfig?: string): readonly string[] {
  return kubeconfigFiles(kubeconfig).flatMap((file) => (readKubeconfig(file).contexts ?? []).map(({ name }) => name));
}

/** Paths in a kubeconfig are relative to its folder. */
function at<T extends object>(file: string, entry: T | undefined): Partial<T> {
  const paths = Object.entries(entry ?? {}).flatMap(([field, value]) =>
    pathFields.some((each) => each === field) && typeof value === "string" && value !== ""
      ? [[field, resolve(dirname(file), value)]]
      : [],
  );
  return { ...entry, ...(Object.fromEntries(paths) as Partial<T>) };
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
