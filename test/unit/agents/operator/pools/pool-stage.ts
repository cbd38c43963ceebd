import { EventQueue } from "../../../../../src/agents/operator/event-queue";
import type { LiveInputs } from "../../../../../src/agents/operator/inputs";
import { PoolOperator } from "../../../../../src/agents/operator/pools/pool-operator";
import { createLogger } from "../../../../../src/base/log";
import { KubeError, type KubeObject } from "../../../../../src/kube/answer";
import type { KubeClient } from "../../../../../src/kube/client";
import type { WatchOptions } from "../../../../../src/kube/watch";
import { parseAllowed } from "../../../../../src/pools/allow-list";
import type { Check, PoolSpec, PoolStatus } from "../../../../../src/pools/model";
import type { DnsRecordSpec } from "../../../../../src/records/model";
import { FakeWriter } from "../fake-writer";
import { TestClock } from "../test-clock";

const key = { name: "local", algorithm: "hmac-sha256", secret: "" } as const;
const server = { address: "192.0.2.250", port: 53 };
const namespace = "dns-system";

type Stored = KubeObject & { readonly metadata: NonNullable<KubeObject["metadata"]> };

/** A cluster's pools and the records of their answers, which are programmed as soon as they are written. */
export class PoolApi {
  /** What was written: `pool/status`, `record`, `event`, by the object's name. */
  readonly writes: { readonly what: "status" | "record" | "event"; readonly name: string }[] = [];
  /** What the server has against a write. */
  refusal: (what: string, name: string) => KubeError | undefined = () => undefined;
  /** Writes of this that get no answer. */
  hanging: "record" | "status" | undefined;
  /** Before this, pools are not listed. */
  poolsListed: Promise<unknown> = Promise.resolve();
  readonly #objects = { dnspools: new Map<string, Stored>(), dnsrecords: new Map<string, Stored>() };
  readonly #watchers: { readonly kind: "dnspools" | "dnsrecords"; readonly options: WatchOptions }[] = [];
  #version = 100;

  make(name: string, spec: PoolSpec): void {
    this.#put("dnspools", { kind: "DnsPool", metadata: { name, namespace, uid: `uid-${name}`, generation: 1 }, spec });
  }

  edit(name: string, spec: PoolSpec): void {
    const before = this.#objects.dnspools.get(name);
    const generation = (before?.metadata.generation ?? 0) + 1;
    this.#put("dnspools", { ...before, metadata: { ...before?.metadata, generation }, spec });
  }

  remove(name: string): void {
    for (const kind of ["dnspools", "dnsrecords"] as const) {
      const object = this.#objects[kind].get(name);
      this.#objects[kind].delete(name);
      if (object !== undefined) this.#bring(kind, { ...object, metadata: this.#versioned(object.metadata) }, true);
    }
  }

  /** Another status of a pool's record, so that it is another version. */
  touch(name: string): void {
    const record = this.#objects.dnsrecords.get(name);
    if (record !== undefined) this.#put("dnsrecords", record);
  }

  status(name: string): PoolStatus {
    return this.#objects.dnspools.get(name)?.["status"] ?? {};
  }

  answer(name: string): readonly string[] {
    return (this.#objects.dnsrecords.get(name)?.["spec"] as DnsRecordSpec | undefined)?.values ?? [];
  }

  isReady(name: string): boolean {
    return this.status(name).conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  }

  count(what: "status" | "record" | "event"): number {
    return this.writes.filter((each) => each.what === what).length;
  }

  readonly watch = async (options: WatchOptions): Promise<void> => {
    const kind = options.path.includes("dnspools") ? ("dnspools" as const) : ("dnsrecords" as const);
    await (kind === "dnspools" ? this.poolsListed : Promise.resolve());
    const watcher = { kind, options };
    options.onList([...this.#objects[kind].values()]);
    this.#watchers.push(watcher);
    await new Promise((resolve) => {
      options.signal.addEventListener("abort", resolve);
    });
    this.#watchers.splice(this.#watchers.indexOf(watcher), 1);
  };

  readonly client: Pick<KubeClient, "get" | "stream" | "merge" | "create"> = {
    stream: () => Promise.reject(new Error("streams are the watch's")),
    get: async (path) => {
      await Promise.resolve();
      if (!path.includes("/dnsrecords/")) return { resources: [{ name: "dnspools" }, { name: "dnsrecords" }] };
      return this.#objects.dnsrecords.get(path.split("/").at(-1) ?? "");
    },
    create: async (path, body) => {
      await this.#answerTo(path.includes("/dnsrecords") ? "record" : undefined);
      if (path.endsWith("/events")) this.writes.push({ what: "event", name: "" });
      else
        this.#record(body.metadata?.name ?? "", { ...body, metadata: { ...body.metadata, uid: "r", generation: 1 } });
    },
    merge: async (path, body) => {
      await this.#answerTo(path.endsWith("/status") ? "status" : "record");
      const [, kind = "", name = "", part] = /\/(dnspools|dnsrecords)\/([^/]+)(\/status)?$/.exec(path) ?? [];
      const before = this.#objects[kind as "dnspools"].get(name);
      if (before === undefined) throw new KubeError("not found", { status: 404 });
      if (body.metadata?.resourceVersion !== before.metadata.resourceVersion)
        throw new KubeError("conflict", { status: 409 });
      if (part === undefined) {
        const generation = (before.metadata.generation ?? 0) + 1;
        const spec = { ...(before["spec"] as object), ...(body["spec"] as object) };
        return this.#record(name, { ...before, metadata: { ...before.metadata, generation }, spec });
      }
      this.#refuse("status", name);
      this.writes.push({ what: "status", name });
      // A merge takes away what is null.
      const fields = Object.entries(body["status"] as object).filter(([, value]) => value !== null);
      return this.#put("dnspools", { ...before, status: Object.fromEntries(fields) });
    },
  };

  async #answerTo(what: "record" | "status" | undefined): Promise<void> {
    await (what !== undefined && what === this.hanging ? new Promise(() => undefined) : Promise.resolve());
  }

  #refuse(what: string, name: string): void {
    const refusal = this.refusal(what, name);
    if (refusal !== undefined) throw refusal;
  }

  #record(name: string, object: KubeObject): Stored {
    this.#refuse("record", name);
    this.writes.push({ what: "record", name });
    const { generation } = object.metadata ?? {};
    const programmed = {
      ...{ type: "Programmed", status: "True", reason: "AllSites", message: "", lastTransitionTime: "" },
      observedGeneration: generation,
    };
    return this.#put("dnsrecords", { ...object, status: { conditions: [programmed] } });
  }

  #versioned(metadata: KubeObject["metadata"]): Stored["metadata"] {
    return { ...metadata, resourceVersion: String(++this.#version) };
  }

  #put(kind: "dnspools" | "dnsrecords", object: KubeObject): Stored {
    const stored = { ...object, metadata: this.#versioned(object.metadata) };
    this.#objects[kind].set(stored.metadata.name ?? "", stored);
    this.#bring(kind, stored, false);
    return stored;
  }

  #bring(kind: "dnspools" | "dnsrecords", object: Stored, gone: boolean): void {
    for (const watcher of this.#watchers)
      if (watcher.kind === kind)
        queueMicrotask(() => {
          watcher.options.onChange(structuredClone(object), gone);
        });
  }
}

/** The operator of a site. */
export interface PoolSite {
  readonly name: string;
  readonly operator: PoolOperator;
  /** What it logged. */
  readonly lines: readonly string[];
  readonly end: () => Promise<unknown>;
}

/** Sites that share one server with all their zones; the first has the pools. Probes are answered by a test, in a test's time. */
export class PoolStage {
  readonly clock = new TestClock();
  readonly writer = new FakeWriter(this.clock);
  readonly api = new PoolApi();
  /** Addresses, or `site address`, that do not answer. */
  readonly down = new Set<string>();
  readonly #names: readonly string[];
  readonly #otherApis = new Map<string, PoolApi>();

  constructor(...names: readonly string[]) {
    this.#names = names;
    for (const name of names) for (const zone of zonesOf(name)) this.writer.serve(zone);
  }

  /** The cluster of a site. */
  apiOf(name: string): PoolApi {
    const api = name === this.#names[0] ? this.api : (this.#otherApis.get(name) ?? new PoolApi());
    this.#otherApis.set(name, api);
    return api;
  }

  /** Starts a leader of a site. */
  start(name: string, { announce }: { readonly announce?: () => Promise<void> } = {}): PoolSite {
    const ending = new AbortController();
    const lines: string[] = [];
    const { clock } = this;
    const log = createLogger({ write: (line) => lines.push(line), now: clock.now });
    const api = this.apiOf(name);
    const zones = zonesOf(name).map((zone) => ({ name: zone }));
    const current = { packet: { site: { name, zones } }, writer: server } as unknown as LiveInputs["current"];
    const listed = this.#names.flatMap((owner) => zonesOf(owner).map((zone) => ({ name: zone, owner })));
    const operator = new PoolOperator({
      options: {
        ...{ namespace, namespaces: [namespace], probes: [parseAllowed("192.0.2.0/24@80")], probesPerSecond: 500 },
      },
      inputs: { current },
      keys: { local: key, records: key },
      kube: api.client,
      dns: this.writer.client(ending.signal),
      announce: announce ?? (() => Promise.resolve()),
      mesh: () => ({ sites: this.#names.length, zones: listed }),
      events: new EventQueue({ client: api.client, pod: "operator-0", log, now: clock.now }),
      watch: api.watch,
      probe: (check: Check) =>
        Promise.resolve(!this.down.has(check.address) && !this.down.has(`${name} ${check.address}`)),
      ...{ log, clock, random: seeded() },
    });
    const over = operator.run(ending.signal);
    const end = (): Promise<unknown> => {
      ending.abort();
      return over;
    };
    return { name, operator, lines, end };
  }

  /** UPDATE messages that a site's zone of pools had. */
  updates(site: string): number {
    return this.writer.count(`UPDATE _pools.${site}.example`);
  }

  /** Octets of the TXT records that were written into a site's zone of pools. */
  octets(site: string): number {
    const changes = this.writer.updates
      .filter(({ zone }) => zone === `_pools.${site}.example`)
      .flatMap((each) => each.changes);
    return changes.reduce(
      (sum, each) =>
        sum + (each.kind === "add" && each.record.type === "TXT" ? each.record.strings.join("").length : 0),
      0,
    );
  }

  /** Names and texts of a site's zone of pools whose names have a label. */
  texts(site: string, label: string): ReadonlyMap<string, string> {
    const records = this.writer.records(`_pools.${site}.example`);
    return new Map(
      records.flatMap((each): [string, string][] =>
        each.type === "TXT" && each.name.split(".")[1] === label ? [[each.name, each.strings.join(" ")]] : [],
      ),
    );
  }
}

/** A pool with targets at these addresses, the first before the second. */
export function poolOf(name: string, addresses: readonly string[], intervalSeconds = 1): PoolSpec {
  return {
    ...{ zone: "a.example", name, type: "A", ttl: 10 },
    targets: addresses.map((value, priority) => ({
      ...{ value, priority },
      check: { type: "HTTP", port: 80, path: `/${name}`, intervalSeconds },
    })),
  };
}

function zonesOf(site: string): readonly string[] {
  return [`${site}.example`, `_pools.${site}.example`];
}

/** Numbers between 0 and 1, the same ones in every run. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
