import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { DnsClient } from "../../dns/client/dns-client";
import type { KubeClient } from "../../kube/client";
import type { AgentClient } from "../sidecar/agent-client";
import type { TsigKey } from "../../dns/tsig-key";
import type { WelcomePacket } from "../../mesh/model";
import { zoneRetiring } from "../../records/conditions";
import type { Logger } from "../../base/log";
import { MeshSites } from "./mesh-sites";
import type { OperatorMetrics } from "./metrics";
import type { OperatorOptions } from "./options";
import { RecordFeed } from "./record-feed";
import { isHere } from "../../records/lifecycle";
import { annotations, isAnnotated, isLeaving, RecordStore, type Entry } from "./record-store";
import { Reporter } from "./reporter";
import { Spreading, writeWidth } from "./spreading";
import { ZoneMirror } from "./zone-mirror";
import { ZoneWorker } from "./zone-worker";

/** What a {@link RecordOperator} works with. */
export interface OperatorParts {
  readonly options: OperatorOptions;
  readonly packet: WelcomePacket;
  /** The site's own key, and the one for updates. */
  readonly keys: { readonly local: TsigKey; readonly records: TsigKey };
  readonly kube: KubeClient;
  readonly dns: DnsClient;
  readonly peerDns: DnsClient;
  readonly agents: AgentClient;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** Changes that come within this time are one pass, in milliseconds. */
const gatherMs = 3;
/** Before what failed is tried again: doubled up to the longest. */
const firstAgainMs = 500;
const longestAgainMs = 30_000;
/** All objects are looked at again after so many looks at the server. */
const wholeEveryLooks = 120;

/** A turn of the record operator as the leader: from nothing known to the end of its signal. */
export class RecordOperator {
  readonly #store: RecordStore;
  readonly #feed: RecordFeed;
  readonly #sites: MeshSites;
  readonly #reporter: Reporter;
  readonly #spreading: Spreading;
  readonly #workers = new Map<string, ZoneWorker>();
  /** Objects and names of zones that are to be looked at. */
  readonly #objects = new Set<Entry>();
  readonly #names = new Map<string, Set<string>>();
  #isCaughtUp = false;
  #lookIsDue = true;
  #looks = 0;
  #againMs = firstAgainMs;
  #wake = new AbortController();

  constructor(private readonly o: OperatorParts) {
    const { options, packet, keys, kube, dns, peerDns, metrics, log, now } = o;
    const { writer, remotePort, awayMs } = options;
    this.#store = new RecordStore(now);
    const onNews = (entries: readonly Entry[]): void => {
      for (const entry of entries) this.#objects.add(entry);
      this.#wake.abort();
    };
    const { namespaces } = options;
    this.#feed = new RecordFeed({ client: kube, namespaces, store: this.#store, onNews, log, random: o.random });
    this.#sites = new MeshSites({ packet, dns, peerDns, writer, key: keys.local, remotePort, awayMs, now });
    const retiredSince = (zone: string) => this.#sites.retiredSince(zone);
    this.#reporter = new Reporter({ client: kube, pod: options.pod, metrics, retiredSince, log, now });
    this.#spreading = new Spreading({ sites: this.#sites, reporter: this.#reporter, log, now });
    for (const { name: zone } of packet.site.zones) {
      const mirror = new ZoneMirror({ zone, dns, writer, key: keys.local });
      const announce = () =>
        o.agents.announce(options.agent).catch((error: unknown) => {
          log.warn("the agent could not be told", { reason: messageOf(error) });
        });
      const isRetired = () => retiredSince(zone) !== undefined;
      const parts = {
        zone,
        mirror,
        store: this.#store,
        reporter: this.#reporter,
        spreading: this.#spreading,
        isRetired,
      };
      this.#workers.set(
        zone,
        new ZoneWorker({ ...parts, dns, writer, key: keys.records, announce, metrics, log, now }),
      );
    }
  }

  /** How many objects there are, on their way to the sites, and in zones that are retired; and how much was asked of DNS servers in this turn. */
  get counts(): Record<"records" | "waiting" | "retiring" | "dnsRequests", number> {
    const { dns, peerDns } = this.o;
    const zones = new Set([...this.#workers.keys()].filter((zone) => this.#sites.retiredSince(zone) !== undefined));
    const sent = [dns, peerDns].flatMap(({ counters }) => Object.values(counters) as number[]);
    return {
      records: this.#store.size,
      waiting: this.#spreading.waiting,
      retiring:
        zones.size === 0 ? 0 : [...this.#store.all()].filter((each) => zones.has(each.zone) && isHere(each)).length,
      dnsRequests: sent.reduce((sum, each) => sum + each, 0),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const loops = [this.#feed.run(signal), this.#lookLoop(signal), this.#passLoop(signal), this.#spreading.run(signal)];
    await Promise.all(loops);
  }

  async #lookLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.o.options.lookMs * (1 + this.o.random() / 4), signal);
      this.#lookIsDue = true;
      this.#wake.abort();
    }
  }

  async #passLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      if (this.#feed.isReady) await this.#pass(signal);
      const isOpen = this.#feed.isReady && (this.#objects.size > 0 || this.#lookIsDue);
      await pause(isOpen ? gatherMs : 60_000, isOpen ? signal : AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** Never throws. */
  async #pass(signal: AbortSignal): Promise<void> {
    if (this.#lookIsDue) await this.#look();
    const objects = [...this.#objects];
    this.#objects.clear();
    const again: Entry[] = [];
    await inParallel(writeWidth, objects, async (entry) => {
      if (!(await this.#place(entry))) again.push(entry);
    });
    const zones = [...this.#names];
    this.#names.clear();
    await inParallel(4, zones, async ([zone, names]) => {
      const left = (await this.#workers.get(zone)?.bring(names)) ?? [];
      for (const name of left) again.push(...this.#store.at(zone, name));
    });
    if (!this.#isCaughtUp) this.o.log.info("caught up", { records: this.#store.size });
    this.#isCaughtUp = true;
    if (again.length === 0) this.#againMs = firstAgainMs;
    else void this.#tryAgain(again, signal);
  }

  async #tryAgain(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const ms = this.#againMs * (1 + this.o.random() / 2);
    this.#againMs = Math.min(2 * this.#againMs, longestAgainMs);
    await pause(ms, signal);
    for (const entry of entries) if (this.#store.get(entry.uid) === entry) this.#objects.add(entry);
    this.#wake.abort();
  }

  /** What others changed: the list of sites and zones, and the zones themselves. */
  async #look(): Promise<void> {
    this.#lookIsDue = false;
    const isWhole = ++this.#looks % wholeEveryLooks === 0;
    try {
      const changed = await this.#sites.follow();
      if (changed || isWhole) for (const entry of this.#store.all()) this.#objects.add(entry);
    } catch (error) {
      this.o.log.warn("the mesh cannot be read", { reason: messageOf(error) });
    }
    for (const [zone, worker] of this.#workers) {
      try {
        const drifted = await worker.look();
        if (drifted.length > 0) this.o.metrics.drift++;
        for (const name of drifted) this.#noteName(zone, name);
      } catch (error) {
        this.o.log.warn("a zone cannot be read", { zone, reason: messageOf(error) });
      }
    }
    this.#spreading.retryShort();
    this.o.metrics.looks++;
  }

  #noteName(zone: string, name: string): void {
    this.#names.set(zone, (this.#names.get(zone) ?? new Set<string>()).add(name));
  }

  /** Finds out whose business an object is. Returns whether that is settled, or its zone's worker's. */
  async #place(entry: Entry): Promise<boolean> {
    const { zone, name, reading } = entry;
    try {
      const abandoned = isLeaving(entry) && isAnnotated(entry, annotations.abandon);
      const since = this.#workers.has(zone) ? this.#sites.retiredSince(zone) : undefined;
      const isTurnedAway = since !== undefined && !isHere(entry) && !isLeaving(entry) && reading.kind !== "refused";
      if (this.#workers.has(zone) && name !== undefined && !abandoned && !isTurnedAway) {
        this.#noteName(zone, name);
        return true;
      }
      if (isLeaving(entry)) return await this.#letGo(entry, abandoned);
      const generation = entry.object.metadata.generation ?? 0;
      const problem = reading.kind === "refused" ? reading.problems.join("; ") : undefined;
      const progress =
        problem === undefined
          ? this.#strange(zone, since)
          : ({ kind: "refused", reason: "InvalidSpec", message: problem } as const);
      await this.#reporter.report(entry, { generation, progress });
      return true;
    } catch (error) {
      this.o.log.warn("an object waits", { object: entry.object.metadata.name, reason: messageOf(error) });
      return false;
    }
  }

  /** Nothing can be taken away in a zone that is not ours (any more), and nothing need be for one that somebody abandons. */
  async #letGo(entry: Entry, abandoned: boolean): Promise<boolean> {
    this.#spreading.forget(entry.zone, entry.uid);
    if (entry.status.applied !== undefined && !entry.isGhost) {
      const why = abandoned ? `it is annotated with ${annotations.abandon}` : `${entry.zone} is no zone of this site`;
      this.#reporter.warn(entry, "Abandoned", `its records were not taken away: ${why}`);
    }
    if (entry.isGhost) this.#store.drop(entry);
    return this.#reporter.release(entry);
  }

  #strange(zone: string, retired?: string): { kind: "refused"; reason: string; message: string } {
    const { name } = this.o.packet.site;
    if (retired !== undefined) {
      const message = `${zone} is retired from ${retired} and takes no new DnsRecord; use another zone, or take the mark from the zone in dns-mesh:mesh and bring up shared and the primary`;
      return { kind: "refused", reason: zoneRetiring, message };
    }
    const owner = this.#sites.ownerOf(zone);
    if (owner !== undefined && owner !== name) {
      const message = `${zone} is a zone of ${owner}; make the DnsRecord in that site's cluster`;
      return { kind: "refused", reason: "ZoneOfAnotherSite", message };
    }
    const own = this.o.packet.site.zones.map((each) => each.name).join(", ");
    const message = `no site has the zone ${zone}; this one has ${own === "" ? "none" : own}. Put it into dns-mesh:mesh and bring the stacks up, or name another zone`;
    return { kind: "refused", reason: "UnknownZone", message };
  }
}

/** Waits, and no longer than until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
