import { generateKeyPairSync } from "node:crypto";

import type { Mesh, SiteRole } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";

/** Keys of a shared stack that signs epochs, as PEM. */
export function epochSigner(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}

/** A mesh of sites without zones: site-a, site-b and so on, of these roles. */
export function meshOf(...roles: readonly SiteRole[]): Mesh {
  return parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: roles.map((role, i) => ({
      name: `site-${"abcdefgh"[i] ?? ""}`,
      role,
      addresses: [`192.0.2.${i + 1}`],
      zones: [],
    })),
  });
}
