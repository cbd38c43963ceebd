/** How a site comes by keys and certificates: the part of the welcome packet that says whom to ask. Public data only. */
import { UserError } from "../errors";
import type { SiteRole } from "./model";

/** Who issues and renews the sites' certificates (ADR 0013). */
export type CertificateSource = "vault" | "cert-manager" | "pulumi";

/** When the key ring rotates by itself. Seconds. */
export interface RotationTimes {
  /** Age of the current key at which the next one is made. */
  readonly every: number;
  /** How long a site that does not answer with the next key delays the switch to it. */
  readonly patience: number;
  /** How long the previous key is accepted after the switch. */
  readonly overlap: number;
}

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
  readonly rotation?: RotationTimes;
}

/** Which of the site's programs asks Vault. */
export type VaultClient = "site" | "rotator";

/** Name of a site's role in its auth mount: `site` and `rotator` in a mount of its own, with the site's name in a shared one. */
export function vaultRole(method: "jwt" | "approle", client: VaultClient, site: string): string {
  return method === "jwt" ? client : `${client}-${site}`;
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
  throw fault("certificates", "must be vault, cert-manager or pulumi");
}

function parseVault(json: unknown): VaultWelcome {
  const vault = fields(json, "vault");
  const text = (name: string): string => textOf(vault[name], `vault.${name}`);
  return {
    address: text("address"),
    mount: text("mount"),
    audience: text("audience"),
    auth: parseAuth(vault["auth"]),
    ...(vault["caCert"] !== undefined && { caCert: text("caCert") }),
    ...(vault["pki"] !== undefined && { pki: parsePki(vault["pki"]) }),
  };
}

function parseAuth(json: unknown): VaultWelcome["auth"] {
  const { method, ...auth } = fields(json, "vault.auth");
  const path = textOf(auth["path"], "vault.auth.path");
  if (method === "jwt") return { method, path, namespace: textOf(auth["namespace"], "vault.auth.namespace") };
  if (method === "approle") return { method, path };
  throw fault("vault.auth.method", "must be jwt or approle");
}

function parsePki(json: unknown): NonNullable<VaultWelcome["pki"]> {
  const pki = fields(json, "vault.pki");
  return { mount: textOf(pki["mount"], "vault.pki.mount"), ttlHours: positive(pki["ttlHours"], "vault.pki.ttlHours") };
}

function parseRotation(json: unknown): RotationTimes {
  const rotation = fields(json, "rotation");
  return {
    every: positive(rotation["every"], "rotation.every"),
    patience: positive(rotation["patience"], "rotation.patience"),
    overlap: positive(rotation["overlap"], "rotation.overlap"),
  };
}

function fault(path: string, problem: string): UserError {
  return new UserError(
    `welcome packet: ${path} ${problem}; bring the shared stack and this site up with the same release`,
  );
}

function fields(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault(path, "must be a JSON object");
  return { ...value };
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") throw fault(path, "must be a text");
  return value;
}

function positive(value: unknown, path: string): number {
  if (typeof value !== "number" || !(value > 0)) throw fault(path, "must be a number above 0");
  return value;
}
