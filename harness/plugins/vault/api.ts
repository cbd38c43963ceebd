import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";

import { isObject, type Json, type Properties } from "../wire";

/** Vault refused, or does not have what was asked for. */
export class VaultApiError extends Error {
  override readonly name = "VaultError";

  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

function defaultToken(): string {
  const given = process.env["VAULT_TOKEN"];
  if (given) return given;
  try {
    return readFileSync(join(homedir(), ".vault-token"), "utf8").trim();
  } catch {
    return "";
  }
}

function textOf(config: Properties, key: string): string | undefined {
  const value = config[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A thin client of Vault's HTTP API. */
export class VaultApi {
  readonly #address: string;
  readonly #token: string;
  readonly #namespace: string | undefined;
  readonly #ca: Buffer | undefined;
  readonly #insecure: boolean;

  constructor(config: Properties) {
    this.#address = textOf(config, "address") ?? process.env["VAULT_ADDR"] ?? "";
    this.#token = textOf(config, "token") ?? defaultToken();
    this.#namespace = textOf(config, "namespace") ?? process.env["VAULT_NAMESPACE"];
    const ca = textOf(config, "caCertFile") ?? process.env["VAULT_CACERT"];
    this.#ca = ca ? readFileSync(ca) : undefined;
    this.#insecure = config["skipTlsVerify"] === true || config["skipTlsVerify"] === "true";
  }

  /** The answer's JSON. Throws VaultError. */
  async send(method: "GET" | "PUT" | "DELETE", path: string, body?: Json): Promise<Properties> {
    const { code, text } = await this.#exchange(method, path, body);
    const parsed = text === "" ? {} : (JSON.parse(text) as Json);
    if (code < 300) return isObject(parsed) ? parsed : {};
    const errors = isObject(parsed) && Array.isArray(parsed["errors"]) ? parsed["errors"].map(String) : [];
    throw new VaultApiError(
      code,
      `Error making API request.\n\nURL: ${method} ${this.#address}/v1/${path}\nCode: ${code}. Errors:\n\n* ${errors.join("\n* ")}`,
    );
  }

  /** The `data` of what is at a path, or undefined when nothing is. */
  async find(path: string): Promise<Properties | undefined> {
    try {
      const answer = await this.send("GET", path);
      return isObject(answer["data"]) ? answer["data"] : answer;
    } catch (error) {
      if (error instanceof VaultApiError && isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Writes; resolves with the `data` of the answer, empty when there is none. */
  async write(path: string, body: Json): Promise<Properties> {
    const answer = await this.send("PUT", path, body);
    return isObject(answer["data"]) ? answer["data"] : {};
  }

  /** Removes; what is gone already is a success. */
  async remove(path: string): Promise<void> {
    try {
      await this.send("DELETE", path);
    } catch (error) {
      if (!(error instanceof VaultApiError && isAbsent(error))) throw error;
    }
  }

  #exchange(method: string, path: string, body: Json | undefined): Promise<{ code: number; text: string }> {
    if (!this.#address)
      throw new Error("failed to configure Vault address: set the provider's `address` or VAULT_ADDR");
    const url = new URL(`/v1/${path}`, this.#address);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      headers: {
        "x-vault-token": this.#token,
        "x-vault-request": "true",
        ...(this.#namespace && { "x-vault-namespace": this.#namespace }),
        ...(text !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      },
      timeout: 60_000,
      ca: this.#ca,
      rejectUnauthorized: !this.#insecure,
    };
    return new Promise((resolve, reject) => {
      const sent = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`Vault at ${url.host} did not answer`)));
      sent.on("error", reject);
      sent.end(text);
    });
  }
}

function isAbsent(error: VaultApiError): boolean {
  return (
    error.code === 404 ||
    (error.code === 400 &&
      /no auth engine at|no secret engine mount at|no such mount|No auth engine at|No secret engine mount at/.test(
        error.message,
      ))
  );
}
