import { setTimeout as wait } from "node:timers/promises";

import type { KubernetesApi } from "../../harness/plugins/kubernetes-api";
import type { Properties } from "../../harness/plugins/wire";
import { namespace } from "../../harness/records/operator-process";
import type { DnsRecordStatus } from "../../src/records/model";
import type { Change, History } from "./history";

/** Between two changes, and between two looks at what became of them. */
const [restMs, lookMs] = [800, 200];
const path = `/apis/dns.mesh.io/v1alpha1/namespaces/${namespace}/dnsrecords`;

/** A DnsRecord that was changed. */
export interface Waiting {
  readonly change: Change;
  readonly generation: number;
}

/** A DnsRecord as the API server gives it. */
interface Live {
  readonly metadata: { readonly generation: number };
  readonly status?: DnsRecordStatus;
}

/** What {@link RecordChanger} works with. */
export interface RecordChangerOptions {
  /** The real API server, not what the operator reaches it by. */
  readonly api: Pick<KubernetesApi, "send">;
  readonly history: History;
  /** A zone of the operator's site. */
  readonly zone: string;
  /** The operator says that every site answers a change, but for those that it names there: away, or not seen. */
  readonly programmed: (change: Change, but: string) => Promise<void>;
}

/**
 * Changes a zone by DnsRecords, as its users do. A change is acknowledged when its object says `Programmed` of that very
 * version of its spec.
 */
export class RecordChanger {
  readonly #waiting = new Map<string, Waiting>();
  readonly #made = new Set<string>();
  #isOver = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: RecordChangerOptions) {}

  start(): void {
    this.#work = Promise.all([this.#change(), this.#look()]);
  }

  /** Changes no more, and gives what waits some time. */
  async stop(seconds: number): Promise<void> {
    this.#isOver = true;
    for (const end = performance.now() + seconds * 1000; this.#waiting.size > 0 && performance.now() < end;)
      await wait(lookMs);
    this.#waiting.clear();
    await this.#work;
  }

  /** Changes that wait for `Programmed`. */
  get waiting(): readonly Waiting[] {
    return [...this.#waiting.values()];
  }

  async #change(): Promise<void> {
    const { history, zone } = this.options;
    while (!this.#isOver) {
      const change = history.attempt(zone, "kube-");
      const generation = await this.#apply(change).catch(() => undefined);
      if (generation !== undefined) this.#waiting.set(change.name, { change, generation });
      await wait(restMs);
    }
  }

  /** Returns the generation of the object that has the change. */
  async #apply({ zone, name, number }: Change): Promise<number> {
    const { api } = this.options;
    const host = name.slice(0, -zone.length - 1);
    const value = String(number);
    if (this.#made.has(host)) {
      const body = { spec: { value } };
      const type = "application/merge-patch+json";
      return generationOf(await api.send({ method: "PATCH", path: `${path}/${host}`, body, contentType: type }));
    }
    this.#made.add(host);
    const spec = { zone, name: host, ttl: 60, type: "TXT", value };
    const body = { apiVersion: "dns.mesh.io/v1alpha1", kind: "DnsRecord", metadata: { name: host }, spec };
    return generationOf(await api.send({ method: "POST", path, body }));
  }

  async #look(): Promise<void> {
    while (!this.#isOver || this.#waiting.size > 0) {
      for (const [name, waiting] of this.#waiting) {
        const but = await this.#programmedBut(waiting);
        if (but === undefined) continue;
        // The next change of the name may have come meanwhile.
        if (this.#waiting.get(name) === waiting) this.#waiting.delete(name);
        await this.options.programmed(waiting.change, but);
      }
      await wait(lookMs);
    }
  }

  /** Which sites and pods the object excepts when it says `Programmed` of this version; undefined when it does not. */
  async #programmedBut({ change: { zone, name }, generation }: Waiting): Promise<string | undefined> {
    const host = name.slice(0, -zone.length - 1);
    try {
      const live = await this.options.api.send({ method: "GET", path: `${path}/${host}` });
      const { metadata, status } = live as unknown as Live;
      const found = status?.conditions?.find(({ type }) => type === "Programmed");
      const isOfThis = metadata.generation === generation && found?.observedGeneration === generation;
      if (!isOfThis || found.status !== "True") return undefined;
      return found.reason === "AllSites" ? "" : found.message;
    } catch {
      return undefined;
    }
  }
}

function generationOf({ metadata }: Properties): number {
  return (metadata as unknown as Live["metadata"]).generation;
}
