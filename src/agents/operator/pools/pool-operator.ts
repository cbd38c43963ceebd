import { BackOff, Bell, type Clock, isAborted } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import type { Logger } from "../../../base/log";
import type { DnsClient } from "../../../dns/client/dns-client";
import type { TsigKey } from "../../../dns/tsig-key";
import type { KubeClient } from "../../../kube/client";
import type { watchObjects } from "../../../kube/watch";
import { type AllowedTargets, isAllowed } from "../../../pools/allow-list";
import { answerRefusal, poolStatusOf, type Refusal } from "../../../pools/conditions";
import { decide, type SiteSight, type Verdict } from "../../../pools/decision";
import type { Check, Pool, Seen } from "../../../pools/model";
import { publishedOf, type PublishedPool } from "../../../pools/published";
import { poolsOverQuota } from "../../../pools/quota";
import { beatEveryMs, encodeTold, isPoolZone, seenIn } from "../../../pools/wire";
import type { EventQueue } from "../event-queue";
import type { LiveInputs } from "../inputs";
import { writeWidth } from "../spreading";
import { PoolFeed } from "./pool-feed";
import { memoryOf, type PoolEntry, PoolStore } from "./pool-store";
import { isWritten, PoolWriter } from "./pool-writer";
import { Prober, type ProberOptions } from "./prober";
import { SiteTellings } from "./site-tellings";
import { TxtZone } from "./txt-zone";

/** Sites and zones of the mesh, as far as pools need them. */
export interface MeshOfPools {
  readonly sites: number;
  readonly zones: readonly { readonly name: string; readonly owner: string }[];
}

/** What a {@link PoolOperator} works with. All clients end with the signal of its turn. */
export interface PoolParts {
  readonly options: {
    /** The site's own. */
    readonly namespace: string;
    readonly namespaces: readonly string[];
    /** What may be probed from here. */
    readonly probes: readonly AllowedTargets[];
    readonly probesPerSecond: number;
  };
  readonly inputs: Pick<LiveInputs, "current">;
  /** The site's own key, and the one for updates. */
  readonly keys: { readonly local: TsigKey; readonly records: TsigKey };
  readonly kube: Pick<KubeClient, "get" | "stream" | "merge" | "create">;
  readonly dns: Pick<DnsClient, "querySoa" | "transfer" | "transferIncremental" | "update">;
  /** Tells the agent that a zone was changed. @throws Error */
  readonly announce: () => Promise<unknown>;
  /** Undefined as long as the mesh is not known. */
  readonly mesh: () => MeshOfPools | undefined;
  readonly events: Pick<EventQueue, "tell">;
  readonly watch: typeof watchObjects;
  readonly probe: ProberOptions["probe"];
  readonly log: Logger;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** How a turn goes, for metrics. */
export interface PoolCounts {
  readonly pools: number;
  /** Pools whose answer could not be narrowed to healthy targets, by why. */
  readonly unhealthy: Readonly<Record<Exclude<Verdict, "Healthy">, number>>;
  /** Pools that are not accepted. */
  readonly refused: number;
  /** Targets that are probed from here. */
  readonly probed: number;
  readonly goodProbes: number;
  readonly badProbes: number;
  /** Answers that were written. */
  readonly changes: number;
}

/** What comes within so many milliseconds is decided on together. */
const gatherMs = 20;
/** Between looks at what other sites tell: with many of them rarer, so that the site's own server is not asked too often. */
const [lookMs, lookMsPerZone] = [50, 10];
/** The same while nothing is probed, so that nothing can fail. */
const calmLookMs = 200;
/** Between looks while there is nothing to look at. */
const idleMs = 1000;
/** All is decided on again so often, whatever is known to be new. */
const wholeMs = 5000;
/** Statuses wait so long, so that an answer on its way has mostly arrived. */
const statusMs = 300;

/** Decides which targets the site's pools lead to, tells other sites what is seen from here, and probes what all of them ask for. */
export class PoolOperator {
  readonly #store = new PoolStore();
  readonly #feed: PoolFeed;
  readonly #writer: PoolWriter;
  readonly #prober: Prober;
  readonly #tellings = new Map<string, SiteTellings>();
  readonly #refusals = new WeakMap<PoolEntry, Refusal>();
  /** Pools with more targets than their namespaces may have, by their uids. */
  #overQuota: ReadonlyMap<string, Refusal> = new Map();
  readonly #deciding: Bell;
  readonly #telling: Bell;
  readonly #reporting: Bell;
  #own: TxtZone | undefined;
  #isNew = true;
  #isStatusNew = true;
  #isTellingNew = true;
  #isMeshKnown = false;
  #againAt = 0;
  #changes = 0;
  #beat = 0;

  constructor(private readonly parts: PoolParts) {
    const { options, kube, watch, events, probe, clock, log, random } = parts;
    this.#deciding = new Bell(clock);
    this.#telling = new Bell(clock);
    this.#reporting = new Bell(clock);
    const store = this.#store;
    const onNews = (): void => {
      this.#isStatusNew = true;
      this.#wake();
    };
    this.#feed = new PoolFeed({
      client: kube,
      watch,
      namespaces: options.namespaces,
      store,
      onNews,
      log,
      clock,
      random,
    });
    this.#writer = new PoolWriter({ client: kube, events, store });
    const onTurn = (): void => {
      this.#wake();
    };
    this.#prober = new Prober({ probe, perSecond: options.probesPerSecond, onTurn, clock, random });
  }

  get counts(): PoolCounts {
    const entries = [...this.#store.all()];
    const { good, bad } = this.#prober.counts;
    const withVerdict = (verdict: Verdict): number =>
      entries.filter(({ decision }) => decision?.verdict === verdict).length;
    return {
      pools: entries.length,
      unhealthy: {
        TooFewHealthy: withVerdict("TooFewHealthy"),
        NoneHealthy: withVerdict("NoneHealthy"),
        NotProbed: withVerdict("NotProbed"),
      },
      refused: entries.filter((entry) => this.#refusalOf(entry) !== undefined).length,
      probed: this.#prober.size,
      goodProbes: good,
      badProbes: bad,
      changes: this.#changes,
    };
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#feed.run(signal), this.#decideAll(signal), this.#tellAll(signal), this.#report(signal)]);
  }

  #wake(): void {
    this.#isNew = true;
    this.#deciding.ring();
  }

  async #decideAll(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.parts;
    const backOff = new BackOff(random);
    let wholeAt = 0;
    while (!isAborted(signal)) {
      if (await this.#listen(signal)) this.#isNew = true;
      const now = clock.now();
      if (this.#isNew || now >= this.#againAt || now >= wholeAt) {
        this.#isNew = false;
        wholeAt = now + wholeMs;
        this.#overQuota = this.#countTargets();
        this.#prober.want(this.#wantedChecks(), signal);
        const failed = await this.#decide(signal);
        if (failed === undefined) backOff.reset();
        else if (!isAborted(signal)) {
          log.warn("a pool's answer could not be written", { reason: failed });
          this.#againAt = Math.min(this.#againAt, now + backOff.next());
        }
        this.#tell();
        this.#isStatusNew = true;
        this.#reporting.ring();
      }
      await clock.pause(gatherMs, signal);
      await this.#deciding.wait(this.#pauseMs(clock.now()), signal);
    }
  }

  #pauseMs(now: number): number {
    const zones = this.#tellings.size;
    const least = this.#prober.size === 0 ? calmLookMs : lookMs;
    const look = zones === 0 ? idleMs : least + lookMsPerZone * zones;
    return Math.max(0, Math.min(look, this.#againAt - now));
  }

  /** Takes what other sites tell. Returns whether anything of it is new. */
  async #listen(signal: AbortSignal): Promise<boolean> {
    const { inputs, mesh, dns, keys, log, clock } = this.parts;
    const { name: self, zones: own } = inputs.current.packet.site;
    const known = mesh();
    const writer = () => inputs.current.writer;
    const zone = own.map(({ name }) => name).find(isPoolZone);
    if (zone !== this.#own?.zone) {
      this.#own = zone === undefined ? undefined : new TxtZone({ zone, dns, writer, key: keys.local });
      this.#tell();
    }
    if (known === undefined) return false;
    let isNews = !this.#isMeshKnown;
    this.#isMeshKnown = true;
    const others = new Map<string, string>();
    for (const { name, owner } of known.zones)
      if (owner !== self && isPoolZone(name) && !others.has(owner)) others.set(owner, name);
    for (const [site, { zone: before }] of this.#tellings)
      if (others.get(site) !== before) isNews = this.#tellings.delete(site) || isNews;
    for (const [site, name] of others)
      if (!this.#tellings.has(site)) {
        const { now } = clock;
        this.#tellings.set(site, new SiteTellings({ site, zone: name, dns, writer, key: keys.local, log, now }));
      }
    await inParallel(writeWidth, [...this.#tellings.values()], async (each) => {
      isNews = (await each.follow(signal)) || isNews;
    });
    return isNews;
  }

  /** The checks of this site's pools, and those of other sites' where we can say what we see: as far as they may be made from here. */
  #wantedChecks(): ReadonlyMap<string, Check> {
    const wanted = new Map<string, Check>();
    const add = (check: Check, id: string): void => {
      if (isAllowed(this.parts.options.probes, check)) wanted.set(id, check);
    };
    for (const { entry, pool } of this.#served())
      for (const [i, { check }] of pool.targets.entries()) if (check) add(check, entry.checkIds[i] ?? "");
    if (this.#own === undefined) return wanted;
    for (const { checks } of this.#tellings.values())
      for (const each of checks.values()) for (const [id, check] of each) add(check, id);
    return wanted;
  }

  /** Pools that are accepted. */
  *#served(): Generator<{ readonly entry: PoolEntry; readonly pool: Pool }> {
    for (const entry of this.#store.all())
      if (entry.reading.kind === "pool" && !entry.object.isLeaving && this.#staticRefusalOf(entry) === undefined)
        yield { entry, pool: entry.reading.pool };
  }

  #countTargets(): ReadonlyMap<string, Refusal> {
    const { options, inputs } = this.parts;
    const { tenants } = inputs.current;
    const pools = [...this.#store.all()].flatMap(({ uid, object, reading, record }) => {
      const { namespace, creationTimestamp: createdAt } = object.metadata;
      if (reading.kind === "refused" || object.isLeaving) return [];
      return [{ uid, namespace, targets: reading.pool.targets.length, isServed: record?.owner === uid, createdAt }];
    });
    return poolsOverQuota(pools, tenants && { tenants, own: options.namespace });
  }

  #staticRefusalOf({ uid, reading, zone }: PoolEntry): Refusal | undefined {
    if (reading.kind === "refused") return { reason: "InvalidSpec", message: reading.problems.join("; ") };
    const { name, zones } = this.parts.inputs.current.packet.site;
    if (isPoolZone(zone)) return { reason: "InvalidSpec", message: `spec.zone: ${zone} is the mesh's own` };
    const own = zones.find((each) => each.name === zone);
    if (own?.primaries !== undefined)
      return { reason: "NotAllowed", message: `${zone} is taken from a primary outside the mesh: change it there` };
    if (own !== undefined) return this.#overQuota.get(uid);
    const message = `${zone} is no zone of ${name}; make the DnsPool in the cluster of the site that has it`;
    return { reason: "UnknownZone", message };
  }

  #refusalOf(entry: PoolEntry): Refusal | undefined {
    return this.#staticRefusalOf(entry) ?? this.#refusals.get(entry) ?? answerRefusal(entry.record);
  }

  /** Decides on every pool and writes what changes. Returns what went wrong. */
  async #decide(signal: AbortSignal): Promise<string | undefined> {
    // Before it is known who else sees something, nothing is decided: what is answered stays.
    if (!this.#isMeshKnown) return undefined;
    const now = this.parts.clock.now();
    const { name: self } = this.parts.inputs.current.packet.site;
    let againAt = Number.POSITIVE_INFINITY;
    let failed: string | undefined;
    const changing: { readonly entry: PoolEntry; readonly pool: Pool; readonly answer: readonly string[] }[] = [];
    for (const { entry, pool } of this.#served()) {
      if (!this.#feed.isListed(entry.object.metadata.namespace)) continue;
      const sights = this.#sightsOf(entry, self);
      entry.decision = decide(pool, { memory: memoryOf(entry), sights, now });
      entry.memory = entry.decision.memory;
      againAt = Math.min(againAt, entry.decision.againAt ?? againAt);
      const { answer } = entry.decision;
      if (answer !== undefined && !isWritten(entry, pool, answer)) changing.push({ entry, pool, answer });
    }
    this.#againAt = againAt;
    await inParallel(writeWidth, changing, async ({ entry, pool, answer }) => {
      if (isAborted(signal)) return;
      try {
        const before = entry.record?.spec.values;
        const refusal = await this.#writer.answer(entry, pool, answer);
        if (refusal === undefined) this.#refusals.delete(entry);
        else this.#refusals.set(entry, refusal);
        if (refusal !== undefined) return;
        this.#changes++;
        const { namespace, name } = entry.object.metadata;
        this.parts.log.info("a pool's answer changed", {
          pool: `${namespace}/${name}`,
          before: before ?? [],
          after: answer,
        });
      } catch (error) {
        failed = messageOf(error);
      }
    });
    return failed;
  }

  #sightsOf(entry: PoolEntry, self: string): readonly SiteSight[] {
    const sights: SiteSight[] = [];
    const add = (site: string, seenOf: (id: string) => Seen | undefined): void => {
      const seen = entry.checkIds.map((id) => (id === undefined ? undefined : seenOf(id)));
      if (seen.some((each) => each !== undefined)) sights.push({ site, seen });
    };
    add(self, (id) => this.#prober.seen(id));
    for (const [site, tellings] of this.#tellings) {
      const told = tellings.seen(entry.id);
      if (told !== undefined) add(site, (id) => told.get(id));
    }
    return sights;
  }

  #tell(): void {
    this.#isTellingNew = true;
    this.#telling.ring();
  }

  /** Keeps the site's own zone of pools as it is to be. */
  async #tellAll(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.parts;
    const backOff = new BackOff(random);
    while (!isAborted(signal)) {
      const zone = this.#zoneToTell;
      if (zone !== undefined && (this.#isTellingNew || this.#untilBeat <= 0)) {
        try {
          await this.#tellIn(zone);
          backOff.reset();
        } catch (error) {
          if (isAborted(signal)) return;
          log.warn("what is seen from here could not be told", { zone: zone.zone, reason: messageOf(error) });
          await clock.pause(backOff.next(), signal);
          this.#isTellingNew = true;
        }
      }
      await clock.pause(gatherMs, signal);
      const pauseMs = this.#zoneToTell === undefined ? idleMs : Math.min(idleMs, this.#untilBeat);
      if (this.#zoneToTell === undefined || !this.#isTellingNew) await this.#telling.wait(Math.max(0, pauseMs), signal);
    }
  }

  /** The site's own zone of pools. With pools that are not known yet others would take those for gone, and forget what they saw. */
  get #zoneToTell(): TxtZone | undefined {
    return this.#feed.isReady ? this.#own : undefined;
  }

  /** Milliseconds until the next sign of life; there is none from a site that probes nothing. */
  get #untilBeat(): number {
    return this.#prober.size === 0 ? idleMs : this.#beat + this.#beatMs - this.parts.clock.now();
  }

  get #beatMs(): number {
    return beatEveryMs(this.parts.mesh()?.sites ?? 1);
  }

  async #tellIn(own: TxtZone): Promise<void> {
    const { keys, announce, clock } = this.parts;
    this.#isTellingNew = false;
    if (this.#untilBeat <= 0) this.#beat = clock.now();
    await own.follow();
    if (await own.write(this.#texts(own, this.#beatMs), keys.records)) await announce();
  }

  #texts({ zone, texts }: TxtZone, everyMs: number): ReadonlyMap<string, readonly string[]> {
    const checks = new Map<string, readonly Check[]>();
    const seen = new Map<string, ReadonlyMap<string, Seen>>();
    const pools = new Map<string, PublishedPool>();
    const see = (pool: string, ids: readonly string[]): void => {
      // What the leader before saw holds until it is known anew.
      const before = seenIn(texts, { pool, zone });
      const found = ids.flatMap((id): [string, Seen][] => {
        const what = this.#prober.seen(id) ?? (this.#prober.has(id) ? before.get(id) : undefined);
        return what === undefined ? [] : [[id, what]];
      });
      if (found.length > 0) seen.set(pool, new Map(found));
    };
    for (const { entry, pool } of this.#served()) {
      const all = pool.targets.flatMap(({ check }) => check ?? []);
      if (all.length > 0) checks.set(entry.id, all);
      if (this.#refusalOf(entry) === undefined) pools.set(entry.id, publishedOf(pool, entry));
      see(
        entry.id,
        entry.checkIds.flatMap((id) => id ?? []),
      );
    }
    for (const tellings of this.#tellings.values())
      for (const [pool, all] of tellings.checks) if (!checks.has(pool)) see(pool, [...all.keys()]);
    const beat = this.#beat === 0 ? {} : { beat: { text: String(this.#beat), everyMs } };
    return encodeTold({ checks, seen, pools, ...beat }, zone);
  }

  /** Writes statuses, in their own time. */
  async #report(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.parts;
    while (!isAborted(signal)) {
      if (this.#isStatusNew) {
        await clock.pause(statusMs, signal);
        this.#isStatusNew = false;
        const now = clock.now();
        await inParallel(writeWidth, [...this.#store.all()], async (entry) => {
          const refusal = this.#refusalOf(entry);
          if (isAborted(signal) || (refusal === undefined && entry.decision === undefined)) return;
          try {
            await this.#writer.report(entry, this.#statusOf(entry, { refusal, now }));
          } catch (error) {
            if (isAborted(signal)) return;
            log.warn("a pool's status could not be written", { reason: messageOf(error) });
            this.#isStatusNew = true;
          }
        });
      }
      await this.#reporting.wait(idleMs, signal);
    }
  }

  #statusOf(entry: PoolEntry, { refusal, now }: { readonly refusal: Refusal | undefined; readonly now: number }) {
    const { decision, record, reading, object } = entry;
    const pool = reading.kind === "pool" ? reading.pool : undefined;
    const answer = decision?.answer;
    return poolStatusOf(entry.status, {
      generation: object.metadata.generation,
      refusal,
      decision: refusal === undefined ? decision : undefined,
      record,
      isWritten: pool !== undefined && answer !== undefined && isWritten(entry, pool, answer),
      now,
    });
  }
}
