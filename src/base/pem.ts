import { createPrivateKey, type X509Certificate } from "node:crypto";

/** The certificates of a PEM text, in its order. What stands between them is left out. */
export function certificateBlocks(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
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
