import { UserError } from "../base/errors";
import { array, object, text } from "../base/json-fields";

/** How a program in a pod shows Vault who it is. Files hold what must be kept secret. */
export type VaultAuth =
  | { readonly method: "jwt"; readonly path: string; readonly role: string; readonly tokenFile: string }
  | {
      readonly method: "approle";
      readonly path: string;
      readonly roleIdFile: string;
      readonly secretIdFile: string;
    };

/** Where a site's certificate comes from, and what it is for. */
export interface VaultPki {
  readonly mount: string;
  readonly role: string;
  readonly commonName: string;
  readonly ipSans: readonly string[];
  readonly ttlHours: number;
}

/** What a program in a pod is told of Vault. Public: it opens nothing by itself. */
export interface VaultAccess {
  /** `https:` or `http:`. */
  readonly address: string;
  /** KV v2 mount. The ring is its secret `ring`. */
  readonly mount: string;
  readonly auth: VaultAuth;
  readonly pki?: VaultPki;
  /** PEM of the only roots that Vault's certificate may have; Node's own when left out. */
  readonly caFile?: string;
  /** Seconds between looks at the ring, a third more at the most. @default 15 */
  readonly pollSeconds?: number;
}

/** Name of the KV secret that holds the ring document. */
export const ringSecret = "ring";

/**
 * Reads what is told of Vault from parsed JSON.
 *
 * @throws UserError that names the field.
 */
export function parseVaultAccess(json: unknown): VaultAccess {
  const access = object(json, "vault");
  const address = text(access["address"], "vault: address");
  if (!/^https?:\/\/[^/]/.test(address)) throw new UserError("vault: address must be an http or https URL");
  const { pki, caFile, pollSeconds } = access;
  return {
    address: address.replace(/\/+$/, ""),
    mount: path(access["mount"], "vault: mount"),
    auth: parseAuth(access["auth"], "vault: auth"),
    ...(pki !== undefined && { pki: parsePki(pki, "vault: pki") }),
    ...(caFile !== undefined && { caFile: text(caFile, "vault: caFile") }),
    ...(pollSeconds !== undefined && { pollSeconds: positive(pollSeconds, "vault: pollSeconds") }),
  };
}

function parseAuth(json: unknown, at: string): VaultAuth {
  const auth = object(json, at);
  switch (auth["method"]) {
    case "jwt":
      return {
        method: "jwt",
        path: path(auth["path"], `${at}.path`),
        role: path(auth["role"], `${at}.role`),
        tokenFile: text(auth["tokenFile"], `${at}.tokenFile`),
      };
    case "approle":
      return {
        method: "approle",
        path: path(auth["path"], `${at}.path`),
        roleIdFile: text(auth["roleIdFile"], `${at}.roleIdFile`),
        secretIdFile: text(auth["secretIdFile"], `${at}.secretIdFile`),
      };
    default:
      throw new UserError(`${at}.method must be jwt or approle`);
  }
}

function parsePki(json: unknown, at: string): VaultPki {
  const pki = object(json, at);
  return {
    mount: path(pki["mount"], `${at}.mount`),
    role: path(pki["role"], `${at}.role`),
    commonName: text(pki["commonName"], `${at}.commonName`),
    ipSans: array(pki["ipSans"], `${at}.ipSans`).map((item, i) => text(item, `${at}.ipSans[${i}]`)),
    ttlHours: positive(pki["ttlHours"], `${at}.ttlHours`),
  };
}

/** A path below `/v1/`, without slashes at its ends. */
function path(value: unknown, at: string): string {
  const found = text(value, at).replace(/^\/+|\/+$/g, "");
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(found)) throw new UserError(`${at} must be a path in Vault such as dns-mesh`);
  return found;
}

function positive(value: unknown, at: string): number {
  if (typeof value !== "number" || !(value > 0)) throw new UserError(`${at} must be a number above zero`);
  return value;
}
