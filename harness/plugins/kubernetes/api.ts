import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as httpsRequest } from "node:https";
import { isObject, textAt, valueAt, type Json, type Properties } from "../wire";
import type { ClusterAccess } from "./kubeconfig";

/** An answer of the API server that is not a success, with its `Status` object. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly code: number,
    readonly status: Json,
  ) {
    super(textAt(status, "message") ?? `the server answered with status ${code}`);
  }

  /** The machine-readable reason, for instance `NotFound` or `Conflict`. */
  get reason(): string {
    return textAt(this.status, "reason") ?? "";
  }

  /** The resource that the error is about, in the plural: `namespaces` when an object's namespace is missing. */
  get kind(): string {
    return textAt(this.status, "details", "kind") ?? "";
  }
}

/** The API server could not be reached at all. Worded as Go words it. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** One request to the API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly contentType?: string;
}

const connectTimeoutMs = 5_000;
const answerTimeoutMs = 32_000;

function dialReason(error: NodeJS.ErrnoException, host: string): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `dial tcp ${host}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `dial tcp ${host}: connect: no route to host`;
    case "ENETUNREACH":
      return `dial tcp ${host}: connect: network is unreachable`;
    case "ETIMEDOUT":
      return `dial tcp ${host}: i/o timeout`;
    case "ENOTFOUND":
      return `dial tcp: lookup ${host.replace(/:\d+$/, "")}: no such host`;
    case "ECONNRESET":
      return "EOF";
    default:
      return error.message;
  }
}

/** A thin client of one Kubernetes API server: JSON in, JSON out. */
export class KubernetesApi {
  readonly #agent: Agent;
  readonly #secure: boolean;

  constructor(private readonly access: ClusterAccess) {
    this.#secure = access.server.protocol === "https:";
    this.#agent = this.#secure
      ? new TlsAgent({
          keepAlive: true,
          maxSockets: 12,
          rejectUnauthorized: !access.insecure,
          ca: access.ca,
          cert: access.cert,
          key: access.key,
          ...(access.serverName && { servername: access.serverName }),
        })
      : new Agent({ keepAlive: true, maxSockets: 12 });
  }

  /** Sends one request. Throws ApiError for an answer that is not a success, UnreachableError when there is none. */
  async send(request: ApiRequest): Promise<Properties> {
    const { code, text } = await this.#exchange(request);
    let parsed: Json = null;
    try {
      parsed = JSON.parse(text) as Json;
    } catch {
      parsed = { message: text };
    }
    if (code >= 300) throw new ApiError(code, parsed);
    return isObject(parsed) ? parsed : {};
  }

  /** The object at the path, or undefined when there is none. */
  async find(path: string): Promise<Properties | undefined> {
    try {
      return await this.send({ method: "GET", path });
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  #exchange(request: ApiRequest): Promise<{ code: number; text: string }> {
    const { server, authorization } = this.access;
    const url = new URL(server.pathname.replace(/\/$/, "") + request.path, server);
    for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, value);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options = {
      method: request.method,
      agent: this.#agent,
      headers: {
        accept: "application/json",
        ...(authorization && { authorization }),
        ...(body !== undefined && {
          "content-type": request.contentType ?? "application/json",
          "content-length": Buffer.byteLength(body),
        }),
      },
    };
    const host = `${url.hostname}:${url.port || (this.#secure ? "443" : "80")}`;
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        const verb = request.method.charAt(0) + request.method.slice(1).toLowerCase();
        reject(new UnreachableError(`${verb} "${url.href}": ${dialReason(error, host)}`, { cause: error }));
      };
      const sent = (this.#secure ? httpsRequest : httpRequest)(url, options, (answer) => {
        collect(answer).then(resolve, fail);
      });
      const timer = setTimeout(
        () => sent.destroy(Object.assign(new Error("connect timeout"), { code: "ETIMEDOUT" })),
        connectTimeoutMs,
      );
      sent.on("socket", (socket) => {
        const connected = (): void => {
          clearTimeout(timer);
        };
        if (socket.connecting) socket.once(this.#secure ? "secureConnect" : "connect", connected);
        else connected();
      });
      sent.setTimeout(answerTimeoutMs, () =>
        sent.destroy(Object.assign(new Error("answer timeout"), { code: "ETIMEDOUT" })),
      );
      sent.on("close", () => {
        clearTimeout(timer);
      });
      sent.on("error", fail);
      sent.end(body);
    });
  }
}

async function collect(answer: IncomingMessage): Promise<{ code: number; text: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { code: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}

/** The API server does not know a kind. */
export class NoMatchError extends Error {
  override readonly name = "NoMatchError";
}

interface Mapping {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Finds the REST path of any kind by discovery; what was found is remembered, what was not is asked again. */
export class KindMapper {
  readonly #known = new Map<string, Map<string, Mapping>>();

  constructor(private readonly api: KubernetesApi) {}

  /** Plural and scope of a kind. Throws NoMatchError when the server does not have it. */
  async mapping(apiVersion: string, kind: string): Promise<Mapping> {
    const found = this.#known.get(apiVersion)?.get(kind) ?? (await this.#discover(apiVersion)).get(kind);
    if (!found) throw new NoMatchError(`no matches for kind "${kind}" in version "${apiVersion}"`);
    return found;
  }

  /** The path of an object's collection. */
  async collection(object: { apiVersion: string; kind: string; namespace: string }): Promise<string> {
    const { plural, namespaced } = await this.mapping(object.apiVersion, object.kind);
    return `${root(object.apiVersion)}${namespaced ? `/namespaces/${object.namespace}` : ""}/${plural}`;
  }

  async #discover(apiVersion: string): Promise<Map<string, Mapping>> {
    const list = await this.api.find(root(apiVersion));
    const kinds = new Map<string, Mapping>();
    const resources = valueAt(list, ["resources"]);
    for (const resource of Array.isArray(resources) ? resources : []) {
      const plural = textAt(resource, "name") ?? "";
      const kind = textAt(resource, "kind");
      if (kind && !plural.includes("/"))
        kinds.set(kind, { plural, namespaced: valueAt(resource, ["namespaced"]) === true });
    }
    if (kinds.size > 0) this.#known.set(apiVersion, kinds);
    return kinds;
  }
}

function root(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
