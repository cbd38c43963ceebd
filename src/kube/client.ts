import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { setTimeout as wait } from "node:timers/promises";

import { messageOf, UserError } from "../base/errors";
import {
  exchangeHttp,
  type HttpRequest,
  type HttpResponse,
  type LineListener,
  streamHttp,
  type TlsChoices,
} from "../base/http-exchange";
import { urlHost } from "../base/text";
import { aborted, judge, KubeError, type KubeObject, type Outcome } from "./answer";

/** Where the API server is and how we show who we are. */
export interface KubeClientOptions {
  /** For example `https://10.96.0.1:443`. */
  readonly url: string;
  /** PEM of the roots that sign the API server's certificate. */
  readonly ca?: string;
  /** Mounted tokens are replaced while we run. Left out for a client that shows a certificate. */
  readonly token?: () => Promise<string>;
  /** Milliseconds for which a token is used again. @default 0, asked for before each request */
  readonly tokenMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  readonly tls?: TlsChoices;
  /** Milliseconds for one request. @default 5000 */
  readonly timeoutMs?: number;
  /** How often a request is sent at most. @default 3 */
  readonly tries?: number;
  /** Milliseconds before the second try, doubled before each further one, with up to half of it on top. @default 200 */
  readonly backOffMs?: number;
  /** Between 0 and 1. @default Math.random */
  readonly random?: () => number;
  /** Connections that are kept for further requests; each request has its own otherwise. @default 0 */
  readonly connections?: number;
  /** Makes the connections, for example through a proxy. @default by `connections` */
  readonly agent?: Agent;
}

const folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * How a pod reaches the API server of its own cluster: by address, with the mounted root certificate and token.
 *
 * @throws UserError when the environment is not that of a pod, or the mount is missing.
 */
export async function inClusterOptions(
  env: Readonly<Record<string, string | undefined>>,
  mount = folder,
): Promise<Required<Pick<KubeClientOptions, "url" | "ca" | "token">>> {
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  if (host === "") throw new UserError("KUBERNETES_SERVICE_HOST is not set; run this inside a pod");
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(`${mount}/${name}`, "utf8");
    } catch (cause) {
      throw new UserError(`${mount}/${name} cannot be read; give the pod automountServiceAccountToken`, { cause });
    }
  };
  return {
    url: `https://${urlHost(host)}:${port}`,
    ca: await read("ca.crt"),
    token: async () => (await read("token")).trim(),
  };
}

/** What a client shares with those that {@link KubeClient.until} makes of it. */
interface Shared {
  readonly counters: { reads: number; writes: number };
  readonly agent: Agent | undefined;
  token: { readonly text: string; readonly at: number } | undefined;
}

/** A few calls of the Kubernetes API. What may pass by itself is tried again; each request sent is counted. */
export class KubeClient {
  readonly #options: KubeClientOptions;
  #shared: Shared;
  #signal: AbortSignal | undefined;

  constructor(options: KubeClientOptions) {
    this.#options = options;
    const { connections: maxSockets = 0 } = options;
    const Kind = options.url.startsWith("https:") ? TlsAgent : Agent;
    const kept = maxSockets === 0 ? undefined : new Kind({ keepAlive: true, maxSockets });
    this.#shared = { counters: { reads: 0, writes: 0 }, agent: options.agent ?? kept, token: undefined };
  }

  /** Requests sent so far, by all that share this client's connections. */
  get counters(): { readonly reads: number; readonly writes: number } {
    return this.#shared.counters;
  }

  /** This client, on the same connections, until a signal is given: what is under way then fails, and sends nothing more. */
  until(signal: AbortSignal): KubeClient {
    const client = new KubeClient({ ...this.#options, connections: 0 });
    client.#shared = this.#shared;
    client.#signal = signal;
    return client;
  }

  /**
   * An object by its path, for example `/api/v1/namespaces/x/configmaps/y`; undefined when there is none.
   *
   * @throws KubeError
   */
  async get(path: string): Promise<KubeObject | undefined> {
    try {
      return await this.#call({ method: "GET", path });
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Server-side apply, forced: the fields of `object` become ours and get these values; those that we had set before and
   * that are not in it any more go away.
   *
   * @throws KubeError
   */
  apply(path: string, object: KubeObject, fieldManager: string): Promise<KubeObject> {
    const query = new URLSearchParams({ fieldManager, force: "true" }).toString();
    const type = "application/apply-patch+yaml";
    return this.#call({ method: "PATCH", path: `${path}?${query}`, object, type });
  }

  /**
   * Changes single fields (RFC 7396). With a resourceVersion in it, only as long as that is the object's.
   *
   * @throws KubeError `Conflict` when the object is another version by now; `NotFound`.
   */
  merge(path: string, object: KubeObject, fieldManager: string): Promise<KubeObject> {
    const query = new URLSearchParams({ fieldManager }).toString();
    return this.#call({ method: "PATCH", path: `${path}?${query}`, object, type: "application/merge-patch+json" });
  }

  /**
   * Puts an object in the place of the version that its resourceVersion names.
   *
   * @throws KubeError `Conflict` when the object is another version by now.
   */
  replace(path: string, object: KubeObject): Promise<KubeObject> {
    return this.#call({ method: "PUT", path, object, type: "application/json" });
  }

  /**
   * Gives the answer to a GET to a listener line by line, until the server ends it or the signal is given.
   *
   * @param options.silenceMs - Milliseconds without an octet after which it is given up.
   * @throws KubeError, also one that the listener throws.
   */
  async stream(
    path: string,
    options: LineListener & { readonly signal: AbortSignal; readonly silenceMs: number },
  ): Promise<void> {
    const request = await this.#request({ method: "GET", path });
    this.#shared.counters.reads++;
    const what = `watch of ${path.split("?")[0] ?? ""}`;
    let answer: HttpResponse;
    try {
      const signal = this.#signal === undefined ? options.signal : AbortSignal.any([this.#signal, options.signal]);
      // Not one of the connections that are kept: it would be taken for minutes.
      const { agent } = this.#options;
      answer = await streamHttp({
        ...request,
        ...options,
        ...(agent && { agent }),
        signal,
        timeoutMs: options.silenceMs,
      });
    } catch (cause) {
      if (cause instanceof KubeError) throw cause;
      throw new KubeError(`${what}: ${messageOf(cause)}`, { cause });
    }
    const outcome = judge(what, answer);
    if (outcome.kind === "failed" && (answer.status < 200 || answer.status >= 300)) throw outcome.error;
  }

  /**
   * Makes an object in a collection. One that has a name and exists already is taken for an earlier try of ours.
   *
   * @throws KubeError
   */
  async create(path: string, object: KubeObject): Promise<void> {
    try {
      await this.#call({ method: "POST", path, object, type: "application/json" });
    } catch (error) {
      if (!(error instanceof KubeError && error.reason === "AlreadyExists")) throw error;
    }
  }

  /**
   * Deletes an object, when it is the one with this uid. One that is not there any more is deleted already.
   *
   * @throws KubeError `Conflict` when another one has its name by now.
   */
  async remove(path: string, uid: string): Promise<void> {
    const object = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } };
    try {
      await this.#call({ method: "DELETE", path, object, type: "application/json" });
    } catch (error) {
      if (!(error instanceof KubeError && error.status === 404)) throw error;
    }
  }

  async #call(call: Call): Promise<KubeObject> {
    const { tries = 3, backOffMs = 200, random = Math.random } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#send(call);
      if (outcome.kind === "done") return outcome.object;
      if (!outcome.transient || attempt >= tries) throw outcome.error;
      const pause = Math.max(backOffMs * 2 ** (attempt - 1), outcome.retryAfterMs);
      const options = this.#signal === undefined ? {} : { signal: this.#signal };
      await wait(pause * (1 + random() / 2), undefined, options).catch(() => Promise.reject(outcome.error));
    }
  }

  async #send(call: Call): Promise<Outcome> {
    const { agent, counters } = this.#shared;
    const request = { ...(await this.#request(call)), ...(agent && { agent }) };
    const what = `${call.method} ${call.path.split("?")[0] ?? ""}`;
    if (this.#isOver()) return aborted(what);
    counters[call.method === "GET" ? "reads" : "writes"]++;
    try {
      return judge(what, await exchangeHttp(request));
    } catch (cause) {
      if (this.#isOver()) return aborted(what);
      const error = new KubeError(`${what}: the Kubernetes API is away: ${messageOf(cause)}`, { cause });
      return { kind: "failed", error, transient: true, retryAfterMs: 0 };
    }
  }

  #isOver(): boolean {
    return this.#signal?.aborted === true;
  }

  async #request(call: Call): Promise<HttpRequest> {
    const { url, ca, tls, timeoutMs = 5000 } = this.#options;
    const token = await this.#freshToken();
    return {
      method: call.method,
      url: `${url}${call.path}`,
      headers: {
        accept: "application/json",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(call.type !== undefined && { "content-type": call.type }),
      },
      timeoutMs,
      ...(ca !== undefined && { ca }),
      ...(tls !== undefined && { tls }),
      ...(call.object !== undefined && { body: JSON.stringify(call.object) }),
      ...(this.#signal !== undefined && { signal: this.#signal }),
    };
  }

  async #freshToken(): Promise<string | undefined> {
    const { token, tokenMs = 0, clock = Date.now } = this.#options;
    const now = clock();
    const kept = this.#shared.token;
    if (kept !== undefined && now - kept.at < tokenMs) return kept.text;
    const text = await token?.();
    this.#shared.token = text === undefined ? undefined : { text, at: now };
    return text;
  }
}

interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly object?: KubeObject;
  readonly type?: string;
}
