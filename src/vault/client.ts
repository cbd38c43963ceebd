import { messageOf, UserError } from "../base/errors";
import { readText } from "../base/files";
import { exchangeHttp, type HttpRequest } from "../base/http-exchange";
import { fields } from "../base/json";
import type { VaultAuth, VaultPki } from "./access";

/** Why Vault did not do what was asked. */
export type VaultFailure =
  /** No answer: no route, refused, no trusted certificate, too late. */
  | { readonly kind: "unreachable"; readonly detail: string }
  /** It answers, but cannot serve: sealed, starting, overloaded. */
  | { readonly kind: "unavailable"; readonly status: number }
  /** It knows who we are and does not let us, or does not let us in. */
  | { readonly kind: "denied"; readonly words: string }
  | { readonly kind: "absent" }
  /** Somebody else wrote since the version was read that a write is for. */
  | { readonly kind: "lostRace" }
  | { readonly kind: "rejected"; readonly status: number; readonly words: string }
  | { readonly kind: "malformed"; readonly detail: string };

/** Everything that a {@link VaultClient} throws on purpose. Holds no token and no secret. */
export class VaultError extends Error {
  override readonly name = "VaultError";

  constructor(
    readonly failure: VaultFailure,
    context: string,
  ) {
    super(`${context}: ${describe(failure)}`);
  }
}

/** Where Vault is and who asks. */
export interface VaultClientOptions {
  /** `https:` or `http:`, without a slash at its end. */
  readonly address: string;
  readonly auth: VaultAuth | { readonly method: "token"; readonly token: string };
  /** PEM of the only roots that Vault's certificate may have, read anew for each request. */
  readonly caFile?: string;
  /** Milliseconds for each exchange; a function is asked each time. @default 5000 */
  readonly timeoutMs?: number | (() => number);
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** A secret of KV v2 with its version. */
export interface VaultSecret {
  readonly data: unknown;
  readonly version: number;
}

/** A certificate that Vault's PKI made, all PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  /** Certificates between it and the root. */
  readonly chain: readonly string[];
  readonly issuingCa: string;
  readonly privateKey: string;
}

interface Token {
  readonly text: string;
  /** Milliseconds since 1970, when a new one is asked for. */
  readonly renewAt: number;
}

interface Ask {
  readonly method: HttpRequest["method"];
  readonly path: string;
  readonly body?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Asks Vault over its HTTP API. Logs in when it must, and again instead of renewing a token. */
export class VaultClient {
  #token: Token | undefined;

  constructor(private readonly options: VaultClientOptions) {}

  /** The latest version of a KV v2 secret. @throws VaultError `absent` when there is none. */
  async readSecret(mount: string, name: string): Promise<VaultSecret> {
    const path = `${mount}/data/${name}`;
    const answer = await this.#ask({ method: "GET", path });
    const { data, metadata } = fields(fields(answer)["data"]);
    const { version } = fields(metadata);
    if (typeof version !== "number" || data === undefined) throw malformed(path, "no version");
    return { data, version };
  }

  /**
   * Writes a KV v2 secret if its version is still the one that was read; 0 when there must be none yet.
   *
   * @returns the new version.
   * @throws VaultError `lostRace` when it is not.
   */
  async writeSecret(secret: { mount: string; name: string; data: unknown; cas: number }): Promise<number> {
    const path = `${secret.mount}/data/${secret.name}`;
    const answer = await this.#ask({ method: "POST", path, body: { data: secret.data, options: { cas: secret.cas } } });
    const { version } = fields(fields(answer)["data"]);
    if (typeof version !== "number") throw malformed(path, "no version");
    return version;
  }

  /** A new certificate with its key. */
  async issue(pki: VaultPki): Promise<IssuedCertificate> {
    const path = `${pki.mount}/issue/${pki.role}`;
    const body = {
      common_name: pki.commonName,
      ip_sans: pki.ipSans.join(","),
      ttl: `${Math.round(pki.ttlHours * 3600)}s`,
      private_key_format: "pkcs8",
    };
    const data = fields(fields(await this.#ask({ method: "POST", path, body }))["data"]);
    const text = (name: string): string => {
      const value = data[name];
      if (typeof value !== "string") throw malformed(path, `no ${name}`);
      return value;
    };
    const chain = Array.isArray(data["ca_chain"]) ? data["ca_chain"].map(String) : [];
    const [certificate, issuingCa, privateKey] = [text("certificate"), text("issuing_ca"), text("private_key")];
    return { certificate, chain, issuingCa, privateKey };
  }

  /** The certificate that a PKI mount issues with now, PEM. Public: no token is needed for it. */
  async issuer(mount: string): Promise<string> {
    const path = `${mount}/ca/pem`;
    return await this.#exchange({ method: "GET", path }, undefined);
  }

  /** Writes to any path. */
  async write(path: string, body: unknown): Promise<Fields> {
    return fields(await this.#ask({ method: "POST", path, body }));
  }

  /** Deletes at any path; nothing there is as good. */
  async remove(path: string): Promise<void> {
    await this.#ask({ method: "DELETE", path });
  }

  /** Reads at any path. @throws VaultError `absent` when nothing is there. */
  async read(path: string): Promise<Fields> {
    return fields(await this.#ask({ method: "GET", path }));
  }

  /** A token that Vault takes no longer, revoked or expired early, is replaced once. */
  async #ask(request: Ask): Promise<unknown> {
    const known = this.#token;
    const token = await this.#currentToken();
    try {
      return parse(await this.#exchange(request, token.text), request.path);
    } catch (error) {
      const isStale = error instanceof VaultError && error.failure.kind === "denied" && token === known;
      if (!isStale) throw error;
      this.#token = undefined;
      return parse(await this.#exchange(request, (await this.#currentToken()).text), request.path);
    }
  }

  async #currentToken(): Promise<Token> {
    const now = (this.options.now ?? Date.now)();
    if (this.#token === undefined || this.#token.renewAt <= now) this.#token = await this.#login(now);
    return this.#token;
  }

  async #login(now: number): Promise<Token> {
    const { auth } = this.options;
    if (auth.method === "token") return { text: auth.token, renewAt: Infinity };
    const path = `auth/${auth.path}/login`;
    const body =
      auth.method === "jwt"
        ? { role: auth.role, jwt: await credential(auth.tokenFile) }
        : { role_id: await credential(auth.roleIdFile), secret_id: await credential(auth.secretIdFile) };
    try {
      const answer = fields(parse(await this.#exchange({ method: "POST", path, body }, undefined), path));
      const { client_token: text, lease_duration: seconds } = fields(answer["auth"]);
      if (typeof text !== "string" || typeof seconds !== "number") throw malformed(path, "no token");
      return { text, renewAt: now + (seconds * 1000 * 2) / 3 };
    } catch (error) {
      if (!(error instanceof VaultError) || error.failure.kind !== "rejected") throw error;
      throw new VaultError({ kind: "denied", words: error.failure.words }, contextOf("POST", path));
    }
  }

  async #exchange({ method, path, body }: Ask, token: string | undefined): Promise<string> {
    const context = contextOf(method, path);
    const { timeoutMs = 5000 } = this.options;
    const ca = this.options.caFile === undefined ? undefined : await credential(this.options.caFile);
    const response = await exchangeHttp({
      method,
      url: `${this.options.address}/v1/${path}`,
      headers: { "x-vault-request": "true", ...(token !== undefined && { "x-vault-token": token }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(ca !== undefined && { ca }),
      timeoutMs: typeof timeoutMs === "function" ? timeoutMs() : timeoutMs,
    }).catch((error: unknown) => {
      throw new VaultError({ kind: "unreachable", detail: messageOf(error) }, context);
    });
    if (response.status >= 200 && response.status < 300) return response.body;
    throw new VaultError(failureOf(response.status, response.body), context);
  }
}

function failureOf(status: number, body: string): VaultFailure {
  const words = wordsOf(body);
  if (status === 404) return { kind: "absent" };
  if (status === 403) return { kind: "denied", words };
  if (status === 400 && /check-and-set/.test(words)) return { kind: "lostRace" };
  if (status >= 500 || status === 412 || status === 429 || status === 472 || status === 473)
    return { kind: "unavailable", status };
  return { kind: "rejected", status, words };
}

/** Vault's own words, which repeat no secret; whatever is long enough to be one is left out all the same. */
function wordsOf(body: string): string {
  try {
    const { errors } = fields(JSON.parse(body));
    const words = Array.isArray(errors) ? errors.map(String).join("; ") : "";
    return words
      .replace(/\s+/g, " ")
      .replace(/[\w.+/=-]{40,}/g, "…")
      .slice(0, 300);
  } catch {
    return "";
  }
}

function describe(failure: VaultFailure): string {
  switch (failure.kind) {
    case "unreachable":
      return `Vault does not answer (${failure.detail})`;
    case "unavailable":
      return `Vault cannot serve now (status ${failure.status}; is it sealed?)`;
    case "denied":
      return `Vault denies it (${failure.words})`;
    case "absent":
      return "Vault has nothing there";
    case "lostRace":
      return "somebody else wrote it meanwhile";
    case "rejected":
      return `Vault says ${failure.status} (${failure.words})`;
    case "malformed":
      return `Vault's answer cannot be used (${failure.detail})`;
  }
}

function contextOf(method: string, path: string): string {
  return `${method} ${path}`;
}

function malformed(path: string, detail: string): VaultError {
  return new VaultError({ kind: "malformed", detail }, path);
}

/** Deleting and tuning have empty answers. */
function parse(body: string, path: string): unknown {
  if (body === "") return {};
  try {
    return JSON.parse(body);
  } catch {
    throw malformed(path, "not JSON");
  }
}

async function credential(path: string): Promise<string> {
  const found = (await readText(path))?.trim();
  if (found === undefined || found === "") throw new UserError(`${path} is missing or empty`);
  return found;
}
