import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../../src/base/errors";
import {
  InitializationError,
  setting,
  type CheckRequest,
  type Checked,
  type CreateRequest,
  type DeleteRequest,
  type DiffRequest,
  type Difference,
  type Log,
  type Provider,
  type ReadRequest,
  type ResourceName,
  type ResourceState,
  type UpdateRequest,
} from "../provider";
import { hasUnknown, isObject, plainProperties, textAt, valueAt, withSecretsOf, type Properties } from "../wire";
import { ApiError, NoMatchError } from "./api";
import { NotReadyError, timeoutOf, type ClusterObjects } from "./cluster";
import { configDifference, connect } from "./connection";
import { changes, detailOf, replacePaths, type Mutability } from "./difference";
import {
  annotation,
  checkpoint,
  idOf,
  mergeStringData,
  pruneToInputs,
  suffix,
  toObject,
  withMetadata,
  withSecretData,
} from "./objects";
import { withoutIgnored } from "./ownership";
import { authored, fieldManagerOf, identity, inputsOf, isClusterScoped, isPatch, liveOf, toProperties } from "./state";

const removeHint = 'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"';
const createTries = 6;

/** Stands in for Pulumi's kubernetes plugin: server-side apply to a real API server, dry runs in previews, the same waits. */
export class KubernetesProvider implements Provider {
  readonly version = "4.34.2";
  #cluster: ClusterObjects | undefined;
  #unreachable: string | undefined;
  #mutability: Mutability = { configMaps: false, secrets: false };
  #force = false;
  #upsert = true;
  #deleteUnreachable = false;
  #log: Log | undefined;

  diffConfig(olds: Properties, news: Properties): Difference {
    return configDifference(plainProperties(olds), plainProperties(news));
  }

  async configure(args: Properties, log: Log): Promise<void> {
    const config = plainProperties(args);
    this.#log = log;
    const on = (key: string): boolean => setting(config, key) === true;
    this.#mutability = { configMaps: on("enableConfigMapMutable"), secrets: on("enableSecretMutable") };
    this.#force = on("enablePatchForce");
    this.#upsert = setting(config, "upsertExistingObjects") !== false;
    this.#deleteUnreachable = on("deleteUnreachable") || process.env["PULUMI_K8S_DELETE_UNREACHABLE"] === "true";
    const { cluster, unreachable } = await connect(config);
    this.#cluster = cluster;
    this.#unreachable = unreachable;
  }

  async check(request: CheckRequest): Promise<Checked> {
    let object = toObject(request.news);
    if (!hasUnknown(object)) object = mergeStringData(object);
    if (!textAt(object, "metadata", "name")) {
      if (isPatch(request)) throw new Error("patch resources require the `.metadata.name` field to be set");
      object = this.#autonamed(object, request);
    }
    if (!valueAt(object, ["metadata", "namespace"]) && (await this.#isNamespaced(object))) {
      object = withMetadata(object, { namespace: this.#cluster?.defaultNamespace ?? "default" });
    }
    const inputs = toProperties(object);
    return { inputs: withSecretData(withSecretsOf(inputs, request.news)) };
  }

  diff(request: DiffRequest): Promise<Difference> {
    const news = toObject(request.news);
    const base = pruneToInputs(liveOf(request.oldState), inputsOf(request.oldState));
    const replaces = isPatch(request) ? ["metadata.name", "metadata.namespace"] : replacePaths(news, this.#mutability);
    const detail = detailOf(changes(base, news), replaces, request.ignoreChanges);
    const replaced = Object.values(detail).some((kind) => kind.endsWith("-replace"));
    const autonamed = annotation(news, "pulumi.com/autonamed") === "true";
    const samePlace = idOf(news) === idOf(liveOf(request.oldState));
    return Promise.resolve({ detail, deleteBeforeReplace: replaced && !autonamed && samePlace });
  }

  async create(request: CreateRequest): Promise<ResourceState> {
    const inputs = toObject(request.news);
    if (request.preview && (await this.#cannotPreview(request, inputs))) return { id: "", outputs: request.news };
    const cluster = this.#reached();
    const fieldManager = fieldManagerOf({}, inputs, request.urn);
    const force = this.#forced(inputs) || request.preview;
    const direct = !this.#upsert && !isPatch(request);
    const options = { fieldManager: direct ? "pulumi-kubernetes" : fieldManager, force, dryRun: request.preview };
    let live: Properties;
    try {
      live = await this.#retried(request, () =>
        direct ? cluster.create(inputs, options) : cluster.apply(inputs, options),
      );
    } catch (error) {
      const noNamespace = error instanceof ApiError && error.code === 404 && error.kind === "namespaces";
      const forbidden = error instanceof ApiError && error.code === 403;
      if (request.preview && (noNamespace || forbidden || messageOf(error).includes("field is immutable")))
        return { id: "", outputs: request.news };
      throw new Error(
        `resource "${request.urn}" was not successfully created by the Kubernetes API server: ${messageOf(error)}`,
        { cause: error },
      );
    }
    if (request.preview) delete live["status"];
    const state = (object: Properties): ResourceState => ({
      id: idOf(live),
      outputs: checkpoint({
        inputs,
        live: object,
        initialApiVersion: textAt(inputs, "apiVersion") ?? "",
        fieldManager,
        marks: request.news,
      }),
    });
    if (request.preview) return state(live);
    const prefix = `resource "${request.urn}" was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live`;
    return state(await this.#awaited(live, request, { prefix, state }));
  }

  async read(request: ReadRequest): Promise<ResourceState | undefined> {
    if (this.#unreachable !== undefined) {
      await this.#log?.warn(request.urn, `configured Kubernetes cluster is unreachable: ${this.#unreachable}`);
      if (this.#deleteUnreachable) return undefined;
      throw new Error(
        `failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the ${removeHint}`,
      );
    }
    const known = Object.keys(request.inputs).length > 0;
    const inputs = known ? toObject(request.inputs) : identity(request);
    const [name, namespace] = request.id.split("/").reverse();
    const place = withMetadata(inputs, { name: name ?? "", ...(namespace && { namespace }) });
    let live: Properties | undefined;
    try {
      live = await this.#reached().get(place);
    } catch (error) {
      if (!(error instanceof NoMatchError)) throw error;
    }
    if (!live) return undefined;
    const seen = known ? (pruneToInputs(live, inputs) as Properties) : authored(live);
    const initialApiVersion = textAt(request.state, "__initialApiVersion") ?? textAt(inputs, "apiVersion") ?? "";
    const fieldManager = fieldManagerOf(request.state, inputs, request.urn);
    return {
      id: request.id,
      outputs: checkpoint({ inputs: seen, live, initialApiVersion, fieldManager, marks: request.inputs }),
      inputs: withSecretData(withSecretsOf(toProperties(seen), request.inputs)),
    };
  }

  async update(request: UpdateRequest): Promise<Properties> {
    const inputs = toObject(request.news);
    if (request.preview && (await this.#cannotPreview(request, inputs, true))) return request.news;
    const cluster = this.#reached();
    const fieldManager = fieldManagerOf(request.oldState, inputs, request.urn);
    const failed = (error: unknown): Error =>
      new Error(`update of resource "${request.urn}" failed: ${messageOf(error)}`, { cause: error });
    const before = await cluster.get(inputs);
    if (!before) throw failed(new Error(`${textAt(inputs, "kind") ?? ""} "${idOf(inputs)}" not found`));
    const options = { fieldManager, force: this.#forced(inputs), dryRun: request.preview };
    const sent = withoutIgnored(inputs, before, { paths: request.ignoreChanges, fieldManager });
    const isDefinition = textAt(inputs, "kind") === "CustomResourceDefinition";
    const versioned = withMetadata(sent, { resourceVersion: textAt(before, "metadata", "resourceVersion") ?? "" });
    let live: Properties;
    try {
      live = await (isDefinition ? cluster.put(versioned, options) : cluster.apply(sent, options));
    } catch (error) {
      if (request.preview && error instanceof ApiError && error.code === 403) return request.news;
      throw failed(error);
    }
    const initialApiVersion = textAt(request.oldState, "__initialApiVersion") ?? textAt(inputs, "apiVersion") ?? "";
    const outputs = (object: Properties): Properties =>
      checkpoint({ inputs, live: object, initialApiVersion, fieldManager, marks: request.news });
    if (request.preview) return outputs(live);
    const prefix = `the Kubernetes API server reported that "${idOf(live)}" failed to fully initialize or become live`;
    return outputs(
      await this.#awaited(live, request, { prefix, state: (object) => ({ id: request.id, outputs: outputs(object) }) }),
    );
  }

  async delete(request: DeleteRequest): Promise<void> {
    if (this.#unreachable !== undefined) {
      await this.#log?.warn(request.urn, `configured Kubernetes cluster is unreachable: ${this.#unreachable}`);
      if (this.#deleteUnreachable) return;
      throw new Error(
        `configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the ${removeHint}`,
      );
    }
    const live = liveOf(request.state);
    try {
      if (isPatch(request)) await this.#relinquish(live, textAt(request.state, "__fieldManager") ?? "");
      else await this.#reached().remove(live, timeoutOf(live, request.timeoutSeconds));
    } catch (error) {
      if (!(error instanceof NoMatchError)) throw error;
    }
  }

  invoke(token: string): Promise<Properties> {
    return Promise.reject(new Error(`the stand-in of the kubernetes plugin has no function ${token}`));
  }

  cancel(): void {
    this.#cluster?.cancel();
  }

  #reached(): ClusterObjects {
    if (this.#unreachable !== undefined || !this.#cluster)
      throw new Error(`configured Kubernetes cluster is unreachable: ${this.#unreachable ?? "not configured"}`);
    return this.#cluster;
  }

  #forced(inputs: Properties): boolean {
    return this.#force || annotation(inputs, "pulumi.com/patchForce") === "true";
  }

  #autonamed(object: Properties, request: CheckRequest): Properties {
    const old = toObject(request.olds ?? {});
    const wasAutonamed = annotation(old, "pulumi.com/autonamed") === "true";
    const name = wasAutonamed
      ? (textAt(old, "metadata", "name") ?? "")
      : `${request.name}-${suffix(request.randomSeed)}`;
    const annotations = valueAt(object, ["metadata", "annotations"]);
    return withMetadata(object, {
      name,
      annotations: { ...(isObject(annotations) ? annotations : {}), "pulumi.com/autonamed": "true" },
    });
  }

  async #isNamespaced(object: Properties): Promise<boolean> {
    const kind = textAt(object, "kind") ?? "";
    const found =
      this.#unreachable === undefined
        ? await this.#cluster?.isNamespaced(textAt(object, "apiVersion") ?? "", kind)
        : undefined;
    return found ?? !isClusterScoped(kind);
  }

  async #cannotPreview(request: ResourceName, inputs: Properties, existing = false): Promise<boolean> {
    if (hasUnknown(inputs) || this.#unreachable !== undefined || (!existing && isPatch(request))) return true;
    return (
      (await this.#cluster?.isNamespaced(textAt(inputs, "apiVersion") ?? "", textAt(inputs, "kind") ?? "")) ===
      undefined
    );
  }

  /** Tolerates some disorder, as the real plugin does: an object before its namespace, a custom resource before its definition. */
  async #retried(request: CreateRequest, act: () => Promise<Properties>): Promise<Properties> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act();
      } catch (error) {
        const early = error instanceof NoMatchError || (error instanceof ApiError && error.code === 404);
        if (!early || request.preview || attempt === createTries) throw error;
        this.#log?.status(request.urn, `Retry #${attempt}; creation failed: ${messageOf(error)}`);
        await delay(100 * 2 ** attempt);
      }
    }
  }

  async #awaited(
    live: Properties,
    request: CreateRequest | UpdateRequest,
    of: { prefix: string; state: (object: Properties) => ResourceState },
  ): Promise<Properties> {
    if (isPatch(request)) return live;
    try {
      return await this.#reached().ready(live, {
        timeoutMs: timeoutOf(live, request.timeoutSeconds),
        tell: (message) => this.#log?.status(request.urn, message),
      });
    } catch (error) {
      if (!(error instanceof NotReadyError)) throw error;
      const message = `${of.prefix}: ${error.message}`;
      throw new InitializationError(message, of.state(error.live), [message, ...error.reasons]);
    }
  }

  /** Gives up what a patch resource owned: an apply that names nothing but the object. */
  async #relinquish(live: Properties, fieldManager: string): Promise<void> {
    const { name = "", namespace } = (live["metadata"] ?? {}) as { name?: string; namespace?: string };
    const bare: Properties = {
      apiVersion: live["apiVersion"] ?? "",
      kind: live["kind"] ?? "",
      metadata: { name, ...(namespace && { namespace }) },
    };
    if (await this.#reached().get(bare))
      await this.#reached().apply(bare, { fieldManager, force: false, dryRun: false });
  }
}
