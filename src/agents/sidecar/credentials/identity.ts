import { createPrivateKey, X509Certificate } from "node:crypto";
import { basename, join } from "node:path";

import { UserError } from "../../../base/errors";
import { readText } from "../../../base/files";
import { certificateBlocks, timeText } from "../../../base/text";
import type { TlsIdentity } from "../../../knot/config/site-config";

/** Paths of the files in the folder that a site's identity is given in. */
export function identityPaths(folder: string): Readonly<Record<keyof TlsIdentity, string>> {
  return {
    certificate: join(folder, "tls.crt"),
    privateKey: join(folder, "tls.key"),
    roots: join(folder, "ca.crt"),
  };
}

/**
 * Reads a site's certificate, its key and the roots, and sees whether they belong together.
 *
 * @param host - the name that the certificate must be for
 * @throws UserError that names the file and what is wrong, without anything of the key.
 */
export async function readIdentity(folder: string, host: string): Promise<TlsIdentity> {
  const read = async (path: string): Promise<string> => {
    const text = await readText(path);
    if (text === undefined) throw new UserError(`${path} is missing`);
    return text;
  };
  const paths = identityPaths(folder);
  const identity = {
    certificate: await read(paths.certificate),
    privateKey: await read(paths.privateKey),
    roots: await read(paths.roots),
  };
  check(identity, { folder, host });
  return identity;
}

/** From when to when a site's certificate holds, in milliseconds since 1970. */
export function lifetime({ certificate }: Pick<TlsIdentity, "certificate">): {
  readonly from: number;
  readonly to: number;
} {
  const leaf = new X509Certificate(certificate);
  return { from: Date.parse(leaf.validFrom), to: Date.parse(leaf.validTo) };
}

const dayMs = 86_400_000;

/** A sentence when a certificate ended, or ends so soon that its renewal must have failed; undefined otherwise. */
export function lifetimeProblem(identity: Pick<TlsIdentity, "certificate">, now: number): string | undefined {
  const { from, to } = lifetime(identity);
  if (now >= to) return `the site's certificate ended at ${timeText(to)}: other sites refuse it`;
  if (to - now > Math.min(30 * dayMs, (to - from) / 6)) return undefined;
  return `the site's certificate ends at ${timeText(to)} and was not renewed`;
}

function check({ certificate, privateKey, roots }: TlsIdentity, at: { folder: string; host: string }): void {
  const paths = identityPaths(at.folder);
  const path = paths.certificate;
  const chain = certificates(certificate, path);
  const trusted = certificates(roots, paths.roots);
  const [leaf] = chain;
  if (leaf === undefined) throw new UserError(`${path} holds no certificate`);
  if (!isKeyOf(leaf, privateKey)) {
    throw new UserError(`${paths.privateKey} is not the key of the certificate beside it (yet)`);
  }
  if (leaf.checkHost(at.host, { subject: "never" }) === undefined) {
    throw new UserError(`${path} is not for ${at.host}, but for ${leaf.subjectAltName ?? "no name"}`);
  }
  if (!leadsTo(leaf, chain, trusted)) {
    throw new UserError(`${path} was issued by none of the authorities in ${basename(paths.roots)}`);
  }
}

function certificates(pem: string, path: string): readonly X509Certificate[] {
  try {
    return certificateBlocks(pem).map((block) => new X509Certificate(block));
  } catch (error) {
    throw new UserError(`${path} is not a certificate in PEM form`, { cause: error });
  }
}

/** Whether signatures lead from a certificate over others to a trusted one. */
function leadsTo(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): boolean {
  let current = leaf;
  for (let steps = 0; steps <= others.length; steps++) {
    const isIssuer = (issuer: X509Certificate): boolean =>
      current.checkIssued(issuer) && current.verify(issuer.publicKey);
    if (trusted.some(isIssuer)) return true;
    const next = others.find((other) => other !== current && isIssuer(other));
    if (next === undefined) return false;
    current = next;
  }
  return false;
}

/** Whether a private key in PEM is that of a certificate; never when it cannot be read. */
export function isKeyOf(certificate: X509Certificate, privateKey: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    // The parser's message could show a piece of the key.
    return false;
  }
}
