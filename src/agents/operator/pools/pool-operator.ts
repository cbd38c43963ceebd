import { BackOff, Bell, type Clock, Heartbeats, isAborted } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import type { Logger } from "../../../base/log";
import type { DnsClient } from "../../../dns/client/dns-client";
import type { TsigKey } from "../../../dns/tsig-key";
import type { KubeClient } from "../../../kube/client";
import type { watchObjects } from "../../../kube/watch";
import { type AllowedTargets, isAllowed } from "../../../pools/allow-list";
import { poolStatusOf, type Refusal } from "../../../pools/conditions";
import { decide, type Decision, type SiteSight, type Verdict } from "../../../pools/decision";
import type { Check, Pool, PoolStatus, Seen } from "../../../pools/model";
import { publishedOf } from "../../../pools/published";
import { isPoolZone } from "../../../pools/wire";
import type { EventQueue } from "../event-queue";
import type { LiveInputs } from "../inputs";
import type { MadePools } from "../source-pools";
import { writeWidth } from "../spreading";
import { CheckBook } from "./check-book";
import { OtherSites } from "./other-sites";
import { OwnTellings, type PoolTelling } from "./own-tellings";
import { PoolFeed } from "./pool-feed";
import { PoolIds } from "./pool-ids";
import { PoolReports } from "./pool-reports";
import { PoolRules } from "./pool-rules";
import { memoryOf, type PoolEntry, PoolStore } from "./pool-store";
import { PoolTeller } from "./pool-teller";
import { isWritten, PoolWriter } from "./pool-writer";
import { Prober, type ProberOptions } from "./prober";
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
  /** A pool that was made of another object is new, changed, or gone; with that object's uid. */
  readonly onMade?: (sourceUid: string) => void;
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
/** Answers that are written before it is looked again what is new. */
const mostAnswers = 64;

/** An answer that is not written yet. */
interface Changing {
  readonly entry: PoolEntry;
  readonly pool: Pool;
  readonly answer: readonly string[];
}

/**
 * Decides which targets the site's pools lead to, tells other sites what is seen from here, and probes what all of them ask for.
 * What is new names the pools that it is about, and only these are looked at; all of them every few seconds.
 */
export class PoolOperator {
  readonly #store: PoolStore;
  readonly #feed: PoolFeed;
  readonly #writer: PoolWriter;
  readonly #reports: PoolReports;
  readonly #prober: Prober;
  readonly #book: CheckBook;
  readonly #others: OtherSites;
  readonly #teller: PoolTeller;
  readonly #rules: PoolRules;
  readonly #ids = new PoolIds();
  readonly #heart: Heartbeats;
  /** Uids of pools whose object or record is new, and of those to be decided on. */
  readonly #touched = new Set<string>();
  readonly #open = new Set<string>();
  /** Ids of pools of which there is something to tell once their checks are probed. */
  readonly #untold = new Set<string>();
  /** When a pool is to be decided on although nothing changed, by its uid. */
  readonly #wakes = new Map<string, number>();
  readonly #deciding: Bell;
  #own: OwnTellings | undefined;
  #inputs: PoolParts["inputs"]["current"] | undefined;
  #isMeshKnown = false;
  /** All that there is was looked at once. */
  #isLooked = false;
  /** Of all that there is it is known what is to be told of it, in the zone that there is now. */
  #isTaken = false;
  /** Pools whose answer could not be written, by their uids. */
  readonly #failing = new Map<string, BackOff>();
  #changes = 0;
  #decided = 0;

  constructor(private readonly parts: PoolParts) {
    const { options, inputs, keys, kube, dns, watch, events, probe, announce, mesh, clock, log, random } = parts;
    this.#deciding = new Bell(clock);
    this.#heart = new Heartbeats(clock.now);
    const store = new PoolStore((entry, gone) => {
      this.#rules.countAnew();
      const { source } = entry.object;
      if (source !== undefined) parts.onMade?.(source.uid);
      if (gone) this.#forget(entry);
      else this.#touched.add(entry.uid);
    });
    this.#store = store;
    this.#rules = new PoolRules({ store, current: () => inputs.current, ownNamespace: options.namespace });
    const { namespaces } = options;
    const onNews = (): void => {
      this.#deciding.ring();
    };
    this.#feed = new PoolFeed({ client: kube, watch, namespaces, store, onNews, log, clock, random });
    this.#writer = new PoolWriter({ client: kube, events, store });
    const statusOf = (entry: PoolEntry) => this.#statusOf(entry);
    this.#reports = new PoolReports({
      store,
      writer: this.#writer,
      statusOf,
      beat: this.#beatOf("reports of pools"),
      log,
      clock,
    });
    const writer = () => inputs.current.writer;
    this.#others = new OtherSites({ dns, writer, key: keys.local, log, now: clock.now });
    this.#book = new CheckBook((check) => isAllowed(options.probes, check));
    const onTurn = (id: string): void => {
      for (const user of this.#book.usersOf(id)) {
        this.#own?.tell(user.pool);
        if (user.uid !== undefined) this.#open.add(user.uid);
      }
      this.#teller.ring();
      this.#deciding.ring();
    };
    const ofProbes = this.#beatOf("probes of pools");
    this.#prober = new Prober({ probe, perSecond: options.probesPerSecond, onTurn, beat: ofProbes, clock, random });
    const own = () => this.#toTell;
    const isProbing = () => this.#prober.size > 0;
    const sites = () => mesh()?.sites ?? 1;
    const key = keys.records;
    const ofTellings = this.#beatOf("tellings of pools");
    this.#teller = new PoolTeller({ own, isProbing, sites, key, announce, beat: ofTellings, log, clock, random });
  }

  /** Names of loops that do not go on. */
  get stuck(): readonly string[] {
    return this.#heart.stuck;
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
      refused: entries.filter((entry) => this.#rules.refusalOf(entry) !== undefined).length,
      probed: this.#prober.size,
      goodProbes: good,
      badProbes: bad,
      changes: this.#changes,
    };
  }

  /** How much was worked: pools that were decided on, and texts that were made for other sites and for people. */
  get work(): { readonly decided: number; readonly rendered: number } {
    return { decided: this.#decided, rendered: this.#own?.rendered ?? 0 };
  }

  /** Pools that were made of other objects. */
  get made(): MadePools {
    return {
      madeOf: (uid, namespace) => this.#store.madeOf(uid, namespace),
      named: (namespace, name) => this.#store.named(namespace, name),
      sources: () => this.#store.sources(),
      isListed: (namespace) => this.#feed.isListed(namespace),
    };
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const loops = [this.#feed, this.#reports, this.#teller].map((each) => each.run(signal));
    await Promise.all([...loops, this.#decideAll(signal)]);
  }

  async #decideAll(signal: AbortSignal): Promise<void> {
    const { clock } = this.parts;
    const beat = this.#beatOf("decisions on pools");
    let wholeAt = 0;
    while (!isAborted(signal)) {
      beat();
      await this.#listen(signal);
      const now = clock.now();
      if (now >= wholeAt) {
        wholeAt = now + wholeMs;
        this.#openAll();
        this.#own?.look();
      }
      for (const [uid, at] of this.#wakes) if (at <= now) this.#open.add(uid);
      this.#takeTouched();
      if (this.#book.takeNew()) this.#prober.want(this.#book.checks, signal);
      this.#tellUntold();
      if (this.#feed.isReady) this.#isTaken = true;
      // Before it is known who else sees something, nothing is decided: what is answered stays.
      if (this.#isMeshKnown) await this.#write(this.#decide(now), signal);
      await clock.pause(gatherMs, signal);
      await this.#deciding.wait(this.#pauseMs(clock.now()), signal);
    }
  }

  #beatOf(loop: string): () => void {
    return () => {
      this.#heart.beat(loop);
    };
  }

  #pauseMs(now: number): number {
    const zones = this.#others.size;
    const least = this.#prober.size === 0 ? calmLookMs : lookMs;
    const look = zones === 0 ? idleMs : least + lookMsPerZone * zones;
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.#wakes.values()) next = Math.min(next, at);
    return Math.max(0, Math.min(look, next - now));
  }

  #openAll(): void {
    for (const { uid } of this.#store.all()) this.#open.add(uid);
  }

  /** Takes what other sites tell. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { inputs, mesh } = this.parts;
    const { name: self } = inputs.current.packet.site;
    this.#takeInputs();
    const known = mesh();
    if (known === undefined) return;
    if (!this.#isMeshKnown) this.#openAll();
    this.#isMeshKnown = true;
    const news = await this.#others.follow({ self, zones: known.zones }, signal);
    for (const each of news.checks) this.#bookOf(each);
    for (const pool of news.seen) for (const uid of this.#ids.uidsOf(pool)) this.#open.add(uid);
    if (news.isOther) this.#openAll();
    this.#isLooked = true;
  }

  /** Takes what the site's stack says now. */
  #takeInputs(): void {
    const { inputs, dns, keys } = this.parts;
    if (inputs.current === this.#inputs) return;
    this.#inputs = inputs.current;
    this.#rules.countAnew();
    for (const { uid } of this.#store.all()) this.#touched.add(uid);
    const zone = inputs.current.packet.site.zones.map(({ name }) => name).find(isPoolZone);
    if (zone === this.#own?.zone) return;
    const writer = () => inputs.current.writer;
    this.#isTaken = false;
    this.#own = zone === undefined ? undefined : this.#tellingsIn(new TxtZone({ zone, dns, writer, key: keys.local }));
    for (const each of this.#others.pools()) this.#bookOf(each);
  }

  #tellingsIn(txt: TxtZone): OwnTellings {
    return new OwnTellings(txt, {
      telling: (id) => this.#tellingOf(id),
      published: (id) => {
        const served = this.#servedAs(id).filter(({ entry }) => this.#rules.refusalOf(entry) === undefined);
        const [last] = served.slice(-1);
        return last && publishedOf(last.pool, last.entry);
      },
      seen: (check) => this.#prober.seen(check),
      isProbed: (check) => this.#prober.has(check),
      now: this.parts.clock.now,
    });
  }

  #tellingOf(id: string): PoolTelling {
    const own = this.#servedAs(id).map(({ entry, pool }) => ({
      checks: pool.targets.flatMap(({ check }) => check ?? []),
      ids: entry.checkIds.flatMap((each) => each ?? []),
    }));
    const [last] = own.filter(({ checks }) => checks.length > 0).slice(-1);
    return last ?? { checks: [], ids: this.#others.checkIds(id) };
  }

  /** Which checks of another site's pool are made from here: none where we could not say what we see. */
  #bookOf({ site, pool }: { readonly site: string; readonly pool: string }): void {
    const checks = this.#own === undefined ? undefined : this.#others.checksOf(site, pool);
    this.#book.set(`${site} ${pool}`, { pool }, checks ?? []);
    this.#untold.add(pool);
  }

  /** Takes what is new of objects and records, or of what they are served by. */
  #takeTouched(): void {
    for (const uid of this.#rules.count()) this.#touched.add(uid);
    for (const uid of this.#touched) {
      const entry = this.#store.get(uid);
      if (entry === undefined) continue;
      this.#open.add(uid);
      this.#reports.soon(uid);
      const pool = this.#rules.poolOf(entry);
      this.#name(uid, pool && entry.id);
      if (pool === undefined) this.#book.delete(uid);
      else {
        const checks = pool.targets.flatMap(({ check }, n): [string, Check][] =>
          check ? [[entry.checkIds[n] ?? "", check]] : [],
        );
        this.#book.set(uid, { pool: entry.id, uid }, checks);
      }
    }
    this.#touched.clear();
  }

  /** What an object's pool is called now. Of both, the one before and this one, there is something to tell. */
  #name(uid: string, id: string | undefined): void {
    for (const each of [this.#ids.idOf(uid), id]) if (each !== undefined) this.#untold.add(each);
    this.#ids.set(uid, id);
  }

  #forget({ uid }: PoolEntry): void {
    this.#name(uid, undefined);
    this.#book.delete(uid);
    this.#wakes.delete(uid);
    this.#failing.delete(uid);
  }

  #tellUntold(): void {
    if (this.#untold.size === 0) return;
    for (const pool of this.#untold) {
      this.#own?.tell(pool);
      this.#own?.publish(pool);
    }
    this.#untold.clear();
    this.#teller.ring();
  }

  /** Pools that are accepted, by what sites call them. */
  #servedAs(id: string): readonly { readonly entry: PoolEntry; readonly pool: Pool }[] {
    return [...this.#ids.uidsOf(id)].flatMap((uid) => {
      const entry = this.#store.get(uid);
      const pool = entry && this.#rules.poolOf(entry);
      return entry && pool ? [{ entry, pool }] : [];
    });
  }

  /** Decides on pools of which something is new. Returns answers to be written. */
  #decide(now: number): readonly Changing[] {
    const { name: self } = this.parts.inputs.current.packet.site;
    const changing: Changing[] = [];
    for (const uid of [...this.#open]) {
      const entry = this.#store.get(uid);
      const pool = entry && this.#rules.poolOf(entry);
      if (entry !== undefined && !this.#feed.isListed(entry.object.metadata.namespace)) continue;
      this.#open.delete(uid);
      this.#wakes.delete(uid);
      if (entry === undefined || pool === undefined) continue;
      this.#decided++;
      const { decision: before } = entry;
      const after = decide(pool, { memory: memoryOf(entry), sights: this.#sightsOf(entry, self), now });
      entry.decision = after;
      entry.memory = after.memory;
      if (after.againAt !== undefined) this.#wakes.set(uid, after.againAt);
      this.#follow(entry, before, after);
      const { answer } = after;
      if (answer === undefined) continue;
      if (!isWritten(entry, pool, answer)) changing.push({ entry, pool, answer });
      else this.#takeAnswer(entry, undefined);
    }
    return changing;
  }

  /** Has reported and published what a decision changed. */
  #follow({ uid, id }: PoolEntry, before: Decision | undefined, after: Decision): void {
    if (before === undefined || !saysSame(before, after)) {
      this.#own?.publish(id);
      this.#reports.soon(uid);
    } else if (!seesSame(before, after)) this.#reports.later(uid);
  }

  /** Writes answers, so many of them. What fails is tried again later and later, or when something is new of it. */
  async #write(changing: readonly Changing[], signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.parts;
    let failed: string | undefined;
    // The others are decided on anew, with what is known by then.
    for (const { entry } of changing.slice(mostAnswers)) this.#open.add(entry.uid);
    if (changing.length > mostAnswers) this.#deciding.ring();
    await inParallel(writeWidth, changing.slice(0, mostAnswers), async ({ entry, pool, answer }) => {
      if (isAborted(signal)) return;
      try {
        const before = entry.record?.spec.values;
        const refusal = await this.#writer.answer(entry, pool, answer);
        this.#failing.delete(entry.uid);
        this.#takeAnswer(entry, refusal);
        if (refusal !== undefined) return;
        this.#changes++;
        const { namespace, name } = entry.object.metadata;
        log.info("a pool's answer changed", {
          pool: `${namespace}/${name}`,
          before: before ?? [],
          after: answer,
        });
      } catch (error) {
        failed = messageOf(error);
        const backOff = this.#failing.get(entry.uid) ?? new BackOff(random);
        this.#failing.set(entry.uid, backOff);
        const again = clock.now() + backOff.next();
        this.#wakes.set(entry.uid, Math.min(again, this.#wakes.get(entry.uid) ?? again));
      }
    });
    if (failed !== undefined && !isAborted(signal))
      log.warn("a pool's answer could not be written", { reason: failed });
  }

  /** Notes what became of an answer: that it was refused, or stands. */
  #takeAnswer(entry: PoolEntry, refusal: Refusal | undefined): void {
    if (!this.#rules.takeAnswer(entry, refusal)) return;
    this.#reports.soon(entry.uid);
    this.#own?.publish(entry.id);
  }

  #sightsOf(entry: PoolEntry, self: string): readonly SiteSight[] {
    const sights: SiteSight[] = [];
    const add = (site: string, seenOf: (id: string) => Seen | undefined): void => {
      const seen = entry.checkIds.map((id) => (id === undefined ? undefined : seenOf(id)));
      if (seen.some((each) => each !== undefined)) sights.push({ site, seen });
    };
    add(self, (id) => this.#prober.seen(id));
    for (const [site, told] of this.#others.seen(entry.id)) add(site, (id) => told.get(id));
    return sights;
  }

  /**
   * What is told in the site's own zone of pools. With pools of ours or of others that are not known yet others would take those for
   * gone, and forget what they, or we, saw.
   */
  get #toTell(): OwnTellings | undefined {
    return this.#isTaken && this.#isLooked ? this.#own : undefined;
  }

  #statusOf(entry: PoolEntry): PoolStatus | undefined {
    const refusal = this.#rules.refusalOf(entry);
    const { decision, record, reading, object } = entry;
    if (refusal === undefined && decision === undefined) return undefined;
    const pool = reading.kind === "pool" ? reading.pool : undefined;
    const answer = decision?.answer;
    return poolStatusOf(entry.status, {
      generation: object.metadata.generation,
      refusal,
      decision: refusal === undefined ? decision : undefined,
      record,
      isWritten: pool !== undefined && answer !== undefined && isWritten(entry, pool, answer),
      now: this.parts.clock.now(),
    });
  }
}

/** Whether two decisions of a pool lead to the same, for the same reasons. */
function saysSame(a: Decision, b: Decision): boolean {
  const said = ({ verdict, answer, memory, targets, distrusted }: Decision): string =>
    JSON.stringify([verdict, answer, memory.answer, targets.map(({ isHealthy }) => isHealthy ?? null), distrusted]);
  return said(a) === said(b);
}

/** Whether two decisions of a pool were made by the same votes. */
function seesSame(a: Decision, b: Decision): boolean {
  const seen = ({ targets }: Decision): string =>
    JSON.stringify(targets.map(({ up, down, isDamped }) => [up, down, isDamped]));
  return seen(a) === seen(b);
}
