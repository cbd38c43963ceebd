import { X509Certificate } from "node:crypto";

import { readText, writeAtomically } from "../../../base/files";
import { certificateBlocks } from "../../../base/text";
import type { VaultPki } from "../../../vault/access";
import type { IssuedCertificate, VaultClient } from "../../../vault/client";
import { identityPaths, isKeyOf } from "./identity";

/** What {@link VaultCertificate} works with. */
export interface VaultCertificateParts {
  /** Gets `tls.crt`, `tls.key` and `ca.crt`. */
  readonly folder: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** What a look at the certificate goes by. */
export interface CertificateWish {
  readonly vault: Pick<VaultClient, "issue" | "issuer">;
  readonly pki: VaultPki;
  /** PEM of the roots that the mesh trusts. */
  readonly roots: string;
}

/** Share of its life after which a certificate is renewed at the latest, and by how much earlier at the most. */
const renewAfter = 2 / 3;
const spread = 0.05;
/** Between questions for the certificate that Vault issues with. */
const issuerEveryMs = 5 * 60_000;
/** Before another try when Vault made a certificate that will not do. */
const unfitWaitMs = 60_000;

/** Sees to it that a site has a certificate of Vault's PKI that is right and young enough. */
export class VaultCertificate {
  #issuer: { readonly pem: string; readonly at: number } | undefined;
  #until: number | undefined;
  #notBefore = 0;
  readonly #early: number;
  readonly #paths: ReturnType<typeof identityPaths>;

  constructor(private readonly parts: VaultCertificateParts) {
    this.#early = parts.random() * spread;
    this.#paths = identityPaths(parts.folder);
  }

  /** Milliseconds since 1970 at which the standing certificate expires; undefined when there is none. */
  get until(): number | undefined {
    return this.#until;
  }

  /** Has a certificate made when the one that stands will not do any more. Returns why, if so. */
  async look(wish: CertificateWish): Promise<string | undefined> {
    const issuer = await this.#currentIssuer(wish);
    await this.#replace(this.#paths.roots, union(wish.roots, issuer));
    const standing = await this.#standing();
    const reason = this.#unfit(standing, wish.pki, issuer);
    this.#until = standing && Date.parse(standing.certificate.validTo);
    if (reason === undefined || this.parts.now() < this.#notBefore) return undefined;
    await this.#renew(wish, issuer);
    return reason;
  }

  async #renew({ vault, pki }: CertificateWish, issuer: string): Promise<void> {
    const issued = await vault.issue(pki);
    const certificate = new X509Certificate(issued.certificate);
    const problem = this.#unfit({ certificate, key: issued.privateKey }, pki, issuer);
    if (problem !== undefined) {
      this.#issuer = undefined;
      this.#notBefore = this.parts.now() + unfitWaitMs;
      throw new Error(`Vault made a certificate that cannot be used: ${problem}`);
    }
    await this.#replace(this.#paths.privateKey, issued.privateKey);
    await this.#replace(this.#paths.certificate, chainOf(issued));
    this.#until = Date.parse(certificate.validTo);
  }

  async #currentIssuer({ vault, pki }: CertificateWish): Promise<string> {
    const known = this.#issuer;
    if (known !== undefined && this.parts.now() - known.at < issuerEveryMs) return known.pem;
    const pem = await vault.issuer(pki.mount);
    this.#issuer = { pem, at: this.parts.now() };
    return pem;
  }

  async #standing(): Promise<Pair | undefined> {
    const [text, key] = [await readText(this.#paths.certificate), await readText(this.#paths.privateKey)];
    if (text === undefined || key === undefined) return undefined;
    try {
      return { certificate: new X509Certificate(text), key };
    } catch {
      return undefined;
    }
  }

  /** Why a certificate will not do; undefined when it will. */
  #unfit(pair: Pair | undefined, pki: VaultPki, issuer: string): string | undefined {
    if (pair === undefined) return "there is none";
    const { certificate, key } = pair;
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (!isKeyOf(certificate, key)) return "its key is another one";
    if (!hasNames(certificate, pki)) return "names or addresses changed";
    if (!certificate.verify(new X509Certificate(issuer).publicKey)) return "another authority issues now";
    const renewAt = from + (until - from) * (renewAfter - this.#early);
    return this.parts.now() < renewAt ? undefined : "most of its life is over";
  }

  async #replace(path: string, text: string): Promise<void> {
    if ((await readText(path)) === text) return;
    await writeAtomically(path, text, 0o600);
  }
}

interface Pair {
  readonly certificate: X509Certificate;
  /** PEM. */
  readonly key: string;
}

/** Whether it is for exactly these names. */
function hasNames(certificate: X509Certificate, { commonName, ipSans }: VaultPki): boolean {
  const count = (certificate.subjectAltName ?? "").split(", ").length;
  const named = certificate.checkHost(commonName) !== undefined;
  return named && ipSans.every((address) => certificate.checkIP(address) !== undefined) && count === 1 + ipSans.length;
}

/** The certificate and those between it and the root, which who checks has already. */
function chainOf({ certificate, chain }: IssuedCertificate): string {
  const between = chain.filter((pem) => {
    const { subject, issuer } = new X509Certificate(pem);
    return subject !== issuer;
  });
  return [certificate, ...between].map(withNewline).join("");
}

/** All certificates of some texts, each once. */
function union(...texts: readonly string[]): string {
  const all = texts.flatMap(certificateBlocks);
  return [...new Set(all)].map(withNewline).join("");
}

function withNewline(pem: string): string {
  return `${pem.trim()}\n`;
}
