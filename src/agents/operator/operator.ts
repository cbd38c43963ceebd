import { Bell, type Clock, Heartbeats, isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { DnsClient } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import type { KubeClient } from "../../kube/client";
import type { watchObjects } from "../../kube/watch";
import type { WelcomePacket } from "../../mesh/model";
import { isHere } from "../../records/model";
import type { AgentClient } from "../sidecar/http/agent-client";
import { EventQueue } from "./event-queue";
import { MeshFollower } from "./mesh-follower";
import type { OperatorMetrics } from "./metrics";
import { ObjectLoop } from "./object-loop";
import { ObjectWriter } from "./object-writer";
import type { OperatorOptions } from "./options";
import { placementOf, type ZonesKnown } from "./placement";
import { RecordFeed } from "./record-feed";
import { type Entry, RecordStore } from "./record-store";
import { SiteAnswers } from "./site-answers";
import { Spreading } from "./spreading";
import type { AskSerial } from "./zone-at-site";
import { ZoneLoop } from "./zone-loop";
import { ZoneMirror } from "./zone-mirror";
import { ZoneWorker } from "./zone-worker";

/** What a {@link RecordOperator} works with. All clients end with the signal of its turn. */
export interface OperatorParts {
  readonly options: OperatorOptions;
  readonly packet: WelcomePacket;
  /** The site's own key, and the one for updates. */
  readonly keys: { readonly local: TsigKey; readonly records: TsigKey };
  readonly kube: Pick<KubeClient, "get" | "stream" | "merge" | "create">;
  readonly dns: Pick<DnsClient, "querySoa" | "transfer" | "transferIncremental" | "update">;
  /** Asks sites. */
  readonly ask: AskSerial;
  readonly agents: Pick<AgentClient, "announce">;
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
  /** Objects in zones that are retired. */
  readonly retiring: number;
  /** How often everything was looked at, at the least. */
  readonly looks: number;
  readonly isMeshRefused: boolean;
}

/** All objects are placed anew after so many looks at the mesh. */
const wholeEveryLooks = 120;

/** One zone of the site, with what keeps it. */
interface OwnZone {
  readonly loop: ZoneLoop;
  readonly spreading: Spreading;
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
  readonly #zones: ReadonlyMap<string, OwnZone>;
  readonly #known: ZonesKnown;
  readonly #heart: Heartbeats;
  #looks = 0;
  /** Zones that are not caught up. */
  #behind: number;
  /** The central zones were read, or could not be. */
  #isMeshRead = false;
  #isReady = false;

  constructor(private readonly o: OperatorParts) {
    const { options, packet, keys, kube, dns, metrics, log, clock, random } = o;
    const { writer: server, pods, remotePort: port, awayMs, pod, namespaces } = options;
    const { now } = clock;
    const { name: site } = packet.site;
    this.#heart = new Heartbeats(now);
    this.#store = new RecordStore(now);
    this.#mesh = new MeshFollower({ packet, dns, writer: server, key: keys.local, log, now });
    const sites = () => this.#mesh.sites;
    this.#answers = new SiteAnswers({ sites, self: { name: site, pods }, ask: o.ask, port, awayMs, now });
    const retiredSince = (zone: string) => this.#mesh.retiredSince(zone);
    this.#events = new EventQueue({ client: kube, pod, log, now });
    this.#writer = new ObjectWriter({ client: kube, events: this.#events, metrics, retiredSince, now });
    const own = new Set(packet.site.zones.map(({ name }) => name));
    this.#known = { site, own, ownerOf: (zone) => this.#mesh.ownerOf(zone), retiredSince };
    const onNews = (entries: readonly Entry[]): void => {
      this.#place(entries);
    };
    this.#feed = new RecordFeed({ client: kube, watch: o.watch, namespaces, store: this.#store, onNews, log, random });
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
    this.#zones = new Map([...own].map((zone) => [zone, this.#ownZone(zone)]));
    this.#behind = own.size;
  }

  get counts(): OperatorCounts {
    const zones = [...this.#zones.values()];
    const retiring = new Set([...this.#known.own].filter((zone) => this.#known.retiredSince(zone) !== undefined));
    const isRetiring = (entry: Entry): boolean => retiring.has(entry.zone) && isHere(entry);
    return {
      records: this.#store.size,
      waiting: zones.reduce((sum, { spreading }) => sum + spreading.waiting, 0),
      retiring: retiring.size === 0 ? 0 : [...this.#store.all()].filter(isRetiring).length,
      looks: Math.min(this.#looks, ...zones.map(({ loop }) => loop.looks)),
      isMeshRefused: this.#mesh.refusal !== undefined,
    };
  }

  /** Whether objects are known and dealt with. */
  get isServing(): boolean {
    return this.#feed.isReady && this.#feed.isListed;
  }

  /** Names of loops that do not go on. */
  get stuck(): readonly string[] {
    return this.#heart.stuck;
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    const drop = (): void => {
      this.#events.clear();
    };
    signal.addEventListener("abort", drop, { once: true });
    const zones = [...this.#zones.values()].flatMap(({ loop, spreading }) => [loop.run(signal), spreading.run(signal)]);
    await Promise.all([this.#feed.run(signal), this.#followMesh(signal), this.#objects.run(signal), ...zones]);
  }

  /** Gives objects to whoever deals with them. */
  #place(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      const placement = placementOf(entry, this.#known);
      if (placement.kind === "zone") this.#zones.get(entry.zone)?.loop.add(placement.name);
      else this.#objects.add(entry);
    }
    this.#begin();
  }

  /** Lets the loops begin, once, as soon as there is something to decide on. */
  #begin(): void {
    if (this.#isReady || !this.#feed.isReady || !this.#isMeshRead) return;
    this.#isReady = true;
    this.#objects.wake();
    for (const { loop } of this.#zones.values()) loop.wake();
  }

  /** Looks for changes of the list of sites and zones, by itself: no zone waits for it. */
  async #followMesh(signal: AbortSignal): Promise<void> {
    const { clock, random, log, options } = this.o;
    const bell = new Bell(clock);
    const beat = this.#beatOf("mesh");
    while (!isAborted(signal)) {
      beat();
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
    const { options, keys, dns, agents, metrics, log, clock, random } = this.o;
    const { writer: server, lookMs } = options;
    const [store, writer, answers] = [this.#store, this.#writer, this.#answers];
    const spreading = new Spreading({ zone, answers, writer, beat: this.#beatOf(`spreading ${zone}`), log, clock });
    const announce = () =>
      agents.announce(options.agent).catch((error: unknown) => {
        log.warn("the agent did not take the announcement", { reason: messageOf(error) });
      });
    const beat = this.#beatOf(zone);
    const worker = new ZoneWorker({
      zone,
      mirror: new ZoneMirror({ zone, dns, writer: server, key: keys.local }),
      store,
      writer,
      spreading,
      dns,
      server,
      announce,
      beat,
      metrics,
      log,
      key: keys.records,
      isRetired: () => this.#known.retiredSince(zone) !== undefined,
      now: clock.now,
    });
    const isReady = () => this.#isReady;
    const onCaughtUp = () => {
      if (--this.#behind === 0) log.info("caught up", { records: store.size });
    };
    return {
      loop: new ZoneLoop({ zone, worker, isReady, lookMs, onCaughtUp, beat, metrics, log, clock, random }),
      spreading,
    };
  }

  #beatOf(loop: string): () => void {
    return () => {
      this.#heart.beat(loop);
    };
  }
}
