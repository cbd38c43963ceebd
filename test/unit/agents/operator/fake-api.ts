import { KubeError, type KubeObject } from "../../../../src/kube/answer";
import type { KubeClient } from "../../../../src/kube/client";
import type { WatchOptions } from "../../../../src/kube/watch";
import type { AppliedSet, Condition, DnsRecord, DnsRecordSpec, DnsRecordStatus } from "../../../../src/records/model";

/** What was written, in order: `mark` are finalizers and annotations. */
export interface Write {
  readonly kind: "mark" | "status" | "event";
  readonly name: string;
  readonly body: KubeObject;
  /** Who wrote: a replica of the operator. */
  readonly by: string;
}

type Mutable = { -readonly [K in keyof DnsRecord]: DnsRecord[K] };
type Client = Pick<KubeClient, "get" | "stream" | "merge" | "create" | "remove">;

interface Watcher {
  readonly sees: (object: DnsRecord) => boolean;
  readonly onChange: (object: KubeObject, gone: boolean) => void;
}

const path = /^\/apis\/dns\.mesh\.io\/v1alpha1\/namespaces\/([^/]+)\/dnsrecords\/([^/]+)(\/status)?$/;

/** A Kubernetes API server, as far as the operator sees it: versions, conflicts, finalizers, watches. */
export class FakeApi {
  readonly writes: Write[] = [];
  /** Looked at before each write: throws what the server would. */
  refusal: (write: Write) => KubeError | undefined = () => undefined;
  /** Namespaces that may not be listed. */
  readonly forbidden = new Set<string>();
  /** How often all objects were listed. */
  lists = 0;
  /** Watches bring nothing until {@link deliver}. */
  isWatchHeld = false;
  #isStalled = false;
  #resume: () => void = () => undefined;
  #resumed = Promise.resolve();
  #version = 98;
  readonly #objects = new Map<string, DnsRecord>();
  readonly #watchers = new Set<Watcher>();
  #held: (() => void)[] = [];

  /** An object that a user makes. */
  make(name: string, spec: Partial<DnsRecordSpec> = {}, options: { namespace?: string; adopt?: boolean } = {}): void {
    const { namespace = "dns-system", adopt = false } = options;
    const version = this.#next();
    this.#put({
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsRecord",
      metadata: {
        ...{ name, namespace, uid: `uid-${namespace}-${name}-${version}`, resourceVersion: version, generation: 1 },
        creationTimestamp: new Date(Date.parse("2026-11-28T00:00:00Z") + Number(version) * 1000).toISOString(),
        ...(adopt && { annotations: { "dns.mesh.io/adopt": "true" } }),
      },
      spec: {
        ...{ zone: "a.example", name, type: "A", ttl: 60 },
        ...(spec.values === undefined && { value: "192.0.2.1" }),
        ...spec,
      },
    });
  }

  edit(name: string, spec: Partial<DnsRecordSpec>, namespace?: string): void {
    this.#change(name, namespace, (object) => ({
      ...object,
      metadata: { ...object.metadata, generation: (object.metadata.generation ?? 0) + 1 },
      spec: { ...object.spec, ...spec },
    }));
  }

  annotate(name: string, annotations: Record<string, string>, namespace?: string): void {
    this.#change(name, namespace, (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
    }));
  }

  /** Gives an object our finalizer, as anybody may who may change it. */
  finalize(name: string, namespace?: string): void {
    this.#change(name, namespace, (object) => ({
      ...object,
      metadata: { ...object.metadata, finalizers: ["dns.mesh.io/applied"] },
    }));
  }

  /** Deletes as `kubectl delete` does: what has a finalizer stays until that is gone. */
  remove(name: string, namespace?: string): void {
    this.#change(name, namespace, (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: "2026-11-28T13:00:00Z" },
    }));
  }

  /** Takes the finalizer by force, and deletes. */
  tear(name: string, namespace?: string): void {
    this.#change(name, namespace, ({ metadata, ...object }) => ({
      ...object,
      metadata: { ...metadata, finalizers: [] },
    }));
    this.remove(name, namespace);
  }

  /** What somebody else writes into a status. */
  overwrite(name: string, status: DnsRecordStatus, namespace?: string): void {
    this.#change(name, namespace, (object) => ({ ...object, status }));
  }

  find(name: string, namespace = "dns-system"): DnsRecord | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  condition(name: string, type: string, namespace?: string): Condition | undefined {
    return this.find(name, namespace)?.status?.conditions?.find((each) => each.type === type);
  }

  /** Whether an object's present generation has a condition with this reason. */
  says(name: string, type: string, reason: string): boolean {
    const condition = this.condition(name, type);
    return condition?.reason === reason && condition.observedGeneration === this.find(name)?.metadata.generation;
  }

  isProgrammed(...names: readonly string[]): boolean {
    return names.every((name) => this.says(name, "Programmed", "AllSites"));
  }

  /** Names of what was written, by kind. */
  written(kind: Write["kind"]): readonly string[] {
    return this.writes.filter((write) => write.kind === kind).map(({ name }) => name);
  }

  /** Writes hang from now on, until {@link resume}. */
  stall(): void {
    this.#isStalled = true;
    this.#resumed = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#isStalled = false;
    this.#resume();
  }

  /** Brings what watches held. */
  deliver(): void {
    this.isWatchHeld = false;
    for (const bring of this.#held.splice(0)) bring();
  }

  /** A client that ends with a signal; without one it goes on, as that of a replica that does not know that it was deposed. */
  client(by = "operator-0", signal?: AbortSignal): Client {
    const send = async (write: Omit<Write, "by">, act: () => KubeObject): Promise<KubeObject> => {
      const over = new Promise<void>((resolve) =>
        signal?.addEventListener("abort", () => {
          resolve();
        }),
      );
      if (this.#isStalled) await Promise.race([this.#resumed, over]);
      if (signal?.aborted === true) throw new KubeError("aborted");
      const refusal = this.refusal({ ...write, by });
      if (refusal !== undefined) throw refusal;
      const answer = act();
      this.writes.push({ ...write, by });
      return Promise.resolve(structuredClone(answer));
    };
    return {
      get: () => Promise.reject(new Error("the operator gets nothing")),
      stream: () => Promise.reject(new Error("streams are the watch's")),
      remove: () => Promise.reject(new Error("the operator deletes nothing that it did not make of a source")),
      create: async (_path, body) => {
        const { name = "" } = body["involvedObject"] as { name?: string };
        await send({ kind: "event", name, body }, () => body);
      },
      merge: (at, body) => {
        const [, namespace = "", name = "", status] = path.exec(at) ?? [];
        return send({ kind: status === undefined ? "mark" : "status", name, body }, () =>
          this.#merge({ namespace, name, body }),
        );
      },
    };
  }

  /** Stands in for `watchObjects`. */
  readonly watch = (options: WatchOptions): Promise<void> => {
    const namespace = /namespaces\/([^/]+)/.exec(options.path)?.[1];
    if (namespace !== undefined && this.forbidden.has(namespace)) {
      queueMicrotask(() => {
        options.onTrouble(1, "403 Forbidden");
      });
      return ended(options.signal);
    }
    const sees = (object: DnsRecord): boolean => namespace === undefined || object.metadata.namespace === namespace;
    const watcher = { sees, onChange: options.onChange };
    queueMicrotask(() => {
      this.lists++;
      options.onList(structuredClone([...this.#objects.values()].filter(sees)) as unknown as KubeObject[]);
      this.#watchers.add(watcher);
    });
    return ended(options.signal).then(() => {
      this.#watchers.delete(watcher);
    });
  };

  #merge({ namespace, name, body }: { namespace: string; name: string; body: KubeObject }): KubeObject {
    const object = this.find(name, namespace);
    if (object === undefined) throw new KubeError("not found", { status: 404, reason: "NotFound" });
    const { resourceVersion, annotations, finalizers } = body.metadata ?? {};
    if (resourceVersion === undefined) throw new Error(`${name} was written without a version`);
    if (resourceVersion !== object.metadata.resourceVersion)
      throw new KubeError("the object has been modified", { status: 409, reason: "Conflict" });
    const status = body["status"] as (Omit<DnsRecordStatus, "applied"> & { applied: AppliedSet | null }) | undefined;
    const { applied, ...rest } = status ?? { applied: null };
    this.#change(name, namespace, (before) => ({
      ...before,
      metadata: {
        ...before.metadata,
        ...(annotations && { annotations: { ...before.metadata.annotations, ...annotations } }),
        ...(finalizers && { finalizers }),
      },
      ...(status && { status: { ...rest, ...(applied && { applied }) } }),
    }));
    return (this.find(name, namespace) ?? object) as unknown as KubeObject;
  }

  #change(name: string, namespace: string | undefined, change: (object: DnsRecord) => DnsRecord): void {
    const before = this.find(name, namespace);
    if (before === undefined) throw new Error(`there is no ${name}`);
    const object: Mutable = change(before);
    object.metadata = { ...object.metadata, resourceVersion: this.#next() };
    this.#put(object);
  }

  #put(object: DnsRecord): void {
    const { name, namespace = "", deletionTimestamp, finalizers = [] } = object.metadata;
    const gone = deletionTimestamp !== undefined && finalizers.length === 0;
    if (gone) this.#objects.delete(`${namespace}/${name}`);
    else this.#objects.set(`${namespace}/${name}`, object);
    for (const { sees, onChange } of this.#watchers) {
      const bring = (): void => {
        if (sees(object)) onChange(structuredClone(object) as unknown as KubeObject, gone);
      };
      if (this.isWatchHeld) this.#held.push(bring);
      else queueMicrotask(bring);
    }
  }

  #next(): string {
    return String(++this.#version);
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
