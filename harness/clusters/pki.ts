import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "../tools/run";

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

interface Leaf {
  /** Name of the files, without suffix. */
  readonly file: string;
  readonly commonName: string;
  readonly organisation?: string;
  /** Such as `IP:192.0.2.1`. */
  readonly alternativeNames: readonly string[];
}

function requestConfig({ commonName, organisation, alternativeNames }: Leaf): string {
  return [
    "[req]",
    "distinguished_name = name",
    "prompt = no",
    "x509_extensions = leaf",
    "[name]",
    `CN = ${commonName}`,
    ...(organisation === undefined ? [] : [`O = ${organisation}`]),
    "[leaf]",
    "basicConstraints = critical, CA:FALSE",
    "keyUsage = critical, digitalSignature",
    "extendedKeyUsage = serverAuth, clientAuth",
    `subjectAltName = ${alternativeNames.join(", ")}`,
  ].join("\n");
}

/** Makes a set's certificate authority. It lives as long as the set. */
export async function createAuthority(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = ["-keyout", join(folder, "ca.key"), "-out", join(folder, "ca.crt")];
  await run("openssl", ["req", "-x509", ...newKey, ...files, "-subj", "/CN=dns-mesh test clusters", "-days", "30"]);
}

async function createLeaf(authority: string, folder: string, leaf: Leaf): Promise<void> {
  const file = join(folder, leaf.file);
  writeFileSync(`${file}.cnf`, requestConfig(leaf));
  const signer = ["-CA", join(authority, "ca.crt"), "-CAkey", join(authority, "ca.key"), "-days", "30"];
  const files = ["-config", `${file}.cnf`, "-keyout", `${file}.key`, "-out", `${file}.crt`];
  await run("openssl", ["req", "-x509", ...newKey, ...signer, ...files]);
}

/** Who is let in by which token: two administrators (credentials can be renewed) and the node. */
export interface Tokens {
  readonly admin: string;
  readonly other: string;
  readonly node: string;
}

/** Certificates, keys and tokens of one cluster, in a folder of their own. */
export async function createClusterKeys(cluster: {
  authority: string;
  folder: string;
  name: string;
  addresses: readonly string[];
}): Promise<Tokens> {
  const { authority, folder, name, addresses } = cluster;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const local = ["IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default.svc"];
  const alternativeNames = [...addresses.map((address) => `IP:${address}`), ...local];
  await Promise.all([
    createLeaf(authority, folder, { file: "apiserver", commonName: "kube-apiserver", alternativeNames }),
    createLeaf(authority, folder, { file: "kubelet", commonName: name, alternativeNames }),
    createLeaf(authority, folder, {
      file: "kubelet-client",
      commonName: "kube-apiserver",
      organisation: "system:masters",
      alternativeNames: ["DNS:kube-apiserver"],
    }),
    serviceAccountKey(folder),
  ]);
  const tokens: Tokens = { admin: token(), other: token(), node: token() };
  const lines = [
    `${tokens.admin},admin,admin,system:masters`,
    `${tokens.other},other-admin,other-admin,system:masters`,
    `${tokens.node},system:node:${name},node,system:nodes`,
  ];
  writeFileSync(join(folder, "tokens.csv"), lines.join("\n") + "\n", { mode: 0o600 });
  return tokens;
}

async function serviceAccountKey(folder: string): Promise<void> {
  const key = join(folder, "sa.key");
  if (existsSync(key)) return;
  await run("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
  await run("openssl", ["ec", "-in", key, "-pubout", "-out", join(folder, "sa.pub")]);
}

function token(): string {
  return randomBytes(24).toString("hex");
}

/** Writes a kubeconfig that needs no other file. JSON is YAML. */
export function writeKubeconfig(
  path: string,
  access: { name: string; server: string; token: string; caFile: string },
): void {
  const authority = readFileSync(access.caFile).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: access.name, cluster: { server: access.server, "certificate-authority-data": authority } }],
    users: [{ name: access.name, user: { token: access.token } }],
    contexts: [{ name: access.name, context: { cluster: access.name, user: access.name } }],
    "current-context": access.name,
  };
  writeFileSync(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
}
