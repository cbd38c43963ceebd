/** How a site comes by keys and certificates: the part of the welcome packet that says whom to ask. Public data only. */
import * as z from "zod/mini";

import { objectOf, plainText, type Shape, variantOf } from "../base/shape";
import type { RotationSettings } from "../keyring/rotation-settings";
import type { SiteRole } from "./model";

const sources = ["vault", "cert-manager", "pulumi"] as const;

const source = z.enum(
  sources,
  "must be vault, cert-manager or pulumi; bring the shared stack and this site up with the same release",
);

const auth = z.discriminatedUnion(
  "method",
  [
    /** The site's service accounts must be in that namespace. */
    objectOf({ method: z.literal("jwt"), path: plainText, namespace: plainText }),
    objectOf({ method: z.literal("approle"), path: plainText }),
  ],
  variantOf("must be jwt or approle"),
);

const vault = objectOf({
  address: plainText,
  /** KV v2 mount that holds the ring. */
  mount: plainText,
  /** Audience of the pods' projected tokens. */
  audience: plainText,
  /** PEM of the authorities that Vault's own certificate is checked against; the system's when left out. */
  caCert: z.exactOptional(plainText),
  /** Auth mount: JWT for sites whose cluster's keys are in the list, AppRole for the others. */
  auth,
  /** PKI mount that issues the site's certificate. */
  pki: z.exactOptional(
    objectOf({ mount: plainText, ttlHours: z.number("must be above 0").check(z.positive("must be above 0")) }),
  ),
});

/** The part of a welcome packet that is about trust, but for the rotation. */
export const trustFields = { certificates: z.exactOptional(source), vault: z.exactOptional(vault) };

/** Who issues and renews the sites' certificates (ADR 0013). */
export type CertificateSource = (typeof sources)[number];

/** What a site's packet says of Vault. */
export type VaultWelcome = Shape<typeof vault>;

/** The part of a welcome packet that is about trust. */
export interface WelcomeTrust {
  /** `pulumi` when left out, as by releases that knew no other. */
  readonly certificates?: CertificateSource;
  readonly vault?: VaultWelcome;
  /** Present with Vault: without it, keys rotate by generation. */
  readonly rotation?: RotationSettings;
}

/** Which of the site's programs asks Vault. */
export type VaultProgram = "site" | "rotator";

/** What it logs in as: the agent of the pod that signs zones is the `signer` when it asks for their keys. */
export type VaultLogin = VaultProgram | "signer";

/** Those that have a role where Vault knows a pod by its cluster's token, and where it knows no more than a secret of the site. */
export const vaultLogins = {
  jwt: ["site", "rotator", "signer"],
  approle: ["site", "rotator"],
} as const satisfies Record<"jwt" | "approle", readonly VaultLogin[]>;

/** Name of the KV secret in which a site keeps its zones' DNSSEC keys. */
export function zoneKeysSecret(site: string): string {
  return `zone-keys/${site}`;
}

/** The pod that signs a site's zones. */
export const signingPod = "knot-0";

/** Name of a site's role in its auth mount: as the login in a mount of its own, with the site's name in a shared one. */
export function vaultRole(method: "jwt" | "approle", login: VaultLogin, site: string): string {
  return method === "jwt" ? login : `${login}-${site}`;
}

/** The auth mount that sites share whose clusters' keys are not in the list. */
export const appRoleMount = "dns-mesh-approle";

/** A site's own JWT auth mount. */
export function jwtMount(site: string): string {
  return `dns-mesh-${site}`;
}

/** A way for a site's programs to log in to Vault. */
export interface VaultEntrance {
  /** Paths of the roles, of which some may not be there. */
  readonly roles: readonly string[];
  /** Path that tokens come from, and with it the prefix of their leases. */
  readonly login: string;
}

/** Every way to log in that the shared stack may have made for a site. */
export function vaultEntrances(site: string): readonly VaultEntrance[] {
  const mounts = [
    { method: "jwt", path: jwtMount(site) },
    { method: "approle", path: appRoleMount },
  ] as const;
  return mounts.map(({ method, path }) => ({
    roles: vaultLogins[method].map((login) => `auth/${path}/role/${vaultRole(method, login, site)}`),
    login: `auth/${path}/login`,
  }));
}

/** Name of the PKI role that issues a site's certificate. */
export function pkiRole(site: string): string {
  return `site-${site}`;
}

/** Whether the key ring is rotated from a site: it lies in Vault, and the site is one of the catalog sites. */
export function rotatesKeys(packet: WelcomeTrust & { readonly site: { readonly role: SiteRole } }): boolean {
  return packet.vault !== undefined && packet.site.role !== "standard";
}
