import { systemClock } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { HttpServer } from "../../base/http-server";
import { without } from "../../base/lists";
import type { Logger } from "../../base/log";
import { podPorts } from "../../contract/names";
import { DnsClient } from "../../dns/client/dns-client";
import { UdpChannel } from "../../dns/client/udp-channel";
import { signingKey } from "../../keyring/ring-document";
import { relayTargets } from "../../knot/config/remotes";
import { takenZones } from "../../knot/config/site-config";
import { isWriter, siblings } from "../../knot/config/site-runtime";
import { controlSocket, KnotVolume, zonesLog } from "../../knot/config/volume";
import { KnotControl } from "../../knot/control/knot-control";
import { isPrimary } from "../../mesh/peers";
import { Agent } from "./agent";
import { type Backups, backupsOf } from "./backups/backups";
import { CentralWatch } from "./central-watch";
import { keeperOf, type VaultKeeper } from "./credentials/vault-keeper";
import { SigningWatch } from "./dnssec/signing";
import { EpochWatch } from "./epoch-watch";
import { ZoneGuard } from "./guard/zone-guard";
import { AgentClient } from "./http/agent-client";
import { Figures } from "./http/figures";
import { type Readiness, ReadinessCheck } from "./http/readiness";
import { agentRoutes } from "./http/routes";
import { type AgentStatus, Problems } from "./http/status";
import { type Inputs, Mounts } from "./inputs/inputs";
import { mountedFolders, watchMounts } from "./inputs/mount-watch";
import type { AgentOptions } from "./inputs/options";
import { copyStoreOf } from "./keys/copy-store";
import { KeyKeeper } from "./keys/keeper";
import { KnotLog } from "./knot-log";
import { KnotPresence } from "./knot-presence";
import { Leaving } from "./leaving";
import { NameServerKeeper } from "./name-servers/keeper";
import { Announcer } from "./notify/announcer";
import { Disagreements } from "./notify/disagreements";
import { ExpiryWatch } from "./notify/expiry-watch";
import { Fetching } from "./notify/fetching";
import { takeNotice } from "./notify/notice";
import { Publication } from "./notify/publication";
import { copiesOf } from "./own-zones/both-copies";
import { DamageWatch } from "./own-zones/damage";
import { PrimaryWatch } from "./own-zones/primary-watch";
import { SiteZones } from "./own-zones/site-zones";
import { ownSource } from "./own-zones/zone-source";
import { StateError, StateStore } from "./state-store";
import { TransferRelay } from "./transfer-relay";
import { Upkeep } from "./upkeep";
import { VolumeWatch } from "./volume-watch";

/** What a {@link Worker} is given from outside. */
export interface WorkerParts {
  readonly options: AgentOptions;
  /** Given when the pod is to end: some time before the worker is. */
  readonly leaving: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly log: Logger;
}

const passEveryMs = 1000;
/**
 * For which one port is used for other sites. Less than lies between two changes of a busy zone: of a site's pods, one that
 * takes nothing must not be the one to which all of its NOTIFYs go.
 */
const peerPortMs = 200;
/** A loop that has not come round for so long is stuck. */
const stuckMs = 120_000;
/** Until the next round of upkeep after one that failed. */
const upkeepAgainMs = 6000;
/** So long a look at a sibling by its agent takes at most, after the one over DNS: a probe waits for both. */
const siblingMs = 1000;

/** The agent's process: passes, upkeep and the HTTP server, side by side. */
export class Worker {
  readonly #agent: Agent;
  readonly #mounts: Mounts;
  readonly #zones: SiteZones;
  readonly #control: KnotControl;
  readonly #dns: DnsClient;
  readonly #peerDns = new DnsClient({ timeoutMs: 1500, channel: new UdpChannel({ portMs: peerPortMs }) });
  readonly #podDns = new DnsClient({ timeoutMs: 1500 });
  readonly #announcer: Announcer;
  readonly #epochs: EpochWatch;
  readonly #knotLog: KnotLog;
  readonly #presence: KnotPresence;
  readonly #fetching: Fetching;
  readonly #central: CentralWatch;
  readonly #readiness: ReadinessCheck;
  readonly #leaving: Leaving;
  readonly #signing: SigningWatch;
  readonly #store: StateStore;
  readonly #problems: Problems;
  readonly #rounds: Upkeep;
  readonly #relay: TransferRelay;
  readonly #keeper: VaultKeeper | undefined;
  readonly #keys: KeyKeeper | undefined;
  readonly #volume: VolumeWatch;
  readonly #expiry: ExpiryWatch;
  readonly #backups: Backups | undefined;
  readonly #guard: ZoneGuard | undefined;
  readonly #nameServers: NameServerKeeper | undefined;
  readonly #figures: Figures;
  readonly #passes: Record<string, number> = { idle: 0, changed: 0, failed: 0 };
  #succeededAt: number | undefined;
  #ready = false;
  /** Own zones that Knot did not answer at the last look. */
  #unanswered: ReadonlySet<string> = new Set();
  #wake = new AbortController();
  readonly #passSoon = (): void => {
    this.#wake.abort();
  };
  #lastPass: number;

  constructor(private readonly parts: WorkerParts) {
    const { options, now, random, log } = parts;
    const { knot } = options;
    this.#lastPass = now();
    this.#dns = new DnsClient({ channel: new UdpChannel({ server: knot }) });
    const beforeReload = (): Promise<void> => this.#guard?.answerAll() ?? Promise.resolve();
    this.#control = new KnotControl(controlSocket(options.runtime.rundir), { beforeReload });
    this.#keeper = keeperOf(parts);
    this.#store = new StateStore(new KnotVolume(options.runtime.storage));
    this.#problems = new Problems(now, ({ began, problem }) => {
      if (began) log.warn("problem", { kind: problem.kind, problem: problem.message });
      else log.info("problem is over", { kind: problem.kind, problem: problem.message });
    });
    this.#mounts = new Mounts(options, { now, highest: () => this.#store.state.fence?.highest });
    this.#zones = new SiteZones({ runtime: options.runtime, mounts: this.#mounts, store: this.#store });
    const forFigures = new DnsClient({ timeoutMs: 1500 });
    const publication = new Publication({ dns: forFigures, now });
    this.#announcer = new Announcer({
      onAnnounced: (zone, serial, targets) => {
        publication.follow(zone, serial, targets);
      },
      dns: this.#peerDns,
      ownDns: this.#dns,
      knot,
      now,
      random,
      log,
      near: new DnsClient({ timeoutMs: 100, channel: new UdpChannel() }),
      control: this.#control,
      runtime: options.runtime,
      facts: () => {
        const { inputs } = this.#mounts;
        if (inputs === undefined) return undefined;
        const { readers, updaters } = inputs;
        return {
          key: signingKey(inputs.ring),
          own: [...(isPrimary(inputs.packet.site) ? centralZonesOf(inputs) : []), ...this.#zones.offered],
          hasUpdaters: updaters.length > 0,
          readers,
        };
      },
    });
    this.#relay = new TransferRelay({
      ...{ now, log },
      takeNotice: (message) =>
        takeNotice(message, {
          ring: () => this.#mounts.inputs?.ring,
          central: () => centralZonesOf(this.#mounts.inputs),
          now,
        }),
    });
    this.#fetching = new Fetching({
      ...{ control: this.#control, now },
      canLook: () => this.#mounts.inputs !== undefined,
      onFailure: (error) => {
        this.#noteFailed(error);
      },
    });
    this.#central = new CentralWatch({
      ...{ dns: this.#dns, knot, now },
      journal: new KnotVolume(options.runtime.storage).journal,
      zones: () => centralZonesOf(this.#mounts.inputs),
      sites: () => this.#store.state.view?.sites.length ?? 1,
      changed: this.#passSoon,
    });
    this.#readiness = new ReadinessCheck({
      dns: new DnsClient({ timeoutMs: 1000 }),
      control: this.#control,
      knot,
      now,
    });
    this.#leaving = new Leaving({
      times: options.leaving,
      signal: parts.leaving,
      now,
      dns: new DnsClient({ timeoutMs: 500 }),
      served: () => this.#servedZones(),
      isStaying: async ({ address, httpPort = podPorts.http }) => {
        const { ready, leaving } = await new AgentClient(siblingMs).status({ address, port: httpPort });
        return ready && leaving !== true;
      },
    });
    this.#signing = new SigningWatch({
      ...{ dns: this.#dns, knot, now },
      zones: () => this.#zones.signed,
      toSign: () => this.#zones.toSign,
    });
    this.#presence = new KnotPresence({ knot, ended: this.#passSoon });
    this.#agent = new Agent({
      options,
      mounts: this.#mounts,
      control: this.#control,
      dns: this.#dns,
      store: this.#store,
      problems: this.#problems,
      relay: this.#relay,
      presence: this.#presence,
      now,
      log,
      events: {
        begins: (at) => void this.#relay.aim(relayTargets(at)),
        applied: (at, zones) => {
          void this.#relay.aim(relayTargets(at));
          this.#announcer.aim(at, zones);
          const { members, former } = takenZones(at);
          const taken = [...members, ...former].map(({ name }) => name);
          this.#fetching.expect({ zones: taken, sites: at.view.sites.length });
        },
        changed: (zones) => {
          this.#announcer.expect(zones);
          void this.#announcer.announce();
        },
      },
    });
    this.#epochs = new EpochWatch({
      ...{ dns: this.#podDns, knot, control: this.#control, mounts: this.#mounts, store: this.#store },
      ...{ agent: this.#agent, problems: this.#problems, now, log },
    });
    this.#knotLog = new KnotLog({
      path: zonesLog(options.runtime.rundir),
      behind: (socket) => this.#relay.behind(socket),
      now,
      log,
    });
    this.#keys = this.#keyKeeper();
    this.#volume = new VolumeWatch({ root: options.runtime.storage, problems: this.#problems, now });
    this.#expiry = new ExpiryWatch({
      ...{ control: this.#control, dns: this.#dns, knot, problems: this.#problems, now },
      ownerOf: (zone) => this.#store.state.view?.zones.find(({ name }) => name === zone)?.owner,
    });
    this.#backups = backupsOf({
      ...{ ...parts, dns: this.#dns, problems: this.#problems },
      inputs: () => this.#mounts.inputs,
      own: () => this.#zones.withContent,
      sought: () => this.#store.state.sought ?? [],
      changed: (zone) => {
        this.#announcer.expect([zone]);
      },
    });
    this.#guard = this.#zoneGuard();
    this.#nameServers = this.#nameServerKeeper();
    const disagreements = this.#disagreements();
    this.#figures = new Figures({
      ...{ options, dns: forFigures, publication, disagreements, now },
      ...{ announcer: this.#announcer, signing: this.#signing, siteZones: this.#zones, store: this.#store },
      knotLog: this.#knotLog,
      inputs: () => this.#mounts.inputs,
      facts: () => ({
        status: this.#status(),
        passes: { results: this.#passes, succeededAt: this.#succeededAt, refusals: this.#agent.refusals },
        backups: this.#backups?.facts,
        vault: this.#keeper?.facts,
      }),
    });
    this.#rounds = new Upkeep({
      announcer: this.#announcer,
      signing: this.#signing,
      volume: this.#volume,
      damage: new DamageWatch({
        runtime: options.runtime,
        control: this.#control,
        zones: () => this.#zones.withContent,
        signed: () => this.#zones.signed,
        onDamage: (zones) => this.#agent.lost(zones),
        onOther: (reasons) => {
          this.#agent.noteUnloaded(reasons);
        },
        now,
      }),
      ownZones: { round: () => this.#agent.watchOwnZones() },
      watches: [this.#expiry, disagreements, this.#primaryWatch()],
      zones: this.#zones,
      ...(this.#keys && { keys: this.#keys }),
      ...(this.#backups && { backups: this.#backups }),
      problems: this.#problems,
      log,
      regain: (zone, copy) => {
        const work = (): Promise<boolean> => this.#agent.regain(zone, copy);
        return this.#guard === undefined ? work() : this.#guard.unguarded(zone, work);
      },
    });
  }

  #primaryWatch(): PrimaryWatch {
    return new PrimaryWatch({
      dns: new DnsClient({ timeoutMs: 1500 }),
      control: this.#control,
      zones: () => this.#zones.fromOutside,
      inputs: () => this.#mounts.inputs,
      held: () => this.#guard?.held ?? [],
      problems: this.#problems,
      now: this.parts.now,
    });
  }

  /** Own zones are changed at the writer alone. */
  #nameServerKeeper(): NameServerKeeper | undefined {
    const { options, now, log } = this.parts;
    if (!isWriter(options.runtime)) return undefined;
    return new NameServerKeeper({
      ...{ control: this.#control, dns: this.#peerDns, ownDns: this.#dns, knot: options.knot },
      ...{ store: this.#store, problems: this.#problems, now, log },
      inputs: () => this.#mounts.inputs,
      own: () => this.#zones.withContent,
      changed: () => void this.#announcer.announce(),
    });
  }

  /** Only the writer has keys. */
  #keyKeeper(): KeyKeeper | undefined {
    const { options } = this.parts;
    const store = isWriter(options.runtime) ? copyStoreOf(this.parts) : undefined;
    if (store === undefined) return undefined;
    return new KeyKeeper({
      ...this.parts,
      store,
      storage: options.runtime.storage,
      site: () => this.#mounts.inputs?.packet.site.name,
      zones: () => [...this.#zones.signed.keys()],
      areInUse: () => this.#signing.areSigned,
      problems: this.#problems,
    });
  }

  #disagreements(): Disagreements {
    const { options, now } = this.parts;
    return new Disagreements({
      dns: this.#peerDns,
      knot: options.knot,
      open: () => this.#announcer.open,
      all: () => this.#announcer.copies,
      copies: (pair) => copiesOf(pair, { ...options, dns: this.#dns, inputs: this.#mounts.inputs }),
      problems: this.#problems,
      boundMs: options.disagreeMs,
      now,
    });
  }

  /** Own zones are changed at the writer alone, and its pod must have been made for a guard: {@link Agent} has Knot ask only there. */
  #zoneGuard(): ZoneGuard | undefined {
    const { options, log } = this.parts;
    const { runtime, knot, letThroughFile } = options;
    if (!isWriter(runtime) || letThroughFile === undefined) return undefined;
    return new ZoneGuard({
      control: this.#control,
      rundir: runtime.rundir,
      letThroughFile,
      zones: () => this.#zones.offered,
      limits: () => this.#mounts.inputs && (this.#mounts.inputs.runtime.guard ?? false),
      served: async (zone) => {
        const { inputs } = this.#mounts;
        if (inputs === undefined) throw new Error("there is no welcome packet yet");
        const [status] = await this.#control.zoneStatus([zone]);
        if (status !== undefined && status.serial === undefined) return [];
        const { server, key } = ownSource(knot, inputs);
        return this.#dns.transfer(server, zone, key);
      },
      problems: this.#problems,
      clock: { ...systemClock, now: this.parts.now },
      log,
    });
  }

  /** Runs until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#agent.start();
    await this.#backups?.start();
    const routes = agentRoutes({
      now: this.parts.now,
      isStuck: () => this.#isStuck,
      readiness: () => this.#lookReady(),
      status: () => this.#status(),
      metrics: () => this.#figures.render(),
      zoneKeys: () => this.#keys?.offered,
      backups: this.#backups?.routes ?? {},
      reconciler: this.#figures.routes,
      announce: () => void this.#announcer.announce(),
      poke: () => {
        this.#agent.poke();
        this.#passSoon();
      },
    });
    await using open = new AsyncDisposableStack();
    open.use(this.#relay);
    const server = open.use(new HttpServer(routes));
    await server.listen(this.parts.options.http.address, this.parts.options.http.port);
    await Promise.all([
      ...[this.#passLoop(signal), this.#upkeepLoop(signal), this.#announcer.watch(signal), this.#knotLog.run(signal)],
      ...[this.#epochs.run(signal), this.#fetching.run(signal), this.#central.run(signal)],
      watchMounts(mountedFolders(this.parts.options), { changed: this.#passSoon, signal }),
      this.#figures.run(signal),
      this.#presence.run(signal),
      this.#keeper?.run(signal, this.#problems),
      this.#guard?.run(signal),
      this.#nameServers?.run(signal),
    ]);
  }

  async #passLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const began = this.parts.now();
      const result = await this.#agent.pass();
      this.#passes[result] = (this.#passes[result] ?? 0) + 1;
      this.#lastPass = this.parts.now();
      if (result !== "failed") this.#succeededAt = this.#lastPass;
      const rest = Math.max(0, passEveryMs - (this.#lastPass - began));
      await systemClock.pause(rest, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #upkeepLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const failures = await this.#upkeep();
      for (const error of failures) this.#noteFailed(error);
      await systemClock.pause(failures.length > 0 ? upkeepAgainMs : passEveryMs, signal);
    }
  }

  #noteFailed(error: unknown): void {
    if (!this.#isStuck) this.parts.log.info("upkeep failed and is retried", { reason: messageOf(error) });
  }

  /** Returns what failed. */
  async #upkeep(): Promise<readonly unknown[]> {
    if (!this.#ready || this.#unanswered.size > 0) await this.#lookReady();
    return this.#mounts.inputs === undefined ? [] : this.#rounds.round();
  }

  async #lookReady(): Promise<Readiness> {
    const { inputs } = this.#mounts;
    if (inputs === undefined) return { ready: false, reason: "no welcome packet yet" };
    const { wasReady, view } = this.#store.state;
    const own = [...this.#zones.offered, ...(this.#store.state.sought ?? [])];
    const answered = without(own, this.#unanswered);
    if (await this.#leaving.isOut(inputs.runtime, answered.length > 0 ? answered : [inputs.packet.directoryZone])) {
      this.#ready = false;
      return { ready: false, reason: "the pod is to end" };
    }
    const { packet, runtime } = inputs;
    const mesh = { siblings: siblings(runtime), view, remotePort: runtime.remotePort };
    const readiness = await this.#readiness.look({ packet, own, wasReady, ...mesh });
    this.#unanswered = new Set(readiness.unanswered);
    this.#problems.set("unanswered", unansweredSentences(readiness.unanswered ?? []));
    const became = readiness.ready && !this.#ready;
    this.#ready = readiness.ready;
    if (became) {
      this.parts.log.info("ready", { first: !wasReady });
      this.#announcer.expect();
    }
    if (readiness.ready && !wasReady) await this.#noteReady();
    return readiness;
  }

  /** Zones of the mesh that Knot has, but for those that it was seen not to answer. */
  async #servedZones(): Promise<readonly string[]> {
    const { inputs } = this.#mounts;
    const known = new Set([
      ...centralZonesOf(inputs),
      ...(this.#store.state.view?.zones.map(({ name }) => name) ?? []),
    ]);
    const statuses = await this.#control.zoneStatus();
    return statuses.flatMap(({ zone, serial }) =>
      serial !== undefined && known.has(zone) && !this.#unanswered.has(zone) ? [zone] : [],
    );
  }

  /** A server whose state cannot be saved is ready all the same; the store shows the problem, and the next look saves again. */
  async #noteReady(): Promise<void> {
    try {
      await this.#store.update((state) => ({ ...state, wasReady: true }));
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
    }
  }

  #status(): AgentStatus {
    const { counters: passed, ...status } = this.#agent.status();
    const [near, peers] = [this.#dns.counters, this.#peerDns.counters];
    const all = [near, peers, this.#podDns.counters];
    const counters = {
      dnsQueries: all.reduce((sum, { udpQueries, tcpQueries }) => sum + udpQueries + tcpQueries, 0),
      transfers: near.transfers,
      notifies: peers.notifies,
      ...passed,
    };
    const dnssec = this.#signing.zones;
    const zoneKeys = this.#zoneKeys();
    const { room: volume } = this.#volume;
    const { next: expiry } = this.#expiry;
    const guard = this.#guard?.held ?? [];
    const nameServers = this.#nameServers?.zones ?? [];
    const own = {
      ready: this.#ready,
      ...(this.#leaving.isUnderWay && { leaving: true as const }),
      emptyZones: this.#fetching.empty.length,
      ...(expiry && { expiry: { zone: expiry.zone, at: new Date(expiry.at).toISOString() } }),
      ...(dnssec.length > 0 && { dnssec }),
      ...(zoneKeys && { zoneKeys }),
      ...(volume && { volume }),
      ...(guard.length > 0 && { guard }),
      ...(nameServers.length > 0 && { nameServers }),
    };
    return { ...status, ...own, counters };
  }

  #zoneKeys(): AgentStatus["zoneKeys"] {
    const facts = this.#keys?.facts;
    if (facts === undefined) return undefined;
    const { generation, keptAt } = facts;
    return { generation, ...(keptAt !== undefined && { keptAt: new Date(keptAt).toISOString() }) };
  }

  /** Whether the passes have stopped coming round. */
  get #isStuck(): boolean {
    return this.parts.now() - this.#lastPass >= stuckMs;
  }
}

function centralZonesOf(inputs: Inputs | undefined): readonly string[] {
  return inputs === undefined ? [] : [inputs.packet.directoryZone, inputs.packet.catalogZone];
}

/** Zones that a sentence names. */
const mostNamed = 10;

function unansweredSentences(zones: readonly string[]): readonly string[] {
  if (zones.length === 0) return [];
  const named = zones.slice(0, mostNamed).join(", ");
  const more = zones.length > mostNamed ? ` and ${zones.length - mostNamed} more` : "";
  return [`own zones are not answered by this pod, which serves the others: ${named}${more}`];
}
