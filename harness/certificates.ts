import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  type CertificateSpec,
  createCertificate,
  encodeAlternativeNames,
  encodeDistinguishedName,
  keyIdOf,
  readCertificate,
} from "./plugins/tls/x509";

/** A certificate and its private key, as PEM texts. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What {@link issue} makes. */
export interface IssueOptions {
  /** Who signs it: from {@link makeAuthority}, or any CA whose key is at hand. */
  readonly ca: Identity;
  /** Subject, and the first DNS name. */
  readonly name: string;
  /** More DNS names. */
  readonly names?: readonly string[];
  readonly ips?: readonly string[];
  /** Days until it ends. @default 1 */
  readonly days?: number;
  /** It ended a minute ago. */
  readonly expired?: boolean;
  /** It begins in an hour. */
  readonly early?: boolean;
  /** @default ["server_auth", "client_auth"] */
  readonly uses?: readonly string[];
  /** Signs for this key instead of a new one: a renewal that keeps its key. */
  readonly key?: string;
}

/** Names of the files of a site's folder, as `DNS_MESH_TLS` wants them. */
export const tlsFiles = { cert: "tls.crt", key: "tls.key", ca: "ca.crt" } as const;

const hourMs = 3_600_000;

/** A self-signed CA with an EC P-256 key, valid from an hour ago for `days`. */
export function makeAuthority(name = "dns-mesh test CA", days = 1): Identity {
  const signingKey = newKey();
  const subject = encodeDistinguishedName({ commonName: name });
  const { pem } = createCertificate({
    subject,
    issuer: subject,
    publicKey: signingKey,
    signingKey,
    ...validity({ days }),
    uses: ["cert_signing", "crl_signing", "digital_signature"],
    isCa: true,
    subjectKeyId: keyIdOf(signingKey),
  });
  return { cert: pem, key: pemOf(signingKey) };
}

/**
 * A leaf certificate with an EC P-256 key. Valid from an hour ago.
 *
 * @example const site = issue({ ca: makeAuthority(), name: "site-a.dns.internal", ips: ["127.0.0.1"] });
 */
export function issue(options: IssueOptions): Identity {
  const subjectKey = options.key === undefined ? newKey() : createPrivateKey(options.key);
  const authority = readCertificate(options.ca.cert);
  const names = encodeAlternativeNames({
    dnsNames: [options.name, ...(options.names ?? [])],
    ipAddresses: options.ips ?? [],
  });
  const { pem } = createCertificate({
    subject: encodeDistinguishedName({ commonName: options.name }),
    issuer: authority.subject,
    publicKey: subjectKey,
    signingKey: createPrivateKey(options.ca.key),
    ...validity(options),
    uses: ["digital_signature", ...(options.uses ?? ["server_auth", "client_auth"])],
    isCa: false,
    subjectKeyId: keyIdOf(subjectKey),
    ...(authority.subjectKeyId && { authorityKeyId: authority.subjectKeyId }),
    ...(names && { alternativeNames: names }),
  });
  return { cert: pem, key: pemOf(subjectKey) };
}

/** Writes `tls.crt`, `tls.key` and `ca.crt` (one or several roots) into a folder, which is made. */
export async function writeIdentity(folder: string, identity: Identity, roots: readonly Identity[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, tlsFiles.cert), identity.cert);
  await writeFile(join(folder, tlsFiles.key), identity.key, { mode: 0o600 });
  await writeFile(join(folder, tlsFiles.ca), roots.map((root) => root.cert).join(""));
}

function newKey() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function pemOf(key: ReturnType<typeof newKey>): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function validity(
  options: Pick<IssueOptions, "days" | "expired" | "early">,
): Pick<CertificateSpec, "notBefore" | "notAfter"> {
  const now = Date.now();
  if (options.expired === true) return { notBefore: new Date(now - 2 * hourMs), notAfter: new Date(now - 60_000) };
  const notAfter = new Date(now + (options.days ?? 1) * 24 * hourMs);
  return { notBefore: new Date(now + (options.early === true ? hourMs : -hourMs)), notAfter };
}
