/** How a site comes by keys and certificates: the part of the welcome packet that says whom to ask. Public data only. */
import { UserError } from "../base/errors";
import { object, text } from "../base/json-fields";
import { parseRotation, type RotationSettings } from "../keyring/rotation-settings";
import type { SiteRole } from "./model";

/** Who issues and renews the sites' certificates (ADR 0013). */
export type CertificateSource = "vault" | "cert-manager" | "pulumi";

/** What a site is told of Vault. */
export interface VaultWelcome {
  readonly address: string;
  /** KV v2 mount that holds the ring. */
  readonly mount: string;
  /** Audience of the pods' projected tokens. */
  readonly audience: string;
  /** PEM of the authorities that Vault's own certificate is checked against; the system's when left out. */
  readonly caCert?: string;
  /** Auth mount: JWT for sites whose cluster's keys are in the list, AppRole for the others. */
  readonly auth:
    /** The site's service accounts must be in that namespace. */
    | { readonly method: "jwt"; readonly path: string; readonly namespace: string }
    | { readonly method: "approle"; readonly path: string };
  /** PKI mount that issues the site's certificate. */
  readonly pki?: { readonly mount: string; readonly ttlHours: number };
}

/** The part of a welcome packet that is about trust. */
export interface WelcomeTrust {
  /** `pulumi` when left out, as by releases that knew no other. */
  readonly certificates?: CertificateSource;
  readonly vault?: VaultWelcome;
  /** Present with Vault: without it, keys rotate by generation. */
  readonly rotation?: RotationSettings;
}

/** Which of the site's programs asks Vault. */
export type VaultClient = "site" | "rotator";

/** Name of a site's role in its auth mount: `site` and `rotator` in a mount of its own, with the site's name in a shared one. */
export function vaultRole(method: "jwt" | "approle", client: VaultClient, site: string): string {
  return method === "jwt" ? client : `${client}-${site}`;
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
    roles: (["site", "rotator"] as const).map((client) => `auth/${path}/role/${vaultRole(method, client, site)}`),
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

/**
 * Reads the part of a welcome packet that is about trust.
 *
 * @throws UserError that names the field.
 */
export function parseTrust(packet: Readonly<Record<string, unknown>>): WelcomeTrust {
  const { certificates, vault, rotation } = packet;
  return {
    ...(certificates !== undefined && { certificates: parseSource(certificates) }),
    ...(vault !== undefined && { vault: parseVault(vault) }),
    ...(rotation !== undefined && { rotation: parseRotation(rotation) }),
  };
}

function parseSource(value: unknown): CertificateSource {
  if (value === "vault" || value === "cert-manager" || value === "pulumi") return value;
  throw new UserError(
    "welcome packet: certificates must be vault, cert-manager or pulumi; bring the shared stack and this site up with the same release",
  );
}

const at = "welcome packet: vault";

function parseVault(json: unknown): VaultWelcome {
  const vault = object(json, at);
  const field = (name: string): string => text(vault[name], `${at}.${name}`);
  return {
    address: field("address"),
    mount: field("mount"),
    audience: field("audience"),
    auth: parseAuth(vault["auth"]),
    ...(vault["caCert"] !== undefined && { caCert: field("caCert") }),
    ...(vault["pki"] !== undefined && { pki: parsePki(vault["pki"]) }),
  };
}

function parseAuth(json: unknown): VaultWelcome["auth"] {
  const { method, ...auth } = object(json, `${at}.auth`);
  const path = text(auth["path"], `${at}.auth.path`);
  if (method === "jwt") return { method, path, namespace: text(auth["namespace"], `${at}.auth.namespace`) };
  if (method === "approle") return { method, path };
  throw new UserError(`${at}.auth.method must be jwt or approle`);
}

function parsePki(json: unknown): NonNullable<VaultWelcome["pki"]> {
  const { mount, ttlHours } = object(json, `${at}.pki`);
  if (typeof ttlHours !== "number" || !(ttlHours > 0)) throw new UserError(`${at}.pki.ttlHours must be above 0`);
  return { mount: text(mount, `${at}.pki.mount`), ttlHours };
}
