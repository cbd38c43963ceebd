import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Line } from "../harness/line";
import { startVault, type VaultServer } from "../harness/plugins/vault-server";
import { type TokenSigner, tokenSigner } from "../harness/vault-user";
import { parseRingDocument, type RingDocument } from "../src/keyring/ring-document";
import { signingPod, type VaultLogin, type VaultProgram, zoneKeysSecret } from "../src/mesh/trust";
import { ringSecret, type VaultAccess, type VaultPki } from "../src/vault/access";
import { VaultClient } from "../src/vault/client";
import { listenInside } from "./inside";

/** KV v2 mount of the mesh; its PKI and auth mounts are called after it. */
export const vaultMount = "dns-mesh";

/** A real Vault with what the shared stack puts there, behind a line that can be cut. */
export class MeshVault implements AsyncDisposable {
  /** With all rights. */
  readonly root: VaultClient;
  readonly #sites = new Map<string, { readonly signer: TokenSigner; readonly addresses: readonly string[] }>();
  readonly #roots: { readonly id: string; readonly pem: string }[] = [];

  private constructor(
    private readonly server: VaultServer,
    private readonly line: Line,
    private readonly folder: string,
  ) {
    this.root = new VaultClient({ address: server.address, auth: { method: "token", token: server.token } });
  }

  /** @param ring - What Vault holds first. A single key when left out. */
  static async start(ring: RingDocument = firstRing()): Promise<MeshVault> {
    const server = await startVault();
    const folder = await mkdtemp(join(tmpdir(), "mesh-vault-"));
    const vault = new MeshVault(server, await Line.to(Number(new URL(server.address).port)), folder);
    await vault.root.write(`sys/mounts/${vaultMount}`, { type: "kv", options: { version: "2" } });
    await vault.root.writeSecret({ mount: vaultMount, name: ringSecret, data: ring, cas: 0 });
    return vault;
  }

  /** As sites reach it. */
  get address(): string {
    return `http://127.0.0.1:${this.line.port}`;
  }

  /** With all rights at the server itself, for programs that take a token. */
  get operator(): { readonly address: string; readonly token: string } {
    return { address: this.server.address, token: this.server.token };
  }

  /** Makes a root certificate, from which sites get theirs. */
  async enablePki(): Promise<void> {
    await this.root.write(`sys/mounts/${vaultMount}-pki`, { type: "pki", config: { max_lease_ttl: "87600h" } });
    await this.addRoot();
    await this.signWithLatestRoot();
  }

  /** Whether sites get their certificates from here. */
  get issues(): boolean {
    return this.#roots.length > 0;
  }

  /** All root certificates, PEM. */
  get roots(): string {
    return this.#roots.map(({ pem }) => `${pem.trim()}\n`).join("");
  }

  /** Makes one more root certificate, which signs nothing yet. */
  async addRoot(): Promise<void> {
    const body = { common_name: "dns-mesh root", key_type: "ec", key_bits: 256, ttl: "87600h" };
    const { data } = await this.root.write(`${vaultMount}-pki/root/generate/internal`, body);
    const { issuer_id: id, certificate: pem } = data as { issuer_id: string; certificate: string };
    this.#roots.push({ id, pem });
  }

  /** Lets the latest root certificate sign from now on. */
  async signWithLatestRoot(): Promise<void> {
    await this.root.write(`${vaultMount}-pki/config/issuers`, { default: this.#roots.at(-1)?.id });
  }

  /** The auth mount, the policies and the roles of a site, unless they are there. */
  async addSite(name: string, addresses: readonly string[]): Promise<void> {
    if (this.#sites.has(name)) return;
    const signer = tokenSigner();
    this.#sites.set(name, { signer, addresses });
    const path = `dns-mesh-${name}`;
    await this.root.write(`sys/auth/${path}`, { type: "jwt" });
    await this.root.write(`auth/${path}/config`, { jwt_validation_pubkeys: [signer.publicKey] });
    const ring = `path "${vaultMount}/data/${ringSecret}" { capabilities =`;
    const issue = `path "${vaultMount}-pki/issue/site-${name}" { capabilities = ["update"] }`;
    await this.#policy(`dns-mesh-site-${name}`, `${ring} ["read"] }\n${issue}`);
    await this.#policy("dns-mesh-rotator", `${ring} ["read", "update"] }`);
    await this.#role(name, "site", `dns-mesh-site-${name}`);
    await this.#role(name, "rotator", "dns-mesh-rotator");
    const keys = `path "${vaultMount}/data/${zoneKeysSecret(name)}" { capabilities = ["create", "read", "update"] }`;
    await this.#policy(`dns-mesh-zone-keys-${name}`, keys);
    await this.#role(name, "signer", `dns-mesh-zone-keys-${name}`);
    if (this.issues) await this.#pkiRole(name);
  }

  async #policy(name: string, policy: string): Promise<void> {
    await this.root.write(`sys/policies/acl/${name}`, { policy });
  }

  async #role(site: string, role: VaultLogin, policy: string): Promise<void> {
    await this.root.write(`auth/dns-mesh-${site}/role/${role}`, {
      role_type: "jwt",
      user_claim: "sub",
      bound_audiences: ["vault"],
      bound_subject: `system:serviceaccount:${accountOf(role)}`,
      ...(role === "signer" && { bound_claims: { "/kubernetes.io/pod/name": signingPod } }),
      token_policies: [policy],
      token_ttl: 600,
    });
  }

  async #pkiRole(site: string): Promise<void> {
    await this.root.write(`${vaultMount}-pki/roles/site-${site}`, {
      allowed_domains: [`${site}.dns.internal`],
      allow_bare_domains: true,
      allow_ip_sans: true,
      key_type: "ec",
      key_bits: 256,
      server_flag: true,
      client_flag: true,
      max_ttl: "2160h",
      not_before_duration: "1s",
    });
  }

  /** How a program of a site reaches Vault, with a token in a file. */
  async access(site: string, program: VaultProgram, more: Partial<VaultAccess> = {}): Promise<VaultAccess> {
    const tokenFile = join(this.folder, `${site}-${program}.jwt`);
    await writeFile(tokenFile, this.#token(site, program));
    const auth = { method: "jwt" as const, path: `dns-mesh-${site}`, role: program, tokenFile };
    const pki = this.issues && program === "site" && { pki: this.pki(site) };
    const keys = program === "site" && { zoneKeys: { secret: zoneKeysSecret(site), role: "signer" } };
    return { address: this.address, mount: vaultMount, auth, pollSeconds: 0.5, ...pki, ...keys, ...more };
  }

  /** Where a site gets its certificate. */
  pki(site: string, changes: Partial<VaultPki> = {}): VaultPki {
    const commonName = `${site}.dns.internal`;
    const ipSans = this.#sites.get(site)?.addresses ?? [];
    return { mount: `${vaultMount}-pki`, role: `site-${site}`, commonName, ipSans, ttlHours: 720, ...changes };
  }

  /** The ring as it stands in Vault. */
  async ring(): Promise<{ readonly document: RingDocument; readonly version: number }> {
    const { data, version } = await this.root.readSecret(vaultMount, ringSecret);
    return { document: parseRingDocument(data), version };
  }

  /** Makes Vault unreachable for all. */
  cut(): void {
    this.line.cut();
  }

  /** Sites of a network of their own reach it by the same address. */
  async reachFrom(enter: readonly string[]): Promise<void> {
    this.line.serve(await listenInside(enter, this.line.port));
  }

  /** Everybody does again. */
  heal(): void {
    this.line.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.line[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A token as a cluster's API server signs it for a pod. */
  #token(site: string, program: VaultProgram): string {
    const signer = this.#sites.get(site)?.signer;
    if (signer === undefined) throw new Error(`Vault does not know ${site}`);
    const pod = program === "site" ? { pod: signingPod } : {};
    return signer.token({ account: accountOf(program), ...pod, expiresInSeconds: 3600 });
  }
}

/** Namespace and account of a program's pods. */
function accountOf(program: VaultLogin): string {
  return `dns-system:${program === "rotator" ? "key-rotator" : "knot"}`;
}

/** A ring of one key that was made just now. */
export function firstRing(): RingDocument {
  const secret = randomBytes(32).toString("base64");
  const createdAt = new Date().toISOString();
  return { version: 1, current: { name: "mesh-1", algorithm: "hmac-sha256", secret, createdAt } };
}
