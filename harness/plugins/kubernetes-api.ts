import { Agent } from "node:https";

import { exchangeHttp } from "../../src/base/http-exchange";
import { isObject, type Json, type Properties, textAt } from "./wire";

/** One request to the API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: Json;
  readonly contentType?: string;
}

/** An API server on this machine, and the token of an administrator. */
export interface ApiAccess {
  readonly server: string;
  readonly token: string;
}

/** What tests ask of an API server: JSON in, JSON out. A refusal is an Error with the server's own words. */
export class KubernetesApi {
  // The server made its own certificate, and it is on loopback.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 12, rejectUnauthorized: false });

  constructor(private readonly access: ApiAccess) {}

  /** Sends one request. */
  async send({ method, path, body, contentType = "application/json" }: ApiRequest): Promise<Properties> {
    const answer = await exchangeHttp({
      method,
      url: `${this.access.server}${path}`,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${this.access.token}`,
        ...(body !== undefined && { "content-type": contentType }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: 32_000,
      agent: this.#agent,
      tls: { rejectUnauthorized: false },
    });
    const content = parsed(answer.body);
    if (answer.status < 300) return isObject(content) ? content : {};
    throw new Error(textAt(content, "message") ?? `${method} ${path}: status ${answer.status}: ${answer.body}`);
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
