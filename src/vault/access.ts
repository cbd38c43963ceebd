import * as z from "zod/mini";

import { listOf, objectOf, plainText, problem, readShape, type Shape, variantOf } from "../base/shape";

const positive = z.number("must be a number above zero").check(z.positive("must be a number above zero"));

/** A path below `/v1/`, without slashes at its ends. */
const path = z.string("must be a text").check(
  z.overwrite((found) => found.replace(/^\/+|\/+$/g, "")),
  problem((found: string) =>
    /^[\w.-]+(\/[\w.-]+)*$/.test(found) ? undefined : "must be a path in Vault such as dns-mesh",
  ),
);

const auth = z.discriminatedUnion(
  "method",
  [
    objectOf({ method: z.literal("jwt"), path, role: path, tokenFile: plainText }),
    objectOf({ method: z.literal("approle"), path, roleIdFile: plainText, secretIdFile: plainText }),
  ],
  variantOf("must be jwt or approle"),
);

const pki = objectOf({ mount: path, role: path, commonName: plainText, ipSans: listOf(plainText), ttlHours: positive });

const vaultAccess = objectOf({
  /** `https:` or `http:`. */
  address: z.string("must be a text").check(
    z.regex(/^https?:\/\/[^/]/, "must be an http or https URL"),
    z.overwrite((address) => address.replace(/\/+$/, "")),
  ),
  /** KV v2 mount. The ring is its secret `ring`. */
  mount: path,
  auth,
  pki: z.exactOptional(pki),
  /** Where the site keeps its zones' DNSSEC keys, and the role for that where it is another. */
  zoneKeys: z.exactOptional(objectOf({ secret: path, role: z.exactOptional(path) })),
  /** PEM of the only roots that Vault's certificate may have; Node's own when left out. */
  caFile: z.exactOptional(plainText),
  /** Seconds between looks at the ring, a third more at the most. @default 15 */
  pollSeconds: z.exactOptional(positive),
});

/** How a program in a pod shows Vault who it is. Files hold what must be kept secret. */
export type VaultAuth = Shape<typeof auth>;

/** Where a site's certificate comes from, and what it is for. */
export type VaultPki = Shape<typeof pki>;

/** How a program in a pod reaches Vault. Public: it contains no credential. */
export type VaultAccess = Shape<typeof vaultAccess>;

/** Name of the KV secret that holds the ring document. */
export const ringSecret = "ring";

/**
 * Reads the access to Vault from parsed JSON.
 *
 * @throws UserError that names the field.
 */
export function parseVaultAccess(json: unknown): VaultAccess {
  return readShape(vaultAccess, json, "vault:");
}
