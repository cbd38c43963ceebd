import { setTimeout as delay } from "node:timers/promises";
import { isObject, textAt, valueAt, type Json, type Properties } from "../wire";
import { ApiError, KindMapper, KubernetesApi, NoMatchError, type ApiRequest } from "./api";
import type { ClusterAccess } from "./kubeconfig";
import { annotation } from "./objects";
import { lookFor, podProblems } from "./readiness";

/** How an object is applied. */
export interface ApplyOptions {
  readonly fieldManager: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Waiting for an object ended without success. */
export class NotReadyError extends Error {
  override readonly name = "NotReadyError";

  constructor(
    message: string,
    readonly live: Properties,
    readonly reasons: readonly string[],
  ) {
    super(message);
  }
}

const pollMs = 250;
const defaultTimeoutSeconds = 600;
const conflictHelp =
  "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources";

function conflict(error: unknown, fieldManager: string): unknown {
  if (!(error instanceof ApiError) || error.code !== 409 || error.reason !== "Conflict") return error;
  const help = `server-side apply field conflict detected, see ${conflictHelp} for troubleshooting help`;
  return new Error(
    `${help}\nThe resource managed by field manager "${fieldManager}" had an apply conflict: ${error.message}`,
    { cause: error },
  );
}

/** Seconds that an operation on an object may take: resource option, annotation, ten minutes. */
export function timeoutOf(object: Properties, seconds: number): number {
  const annotated = Number(annotation(object, "pulumi.com/timeoutSeconds"));
  return (seconds || annotated || defaultTimeoutSeconds) * 1000;
}

/** The objects of one cluster: found, applied, waited for, removed. */
export class ClusterObjects {
  readonly #api: KubernetesApi;
  readonly #kinds: KindMapper;
  #cancelled = false;

  constructor(private readonly access: ClusterAccess) {
    this.#api = new KubernetesApi(access);
    this.#kinds = new KindMapper(this.#api);
  }

  get defaultNamespace(): string {
    return this.access.namespace;
  }

  /** Throws when the server cannot be reached or does not accept the credentials. */
  async probe(): Promise<void> {
    await this.#api.send({ method: "GET", path: "/api/v1" });
  }

  cancel(): void {
    this.#cancelled = true;
  }

  async isNamespaced(apiVersion: string, kind: string): Promise<boolean | undefined> {
    try {
      return (await this.#kinds.mapping(apiVersion, kind)).namespaced;
    } catch (error) {
      if (error instanceof NoMatchError) return undefined;
      throw error;
    }
  }

  async path(object: Properties): Promise<string> {
    return `${await this.#collection(object)}/${textAt(object, "metadata", "name") ?? ""}`;
  }

  async get(object: Properties): Promise<Properties | undefined> {
    return this.#api.find(await this.path(object));
  }

  async find(of: {
    apiVersion: string;
    kind: string;
    namespace: string;
    name: string;
  }): Promise<Properties | undefined> {
    return this.#api.find(`${await this.#kinds.collection(of)}/${of.name}`);
  }

  /** Applies an object on the server's side. Throws ApiError, worded for conflicts as the real plugin words them. */
  async apply(object: Properties, options: ApplyOptions): Promise<Properties> {
    const query = {
      fieldManager: options.fieldManager,
      force: String(options.force),
      ...(options.dryRun && { dryRun: "All" }),
    };
    const path = await this.path(object);
    const request: ApiRequest = {
      method: "PATCH",
      path,
      query,
      body: object,
      contentType: "application/apply-patch+yaml",
    };
    return this.#api.send(request).catch((error: unknown) => {
      throw conflict(error, options.fieldManager);
    });
  }

  /** Makes an object that must not exist yet. */
  async create(object: Properties, options: ApplyOptions): Promise<Properties> {
    const query = { fieldManager: options.fieldManager, ...(options.dryRun && { dryRun: "All" }) };
    return this.#api.send({ method: "POST", path: await this.#collection(object), query, body: object });
  }

  /** Replaces an object as a whole, as is done with definitions of custom resources. */
  async put(object: Properties, options: ApplyOptions): Promise<Properties> {
    const query = { fieldManager: options.fieldManager, ...(options.dryRun && { dryRun: "All" }) };
    return this.#api.send({ method: "PUT", path: await this.path(object), query, body: object });
  }

  /** Waits until the object is what its kind promises. Resolves with the live object; throws NotReadyError. */
  async ready(object: Properties, of: { timeoutMs: number; tell: (message: string) => void }): Promise<Properties> {
    const look = lookFor(object);
    if (!look || annotation(object, "pulumi.com/skipAwait") === "true") return object;
    const end = Date.now() + of.timeoutMs;
    const name = textAt(object, "metadata", "name") ?? "";
    let live = object;
    let told = "";
    for (;;) {
      const { ready, message } = await look(live, this);
      if (message && message !== told) of.tell((told = message));
      if (ready) return live;
      if (this.#cancelled) throw new NotReadyError(`Resource operation was cancelled for "${name}"`, live, [message]);
      if (Date.now() > end)
        throw new NotReadyError(`'${name}' timed out waiting to be Ready`, live, [
          message,
          ...podProblems(await this.#pods(live)),
        ]);
      await delay(pollMs);
      live = (await this.get(object)) ?? live;
    }
  }

  /** Deletes an object and waits until it is gone; one that is not there is a success. */
  async remove(object: Properties, timeoutMs: number): Promise<void> {
    const path = await this.path(object);
    const policy = annotation(object, "pulumi.com/deletionPropagationPolicy")?.toLowerCase();
    const propagationPolicy = policy === "background" ? "Background" : policy === "orphan" ? "Orphan" : "Foreground";
    try {
      await this.#api.send({
        method: "DELETE",
        path,
        body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy },
      });
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return;
      throw error;
    }
    const end = Date.now() + timeoutMs;
    const uid = textAt(object, "metadata", "uid");
    for (;;) {
      const live = await this.#api.find(path);
      if (!live || (uid && textAt(live, "metadata", "uid") !== uid)) return;
      if (this.#cancelled || Date.now() > end) {
        throw new NotReadyError(`timed out waiting for the object to be deleted: ${path}`, live, [
          "finalizers might be preventing deletion",
        ]);
      }
      await delay(pollMs);
    }
  }

  async #collection(object: Properties): Promise<string> {
    return this.#kinds.collection({
      apiVersion: textAt(object, "apiVersion") ?? "",
      kind: textAt(object, "kind") ?? "",
      namespace: textAt(object, "metadata", "namespace") ?? this.access.namespace,
    });
  }

  async #pods(workload: Properties): Promise<Json[]> {
    const labels = valueAt(workload, ["spec", "selector", "matchLabels"]);
    if (!isObject(labels)) return [];
    const labelSelector = Object.entries(labels)
      .map(([key, value]) => `${key}=${typeof value === "string" ? value : ""}`)
      .join(",");
    const path = `/api/v1/namespaces/${textAt(workload, "metadata", "namespace") ?? ""}/pods`;
    const list = await this.#api.send({ method: "GET", path, query: { labelSelector } });
    const items = list["items"];
    return Array.isArray(items) ? items : [];
  }
}
