import { Bell, type Clock, Heartbeats, isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { watchObjects } from "../../kube/watch";
import type { WelcomePacket } from "../../mesh/model";
import type { MeshView } from "../../mesh/view";
import { type DnsRecord, isHere } from "../../records/model";
import type { AgentClient } from "../sidecar/http/agent-client";
import { EventQueue } from "./event-queue";
import type { LiveInputs } from "./inputs";
import { MeshFollower } from "./mesh-follower";
import type { OperatorMetrics } from "./metrics";
import { ObjectLoop } from "./object-loop";
import { ObjectWriter } from "./object-writer";
import type { OperatorOptions } from "./options";
import { placementOf, type ZonesKnown } from "./placement";
import { RecordFeed } from "./record-feed";
import { type Entry, RecordStore } from "./record-store";
import { SiteAnswers } from "./site-answers";
import { SourceLoop } from "./source-loop";
import type { MadePools } from "./source-pools";
import { Spreading } from "./spreading";
import { Tenancy } from "./tenancy";
import type { AskSerial } from "./zone-at-site";
import { ZoneLoop } from "./zone-loop";
import { ZoneMirror } from "./zone-mirror";
import { ZoneWorker } from "./zone-worker";

/** What a {@link RecordOperator} works with. All clients end with the signal of its turn. */
export interface OperatorParts {
  readonly options: OperatorOptions;
  /** What the site's stack says, and says anew while we run. */
  readonly inputs: Pick<LiveInputs, "current" | "look">;
  /** The site's own key, and the one for updates. */
  readonly keys: { readonly local: TsigKey; readonly records: TsigKey };
  readonly kube: Pick<KubeClient, "get" | "stream" | "merge" | "create" | "remove">;
  readonly dns: Pick<DnsClient, "query" | "querySoa" | "transfer" | "transferIncremental" | "update">;
  /** Asks sites. */
  readonly ask: AskSerial;
  readonly agents: Pick<AgentClient, "announce" | "status">;
  /** Pools that were made of other objects. */
  readonly pools: () => MadePools;
  readonly watch: typeof watchObjects;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** How a turn of the operator goes. */
export interface OperatorCounts {
  readonly records: number;
  /** Objects on their way to the sites. */
  readonly waiting: number;
  /** Since when the one waits that has waited longest, in milliseconds since 1970; missing while none does. */
  readonly waitingSince?: number;
  /** Objects in zones that are retired. */
  readonly retiring: number;
  /** Zones whose writer does not take changes. */
  readonly writersAway: number;
  /** Objects that wait until it does. */
  readonly waitingForWriter: number;
  /** How often everything was looked at, at the least. */
  readonly looks: number;
  readonly isMeshRefused: boolean;
  /** Kinds of sources that cannot be listed, each in each of the namespaces. */
  readonly sourcesUnlisted: number;
}

/** All objects are placed anew after so many looks at the mesh. */
const wholeEveryLooks = 120;

/** One zone of the site, with what keeps it. */
interface OwnZone {
  readonly loop: ZoneLoop;
  readonly spreading: Spreading;
  /** Ends it alone. */
  readonly ending: AbortController;
  /** Looks at the mesh before it began. */
  readonly since: number;
  /** Settled once it has ended. */
  over: Promise<unknown>;
}

/** A turn of the record operator as the leader: from nothing known to the end of its signal. */
export class RecordOperator {
  readonly #store: RecordStore;
  readonly #feed: RecordFeed;
  readonly #mesh: MeshFollower;
  readonly #answers: SiteAnswers;
  readonly #events: EventQueue;
  readonly #writer: ObjectWriter;
  readonly #objects: ObjectLoop;
  readonly #sources: SourceLoop;
  readonly #zones = new Map<string, OwnZone>();
  readonly #own = new Set<string>();
  readonly #known: ZonesKnown;
  /** Own zones that a server outside the mesh gives. */
  #fromOutside: ReadonlySet<string>;
  readonly #tenancy: Tenancy;
  readonly #heart: Heartbeats;
  #looks = 0;
  /** Zones that are not caught up. */
  readonly #behind = new Set<string>();
  /** A loop has ended as none should. */
  #fail: (error: unknown) => void = () => undefined;
  /** The central zones were read, or could not be. */
  #isMeshRead = false;
  #isReady = false;

  constructor(private readonly parts: OperatorParts) {
    const { options, inputs, keys, kube, dns, ask, agents, watch, metrics, log, clock, random } = parts;
    const { awayMs, pod, namespaces } = options;
    const { now } = clock;
    const { name: site } = inputs.current.packet.site;
    const packet = () => inputs.current.packet;
    const pods = () => inputs.current.pods;
    const port = () => inputs.current.remotePort;
    const agent = () => agents.status(inputs.current.agent);
    this.#heart = new Heartbeats(now);
    this.#store = new RecordStore(now, (uid) => {
      this.#sources.look(uid);
    });
    this.#mesh = new MeshFollower({ packet, dns, writer: this.#server, agent, key: keys.local, log, now });
    const sites = () => this.#mesh.sites;
    this.#answers = new SiteAnswers({ sites, self: { name: site, pods }, ask, port, awayMs, now });
    const retiredSince = (zone: string) => this.#mesh.retiredSince(zone);
    this.#events = new EventQueue({ client: kube, pod, log, now });
    this.#writer = new ObjectWriter({ client: kube, events: this.#events, metrics, retiredSince, now });
    this.#tenancy = new Tenancy({ own: options.namespace, store: this.#store });
    this.#tenancy.take(inputs.current.tenants);
    const notAllowed = (entry: Entry) => this.#tenancy.notAllowed(entry);
    this.#known = {
      ...{ site, own: this.#own, retiredSince, notAllowed },
      ownerOf: (zone) => this.#mesh.ownerOf(zone),
      isFromOutside: (zone) => this.#fromOutside.has(zone),
    };
    this.#fromOutside = fromOutsideIn(inputs.current.packet);
    const onNews = (entries: readonly Entry[]): void => {
      this.#place(entries);
    };
    const onGone = (object: KubeObject): void => {
      this.#sources.see(object as unknown as DnsRecord);
    };
    this.#feed = new RecordFeed({ client: kube, watch, namespaces, store: this.#store, onNews, onGone, log, random });
    this.#sources = new SourceLoop({
      client: kube,
      watch,
      namespaces,
      own: options.namespace,
      store: this.#store,
      pools: parts.pools,
      events: this.#events,
      isReady: () => this.#isReady,
      beat: this.#beatOf("sources"),
      log,
      clock,
      random,
    });
    this.#objects = new ObjectLoop({
      store: this.#store,
      writer: this.#writer,
      placementOf: (entry) => placementOf(entry, this.#known),
      forget: ({ zone, uid }) => this.#zones.get(zone)?.spreading.forget(uid),
      isReady: () => this.#isReady,
      beat: this.#beatOf("objects"),
      log,
      clock,
      random,
    });
    for (const { name } of inputs.current.packet.site.zones) this.#add(name);
  }

  get counts(): OperatorCounts {
    const zones = [...this.#zones.values()];
    const retiring = new Set([...this.#own].filter((zone) => this.#known.retiredSince(zone) !== undefined));
    const isRetiring = (entry: Entry): boolean => retiring.has(entry.zone) && isHere(entry);
    return {
      records: this.#store.size,
      waiting: zones.reduce((sum, { spreading }) => sum + spreading.waiting, 0),
      ...earliest(zones.map(({ spreading }) => spreading.waitingSince)),
      retiring: retiring.size === 0 ? 0 : [...this.#store.all()].filter(isRetiring).length,
      writersAway: zones.filter(({ loop }) => loop.outage.isOn).length,
      waitingForWriter: zones.reduce((sum, { loop }) => sum + loop.outage.waiting, 0),
      looks: Math.min(this.#looks, ...zones.map(({ loop, since }) => since + loop.looks)),
      isMeshRefused: this.#mesh.refusal !== undefined,
      sourcesUnlisted: this.#sources.unlisted,
    };
  }

  /** Whether objects are known and dealt with. */
  get isServing(): boolean {
    return this.#feed.isReady && this.#feed.isListed;
  }

  /** Zones of the mesh and how many sites it has; undefined as long as nothing is known. */
  get mesh(): { readonly sites: number; readonly zones: MeshView["zones"] } | undefined {
    const { sites, zones } = this.#mesh;
    return sites && zones && { sites: sites.length, zones };
  }

  /** Names of loops that do not go on. */
  get stuck(): readonly string[] {
    return this.#heart.stuck;
  }

  /** A pool that was made of an object is new, was changed, or is gone. */
  lookAtSource(uid: string): void {
    this.#sources.look(uid);
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const drop = (): void => {
      this.#events.clear();
    };
    signal.addEventListener("abort", drop, { once: true });
    const broken = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    for (const zone of this.#zones.keys()) this.#start(zone, signal);
    const loops = [
      this.#feed.run(signal),
      this.#followMesh(signal),
      this.#objects.run(signal),
      this.#sources.run(signal),
    ];
    await Promise.race([Promise.all(loops), broken]);
    await Promise.all([...this.#zones.values()].map(({ over }) => over));
  }

  readonly #server = (): DnsServer => this.parts.inputs.current.writer;

  /** A zone that the site has, or has now. */
  #add(zone: string): void {
    this.#own.add(zone);
    this.#behind.add(zone);
    this.#zones.set(zone, this.#ownZone(zone));
  }

  #start(zone: string, signal: AbortSignal): void {
    const own = this.#zones.get(zone);
    if (own === undefined) return;
    const until = AbortSignal.any([signal, own.ending.signal]);
    own.over = Promise.all([own.loop.run(until), own.spreading.run(until)]);
    own.over.catch(this.#fail);
  }

  /** The site has a zone no more. What is under way in it ends first: its objects are for another loop afterwards. */
  async #remove(zone: string): Promise<void> {
    const own = this.#zones.get(zone);
    own?.ending.abort();
    await own?.over;
    this.#zones.delete(zone);
    this.#own.delete(zone);
    this.#behind.delete(zone);
    this.#answers.forget(zone);
    for (const loop of [zone, `spreading ${zone}`]) this.#heart.forget(loop);
  }

  /** Takes over what the site's stack says now. Returns whether the site has other zones. */
  async #takeInputs(signal: AbortSignal): Promise<boolean> {
    const { inputs, log } = this.parts;
    try {
      if (!(await inputs.look())) return false;
    } catch (error) {
      log.warn("what the site's stack says now cannot be used", { reason: messageOf(error) });
      return false;
    }
    const now = new Set(inputs.current.packet.site.zones.map(({ name }) => name));
    const [gone, come] = [
      [...this.#own].filter((zone) => !now.has(zone)),
      [...now].filter((zone) => !this.#own.has(zone)),
    ];
    await Promise.all(gone.map((zone) => this.#remove(zone)));
    for (const zone of come) {
      this.#add(zone);
      this.#start(zone, signal);
    }
    const before = this.#fromOutside;
    this.#fromOutside = fromOutsideIn(inputs.current.packet);
    log.info("the site's stack was brought up", { come, gone });
    return gone.length + come.length > 0 || [...before].join() !== [...this.#fromOutside].join();
  }

  /** Gives objects to whoever deals with them. */
  #place(entries: Iterable<Entry>): void {
    for (const entry of this.#tenancy.inTurn(entries)) {
      this.#sources.see(entry.object);
      const placement = placementOf(entry, this.#known);
      if (placement.kind === "zone") {
        this.#objects.leave(entry);
        this.#zones.get(entry.zone)?.loop.add(placement.name);
      } else this.#objects.add(entry);
    }
    this.#begin();
  }

  /** Lets the loops begin, once, as soon as there is something to decide on. */
  #begin(): void {
    if (this.#isReady || !this.#feed.isReady || !this.#isMeshRead) return;
    this.#isReady = true;
    this.#objects.wake();
    this.#sources.wake();
    for (const { loop } of this.#zones.values()) loop.wake();
  }

  /** Looks for changes of the list of sites and zones, by itself: no zone waits for it. */
  async #followMesh(signal: AbortSignal): Promise<void> {
    const { clock, random, log, options } = this.parts;
    const bell = new Bell(clock);
    const beat = this.#beatOf("mesh");
    while (!isAborted(signal)) {
      beat();
      const hasOtherZones = await this.#takeInputs(signal);
      const hasOtherTenants = this.#tenancy.take(this.parts.inputs.current.tenants);
      if (hasOtherZones || hasOtherTenants) this.#place(this.#store.all());
      this.#sources.follow(this.parts.inputs.current.sources, signal);
      try {
        const isOther = await this.#mesh.follow();
        if (isOther || this.#looks % wholeEveryLooks === 0) this.#place(this.#store.all());
      } catch (error) {
        if (!isAborted(signal)) log.warn("the mesh cannot be read", { reason: messageOf(error) });
      }
      this.#looks++;
      this.#isMeshRead = true;
      this.#begin();
      for (const { spreading } of this.#zones.values()) spreading.retryShort();
      await bell.wait(options.lookMs * (1 + random() / 4), signal);
    }
  }

  #ownZone(zone: string): OwnZone {
    const { options, inputs, keys, dns, agents, metrics, log, clock, random } = this.parts;
    const { lookMs } = options;
    const server = this.#server;
    const [store, writer, answers] = [this.#store, this.#writer, this.#answers];
    const spreading = new Spreading({ zone, answers, writer, beat: this.#beatOf(`spreading ${zone}`), log, clock });
    const announce = () =>
      agents.announce(inputs.current.agent).catch((error: unknown) => {
        log.warn("the agent did not take the announcement", { reason: messageOf(error) });
      });
    const heldChange = async (sentAt: number): Promise<string | undefined> => {
      const { guard = [] } = await agents.status(inputs.current.agent);
      const sinceMs = clock.now() - sentAt;
      return guard.find((held) => held.zone === zone && held.lastMsAgo <= sinceMs)?.message;
    };
    const beat = this.#beatOf(zone);
    const worker = new ZoneWorker({
      zone,
      mirror: new ZoneMirror({ zone, dns, writer: server, key: keys.local }),
      store,
      writer,
      spreading,
      dns,
      server,
      ...{ announce, heldChange },
      beat,
      metrics,
      log,
      key: keys.records,
      tenancy: this.#tenancy,
      isRetired: () => this.#known.retiredSince(zone) !== undefined,
      now: clock.now,
    });
    const isReady = () => this.#isReady;
    const onCaughtUp = () => {
      if (this.#behind.delete(zone) && this.#behind.size === 0) log.info("caught up", { records: store.size });
    };
    return {
      loop: new ZoneLoop({ zone, worker, isReady, lookMs, onCaughtUp, beat, metrics, log, clock, random }),
      spreading,
      ending: new AbortController(),
      since: this.#looks,
      over: Promise.resolve(),
    };
  }

  #beatOf(loop: string): () => void {
    return () => {
      this.#heart.beat(loop);
    };
  }
}

function earliest(times: readonly (number | undefined)[]): Pick<OperatorCounts, "waitingSince"> {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? {} : { waitingSince: Math.min(...known) };
}

function fromOutsideIn({ site }: WelcomePacket): ReadonlySet<string> {
  return new Set(site.zones.filter(({ primaries }) => primaries !== undefined).map(({ name }) => name));
}
