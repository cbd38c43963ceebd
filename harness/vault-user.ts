import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

import type { VaultServer } from "./plugins/vault-server";

/** A cluster as far as Vault sees it: what signs service-account tokens. */
export interface TokenSigner {
  /** PEM. */
  readonly publicKey: string;
  token(claims: TokenClaims): string;
}

/** What a service-account token says. */
export interface TokenClaims {
  /** `namespace:account` */
  readonly account: string;
  /** The pod that the token is bound to. @default none */
  readonly pod?: string;
  /** @default "vault" */
  readonly audience?: string;
  /** @default 600 */
  readonly expiresInSeconds?: number;
}

/** Makes the keys of a cluster. */
export function tokenSigner(): TokenSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    token: (claims) => signed(claims, privateKey),
  };
}

/** A JWT as the API server makes them (RFC 7519; ES256 of RFC 7518 section 3.4). */
function signed(claims: TokenClaims, key: KeyObject): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: "https://kubernetes.default.svc.cluster.local",
    aud: [claims.audience ?? "vault"],
    sub: `system:serviceaccount:${claims.account}`,
    ...(claims.pod !== undefined && { "kubernetes.io": { pod: { name: claims.pod } } }),
    iat: now - 5,
    nbf: now - 5,
    exp: now + (claims.expiresInSeconds ?? 600),
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", typ: "JWT" })}.${part(payload)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** Vault's answer. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks Vault something with a token. */
export type Ask = (method: string, path: string, body?: object) => Promise<Answer>;

/** Whoever holds a token. */
export function vaultUser(vault: VaultServer, token?: string): Ask {
  return async (method, path, body) => {
    const response = await fetch(`${vault.address}/v1/${path}`, {
      method,
      headers: token === undefined ? {} : { "X-Vault-Token": token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  };
}

/**
 * Logs in at an auth mount.
 *
 * @throws Error with the status and Vault's words when it refuses.
 */
export async function login(vault: VaultServer, path: string, body: object): Promise<Ask> {
  const answer = await vaultUser(vault)("POST", `auth/${path}/login`, body);
  const auth = answer.body["auth"] as { client_token: string } | undefined;
  if (auth === undefined) throw new Error(`${answer.status}: ${JSON.stringify(answer.body["errors"])}`);
  return vaultUser(vault, auth.client_token);
}

/** The `data` of an answer. */
export function dataOf(answer: Answer): Readonly<Record<string, unknown>> {
  return (answer.body["data"] ?? {}) as Readonly<Record<string, unknown>>;
}
