import { messageOf, TransientError } from "../../base/errors";
import { without } from "../../base/lists";
import type { Logger } from "../../base/log";
import type { DnsClient } from "../../dns/client/dns-client";
import type { SiteInput } from "../../knot/config/site-config";
import { isWriter } from "../../knot/config/site-runtime";
import type { KnotControl } from "../../knot/control/knot-control";
import { highestEpoch, packetEpoch } from "../../mesh/epoch";
import { defaultLimits } from "../../mesh/limits";
import { planMesh } from "../../mesh/plan-mesh";
import type { MeshPlan, MeshView } from "../../mesh/view";
import { Applier, ApplyError, notePacket, SiteFiles, siteInput, standingView } from "./apply";
import { lifetimeProblem } from "./credentials/identity";
import { type CentralSerials, Discovery } from "./discovery";
import { SigningKeeper } from "./dnssec/signing";
import { type AgentFacts, agentFacts, type Problems } from "./http/status";
import type { Inputs, Mounts } from "./inputs/inputs";
import type { AgentOptions } from "./inputs/options";
import type { KnotPresence } from "./knot-presence";
import type { NewerCopy } from "./notify/peers";
import { OwnZones } from "./own-zones/own-zones";
import { AgentProgress, type Work } from "./progress";
import { type Observed, reconcile, type Serials } from "./reconcile";
import { type AgentState, amongZones, isSameState, noteSeeded, StateError, type StateStore } from "./state-store";
import type { TransferRelay } from "./transfer-relay";

/** What an {@link Agent} works with. */
export interface AgentParts {
  readonly options: AgentOptions;
  readonly mounts: Mounts;
  readonly control: KnotControl;
  readonly dns: DnsClient;
  readonly store: StateStore;
  readonly problems: Problems;
  readonly relay: Pick<TransferRelay, "reached" | "lookAnew" | "answering">;
  readonly presence: Pick<KnotPresence, "ends">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
  readonly events: AgentEvents;
}

/** What a pass found that others should act on. */
export interface AgentEvents {
  /** What Knot runs as far as is known, once, before anything is loaded. */
  begins(at: SiteInput): void;
  /** Knot runs this view now, among these pods, and these zones originate here. */
  applied(at: SiteInput, zones: readonly string[]): void;
  /** The content of these zones changed here. */
  changed(zones: readonly string[]): void;
}

/** In which most servers that are not away say something, in milliseconds. Others have their addresses in Knot's files later. */
const lookMs = 1000;

/** A central zone could not be read whole. */
class ReadError extends Error {
  override readonly name = "ReadError";
}

/**
 * Keeps one Knot as the mesh wants it, a pass at a time. What a pass does is decided by {@link reconcile} from what is
 * requested and what is settled; here it is carried out.
 */
export class Agent {
  #answered: CentralSerials = { failures: [] };
  #passes = 0;
  #pokes = 0;
  #hasBegun = false;
  /** Times that Knot ended, of which the last was seen to. */
  #ends = 0;
  /** Where Knot starts, or started, without other servers' addresses: whether it is away, or since when they are looked at. */
  #start: "away" | { readonly lookedAt: number } | undefined;
  #unread: readonly string[] = [];
  #lastPlan: MeshPlan | undefined;
  readonly #refusals = new Map<string, number>();
  readonly #progress: AgentProgress;
  readonly #applier: Applier;
  readonly #discovery: Discovery;
  readonly #ownZones: OwnZones;
  readonly #signing: SigningKeeper;

  constructor(private readonly parts: AgentParts) {
    const { options, control, dns, now } = parts;
    const { runtime, knot } = options;
    this.#progress = new AgentProgress(now);
    this.#applier = new Applier({ control, files: new SiteFiles(runtime.storage), now });
    this.#discovery = new Discovery({ dns, knot });
    this.#ownZones = new OwnZones(parts);
    this.#signing = new SigningKeeper({ ...parts, ...options });
  }

  /** Reads the state that a predecessor left. */
  async start(): Promise<void> {
    const loaded = await this.parts.store.load();
    this.#showState();
    this.parts.log.info("agent starts", { pod: this.parts.options.pod, state: loaded.kind });
  }

  /** Takes an own zone back from a site that holds a newer copy; see {@link OwnZones.regain}. */
  regain(zone: string, copy: NewerCopy): Promise<boolean> {
    return this.#ownZones.regain(this.parts.mounts.inputs, zone, copy);
  }

  /** Has own zones looked for that Knot cannot load: what they held, other servers have. */
  async lost(zones: readonly string[]): Promise<void> {
    this.parts.log.warn("own zones cannot be loaded and are looked for", { zones });
    // First, so that a damaged file is never taken for a zone's former content.
    await this.#ownZones.putDamagedAside(zones);
    await this.parts.store.update((state) => {
      const seeded = without(state.seeded, zones);
      return noteSeeded(state, { seeded, sought: [...(state.sought ?? []), ...zones] });
    });
    this.#progress.request("files", "load");
    this.#progress.retryNow();
  }

  /** Takes note of own zones that Knot does not load although their files stand, as sentences. */
  noteUnloaded(reasons: readonly string[]): void {
    this.#ownZones.noteUnloaded(reasons);
  }

  /** Sees to what is known of own zones at other sites. */
  watchOwnZones(): Promise<void> {
    return this.#ownZones.round();
  }

  /** Requests that everything is rendered, loaded and planned anew. */
  poke(): void {
    this.#progress.request("files", "load", "plan");
    this.#pokes += 1;
    this.#progress.retryNow();
  }

  /** Requests what follows from another fence, or from other central zones under the same serials. */
  refence(): void {
    this.#progress.request("files", "plan");
    this.#progress.retryNow();
  }

  /** Whether Knot runs what was requested. */
  get isSettled(): boolean {
    return this.#progress.isSettled;
  }

  /** How often central zones were refused since the agent started, by reason. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }

  /** Why the central zones are refused, where they may be of another epoch than this site's; undefined otherwise. */
  get epochDoubt(): string | undefined {
    const refusal = this.#lastPlan?.refusal;
    return refusal?.kind === "fenced" || refusal?.kind === "incomplete" ? refusal.reason : undefined;
  }

  /** One pass. Never throws: what goes wrong becomes a problem, and the next pass tries again. */
  async pass(): Promise<"idle" | "changed" | "failed"> {
    this.#passes += 1;
    const [reloads, pokes] = [this.#applier.reloads, this.#pokes];
    try {
      await this.#pass();
      return this.#applier.reloads === reloads ? "idle" : "changed";
    } catch (error) {
      this.#failed(error);
      if (this.#pokes !== pokes) this.#progress.retryNow();
      return "failed";
    } finally {
      this.#showState();
    }
  }

  async #pass(): Promise<void> {
    const { inputs, changed, written, failures } = await this.parts.mounts.look();
    this.parts.problems.set("inputs", failures);
    if (inputs === undefined) return;
    const ending = inputs.identity && lifetimeProblem(inputs.identity, this.parts.now());
    this.parts.problems.set("certificate", ending === undefined ? [] : [ending]);
    if (changed) {
      this.#progress.request("files", "plan");
      this.#progress.retryNow();
    }
    this.#begin(inputs);
    if (this.#ownZones.areDue) this.#progress.request("files");
    await this.#seeToStart(inputs);
    if (this.#start === undefined) await this.#noteReach();
    if (written.length > 0) await this.#loadCentral(written);
    let serials: Observed["serials"];
    for (;;) {
      const observed = this.#progress.observed({ stateIsWhole: this.parts.store.isWhole, serials });
      const step = reconcile(this.#progress.desired, observed);
      if (step.kind === "rest") return;
      if (step.kind === "observe") serials = await this.#observe(inputs);
      else await this.#carryOut(step, inputs);
    }
  }

  /** Until something is loaded, Knot has a predecessor's files, by which some sources are reached by way of the agent alone. */
  #begin(inputs: Inputs): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { state } = this.parts.store;
    this.parts.events.begins(siteInput({ inputs, state, view: standingView(inputs, state) }));
  }

  /** Knot has no address of a server that is away, or not there yet: it would wait for it in vain (ADR 0044). */
  async #noteReach(): Promise<void> {
    const { store, relay, log } = this.parts;
    const before = store.state.reached ?? [];
    const reached = store.isWhole ? relay.reached(before) : before;
    if (reached === before) return;
    const added = reached.filter((address) => !before.includes(address));
    const removed = without(before, reached);
    log.info("other servers are reached, or not, as they were not before", { added, removed });
    await this.#save((state) => ({ ...state, reached }));
    this.#progress.request("files");
  }

  /**
   * A Knot that ended starts with the files that stand then. It would ask its sources before it answers anybody, and wait at the
   * addresses of those that say nothing now (ADR 0044); so it starts with our sockets alone, and has the addresses of those
   * that answer when it does.
   */
  async #seeToStart(inputs: Inputs): Promise<void> {
    const { presence, relay, store, log, now } = this.parts;
    const before = store.state.reached ?? [];
    const start = this.#start;
    if (presence.ends !== this.#ends) {
      this.#ends = presence.ends;
      // What is not loaded yet may be what Knot refuses.
      if (!store.isWhole || !this.isSettled || before.length === 0) return;
      this.#answered = { failures: [] };
      this.#start = "away";
      relay.lookAnew();
      await this.#applier.leave(this.#input(inputs, standingView(inputs, store.state)));
      return;
    }
    if (start === undefined || this.#answered.directorySerial === undefined) return;
    if (start === "away") {
      // One that answered when Knot ended may be silent by now.
      this.#start = { lookedAt: now() };
      relay.lookAnew();
      return;
    }
    if (now() - start.lookedAt < lookMs) return;
    this.#start = undefined;
    const reached = relay.answering(before);
    const removed = before.filter((address) => !reached.includes(address));
    if (removed.length > 0) log.info("Knot has started without servers that say nothing", { removed });
    await this.#save((state) => ({ ...state, reached }));
    this.#progress.request("files", "load");
  }

  #input(inputs: Inputs, view: MeshView): SiteInput {
    const { state } = this.parts.store;
    // A pod that has no guard's file was made without one, and is replaced when the site gets a guard.
    const isGuarded = this.parts.options.letThroughFile !== undefined;
    return siteInput({ inputs, view, state: this.#start === undefined ? state : { ...state, reached: [] }, isGuarded });
  }

  async #carryOut(step: Work, inputs: Inputs): Promise<void> {
    if (step.kind === "list-own-zones") await this.#listOwnZones(inputs);
    else if (step.kind === "settle") await this.#settle(inputs, step.load);
    else await this.#follow(inputs);
    this.#progress.done(step);
    if (step.kind === "list-own-zones") return;
    this.parts.problems.set("knot", []);
    this.parts.problems.set("apply", []);
  }

  /** New text of the central zones, on the primary. Knot reloads at once; peers are notified by Knot, and again by the agent. */
  async #loadCentral(zones: readonly string[]): Promise<void> {
    this.parts.log.info("central zones changed", { zones });
    try {
      for (const zone of zones) await this.parts.control.zoneReload(zone);
    } catch (error) {
      // A Knot that is away reads its files when it starts; one that did not answer reloads them when its files are settled.
      this.#progress.request("files", "load");
      throw error;
    }
    this.parts.events.changed(zones);
  }

  /** Without a usable state, the files on the volume are all that tells which own zones have a content. */
  async #listOwnZones(inputs: Inputs): Promise<void> {
    const found = await this.#ownZones.standing(inputs.packet);
    await this.#save((state) => noteSeeded(state, found));
  }

  /** Makes Knot run what the state says, whatever a predecessor or a former packet left. */
  async #settle(inputs: Inputs, force: boolean): Promise<void> {
    const before = new Set(this.parts.store.state.seeded);
    const found = await this.#ownZones.seed(inputs, this.parts.store.state);
    await this.#save((last) => notePacket(noteSeeded(last, { ...found, outside: found.outside ?? [] }), inputs));
    const state = this.parts.store.state;
    const view = standingView(inputs, state);
    try {
      await this.#load({ inputs, view, force });
    } catch (error) {
      // A Knot that is away has refused nothing.
      if (state.candidate !== undefined && !isAway(error)) await this.#save(({ candidate: _, ...rest }) => rest);
      throw error;
    }
    if (state.candidate !== undefined) await this.#saveView(view);
    await this.#ownZones.finish(inputs.packet, found.seeded);
    // Others may be waiting for them.
    const begun = found.seeded.filter((zone) => !before.has(zone));
    if (begun.length > 0) this.parts.events.changed(begun);
    await this.#takeOver(inputs);
    for (const zone of await this.#signing.unsign(inputs)) this.parts.events.changed([zone]);
  }

  /** Zones that the list has no primaries outside the mesh for any more. */
  async #takeOver({ packet }: Inputs): Promise<void> {
    const { outside = [] } = this.parts.store.state;
    const taken = await this.#ownZones.takeOver(packet, outside);
    if (taken.length === 0) return;
    this.parts.log.info("zones are taken from no server outside the mesh any more", { zones: taken });
    await this.#save((state) =>
      noteSeeded(state, {
        seeded: [...new Set([...state.seeded, ...taken])],
        sought: state.sought ?? [],
        outside: without(outside, taken),
      }),
    );
    this.parts.events.changed(taken);
  }

  async #observe({ packet }: Inputs): Promise<Serials | "unknown"> {
    this.#answered = await this.#discovery.observe(packet);
    const { directorySerial: directory, catalogSerial: catalog, failures } = this.#answered;
    this.parts.problems.set("central", [...failures, ...this.#unread]);
    return directory === undefined || catalog === undefined ? "unknown" : { directory, catalog };
  }

  /** Plans with what the central zones say now, and makes Knot run the plan. */
  async #follow(inputs: Inputs): Promise<void> {
    const discovered = await this.#read(inputs);
    const { view: known, fence } = this.parts.store.state;
    const { packet } = inputs;
    const epoch = packet.signers && highestEpoch(fence?.highest, packetEpoch(packet));
    const { today } = this.#progress;
    const plan = planMesh({ self: packet.site.name, known, discovered, limits: defaultLimits, today, epoch });
    this.#lastPlan = plan;
    if (plan.refusal) this.#refusals.set(plan.refusal.kind, (this.#refusals.get(plan.refusal.kind) ?? 0) + 1);
    this.parts.problems.set("refused", plan.refusal ? [`${plan.refusal.kind}: ${plan.refusal.reason}`] : []);
    this.parts.problems.set(
      "held",
      plan.held.map(({ names, reason }) => `held: ${names.join(", ")}: ${reason}`),
    );
    this.parts.problems.set("doubtful", discovered.kind === "view" ? discovered.problems : []);
    if (plan.refusal === undefined) await this.#take(inputs, plan);
  }

  async #read(inputs: Inputs): ReturnType<Discovery["read"]> {
    try {
      const discovered = await this.#discovery.read(inputs);
      this.#unread = [];
      return discovered;
    } catch (error) {
      this.#unread = [messageOf(error)];
      throw new ReadError(messageOf(error), { cause: error });
    }
  }

  async #take(inputs: Inputs, plan: MeshPlan): Promise<void> {
    const { state } = this.parts.store;
    if (plan.next === state.view) return;
    for (const change of plan.changes) this.parts.log.info("the mesh changed", { change });
    await this.#flushGone(plan.next);
    try {
      const accepted = () => this.#save((before) => ({ ...before, candidate: plan.next }));
      await this.#load({ inputs, view: plan.next, accepted });
    } catch (error) {
      await this.#save(({ candidate: _, ...rest }) => rest);
      throw error;
    }
    await this.#saveView(plan.next);
    const { former = [], sought } = this.parts.store.state;
    // Further sites are known now, which may have zones that are looked for; and a zone that went to another owner may be gone.
    const areGone = amongZones(this.parts.store.state, former).length < former.length;
    if (sought !== undefined || areGone) this.#progress.request("files");
  }

  /** The last content of zones that went to another owner and that the mesh has no longer: what their files lack is lost with them. */
  async #flushGone(next: MeshView): Promise<void> {
    const { former = [] } = this.parts.store.state;
    const stay = amongZones({ view: next }, former);
    for (const zone of without(former, stay)) {
      // A Knot that is away, or has nothing, is no reason not to go on.
      await this.parts.control.zoneFlush(zone).catch(() => undefined);
    }
  }

  async #load(change: {
    inputs: Inputs;
    view: MeshView;
    force?: boolean;
    accepted?: () => Promise<void>;
  }): Promise<void> {
    const { inputs, view } = change;
    const input = this.#input(inputs, view);
    const paths = await this.#applier.apply(input, {
      force: change.force === true,
      ...(change.accepted !== undefined && { accepted: change.accepted }),
    });
    if (paths.length > 0) this.parts.log.info("Knot took new files", { paths });
    this.parts.events.applied(input, this.#offered(input.packet));
  }

  /** Zones that originate here. */
  #offered(packet: Inputs["packet"]): readonly string[] {
    if (!isWriter(this.parts.options.runtime)) return [];
    const central = packet.site.role === "primary-catalog" ? [packet.directoryZone, packet.catalogZone] : [];
    return [...central, ...packet.site.zones.map(({ name }) => name)];
  }

  async #saveView(view: MeshView): Promise<void> {
    const appliedAt = new Date(this.parts.now()).toISOString();
    await this.#save(({ candidate: _, ...state }) => ({ ...state, view, appliedAt }));
  }

  async #save(change: (state: AgentState) => AgentState): Promise<void> {
    const next = change(this.parts.store.state);
    if (isSameState(next, this.parts.store.state)) return;
    await this.parts.store.update(change);
  }

  #showState(): void {
    const { problem } = this.parts.store;
    this.parts.problems.set("state", problem === undefined ? [] : [problem]);
  }

  #failed(error: unknown): void {
    const [away, cause] = [isAway(error), error instanceof ApplyError ? error.cause : error];
    this.parts.problems.set("knot", away ? [messageOf(cause)] : []);
    if (error instanceof ReadError) this.parts.problems.set("central", this.#unread);
    else if (!(cause instanceof StateError)) this.parts.problems.set("apply", away ? [] : [messageOf(error)]);
    this.#progress.failed(away ? "away" : "failed");
  }

  /** The body of `/status`, apart from what only the worker knows. */
  status(): AgentFacts {
    return agentFacts({
      inputs: this.parts.mounts.inputs,
      pod: this.parts.options.pod,
      state: this.parts.store.state,
      observed: this.#answered,
      held: this.#lastPlan?.held ?? [],
      problems: this.parts.problems.list(),
      counters: { passes: this.#passes, reloads: this.#applier.reloads },
    });
  }
}

/** Whether Knot was not reached, so that it refused nothing. */
function isAway(error: unknown): boolean {
  return (error instanceof ApplyError ? error.cause : error) instanceof TransientError;
}
