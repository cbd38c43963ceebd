import { messageOf, TransientError } from "../../base/errors";
import type { DnsClient } from "../../dns/client/dns-client";
import type { KnotControl } from "../../knot/control/knot-control";
import type { SiteInput } from "../../knot/config/site-config";
import { isWriter } from "../../knot/config/site-runtime";
import { defaultLimits } from "../../mesh/limits";
import { planMesh } from "../../mesh/plan-mesh";
import type { Standpoint } from "../../mesh/topology";
import type { MeshPlan, MeshView } from "../../mesh/view";
import type { Logger } from "../../base/log";
import { agentFacts, type AgentFacts } from "./agent-facts";
import type { Holder } from "./convergence";
import { Applier, ApplyError } from "./applier";
import { Discovery, type Observed } from "./discovery";
import { lifetimeProblem } from "./identity";
import { type Inputs } from "./inputs";
import { Mounts } from "./mounts";
import type { AgentOptions } from "./options";
import { OwnZones } from "./own-zones";
import { SigningKeeper } from "./signing-keeper";
import { SiteFiles } from "./site-files";
import { notePacket, siteInput, standingView } from "./site-input";
import { isSameState, type AgentState, type StateStore } from "./state-store";
import type { Problems } from "./status";

/** What an {@link Agent} works with. */
export interface AgentParts {
  readonly options: AgentOptions;
  readonly control: KnotControl;
  readonly dns: DnsClient;
  readonly store: StateStore;
  readonly problems: Problems;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
  readonly events: AgentEvents;
}

/** What a pass found that others should act on. */
export interface AgentEvents {
  /** Knot runs this view now, among these pods, and these zones originate here. */
  applied(at: Standpoint & Pick<SiteInput, "runtime">, zones: readonly string[]): void;
  /** The content of these zones changed here. */
  changed(zones: readonly string[]): void;
}

/** A central zone could not be read whole. */
class ReadError extends Error {
  override readonly name = "ReadError";
}

/** Waits before trying again what failed: 1, 2, 4, … 30 seconds. */
const longestRetryMs = 30_000;

/** Keeps one Knot as the mesh wants it, a pass at a time. */
export class Agent {
  #settled = false;
  /** Nothing is known of what Knot runs: it is left as it is until the central zones were read. */
  #damaged = false;
  #force = true;
  #planned = "";
  #observed: Observed = { failures: [] };
  #failures = 0;
  #retryAt = 0;
  #passes = 0;
  #unread: readonly string[] = [];
  #lastPlan: MeshPlan | undefined;
  readonly #applier: Applier;
  readonly #discovery: Discovery;
  readonly #ownZones: OwnZones;
  readonly #mounts: Mounts;
  /** Which own zones are signed. */
  readonly signing: SigningKeeper;

  constructor(private readonly o: AgentParts) {
    const { options, control, dns, now } = o;
    const { runtime, knot } = options;
    this.#applier = new Applier({ control, files: new SiteFiles(runtime.storage), now });
    this.#discovery = new Discovery({ dns, knot });
    this.#ownZones = new OwnZones(o);
    this.#mounts = new Mounts(options, now);
    this.signing = new SigningKeeper({ ...o, ...options });
  }

  get inputs(): Inputs | undefined {
    return this.#mounts.inputs;
  }

  /** Reads the state that a predecessor left. */
  async start(): Promise<void> {
    const loaded = await this.o.store.load();
    this.#damaged = loaded.kind === "damaged";
    this.o.problems.set("state", loaded.kind === "damaged" ? [loaded.reason] : []);
    this.o.log.info("agent starts", { pod: this.o.options.pod, state: loaded.kind });
  }

  /** Takes an own zone back from a site that holds a newer copy; see {@link OwnZones.regain}. */
  regain(zone: string, holder: Holder): Promise<boolean> {
    return this.#ownZones.regain(this.inputs, zone, holder);
  }

  /** Has the next pass render, load and plan everything anew. */
  poke(): void {
    this.#settled = false;
    this.#force = true;
    this.#planned = "";
    this.#retryAt = 0;
  }

  /** One pass. Never throws: what goes wrong becomes a problem, and the next pass tries again. */
  async pass(): Promise<"idle" | "changed" | "failed"> {
    this.#passes += 1;
    try {
      const before = this.#applier.reloads;
      await this.#pass();
      return this.#applier.reloads === before ? "idle" : "changed";
    } catch (error) {
      this.#failed(error);
      return "failed";
    }
  }

  async #pass(): Promise<void> {
    const { inputs, changed, written, failures } = await this.#mounts.look();
    this.o.problems.set("inputs", failures);
    if (inputs === undefined) return;
    const ending = inputs.identity && lifetimeProblem(inputs.identity, this.o.now());
    this.o.problems.set("certificate", ending === undefined ? [] : [ending]);
    if (changed) this.#planned = "";
    if (changed || this.#ownZones.areDue) this.#settled = false;
    if (written.length > 0) await this.#loadCentral(written);
    if (!this.#settled) {
      if (this.o.now() < this.#retryAt) return;
      await this.#settle(inputs);
    }
    this.#observed = await this.#discovery.observe(inputs.packet);
    this.o.problems.set("central", [...this.#observed.failures, ...this.#unread]);
    if (this.#observed.failures.length === 0) await this.#follow(inputs);
  }

  /** New text of the central zones, on the primary. Knot is told at once, the peers by Knot and again by us. */
  async #loadCentral(zones: readonly string[]): Promise<void> {
    this.o.log.info("central zones changed", { zones });
    try {
      for (const zone of zones) await this.o.control.zoneReload(zone);
    } catch (error) {
      // A Knot that is away reads its files when it starts; one that only did not answer is told on the way to settling.
      this.#settled = false;
      this.#force = true;
      throw error;
    }
    this.o.events.changed(zones);
  }

  /** Makes Knot run what the state says, whatever a predecessor or a former packet left. */
  async #settle(inputs: Inputs): Promise<void> {
    if (this.#damaged) {
      const seeded = await this.#ownZones.standing(inputs.packet);
      await this.o.store.update((state) => ({ ...state, seeded }));
      return;
    }
    const seeded = await this.#ownZones.seed(inputs, this.o.store.state);
    await this.#save((before) => ({ ...before, seeded }));
    await this.#save((state) => notePacket(state, inputs));
    const state = this.o.store.state;
    const view = standingView(inputs, state);
    try {
      await this.#load({ inputs, view, force: this.#force });
    } catch (error) {
      // A Knot that is away has refused nothing.
      const away = error instanceof ApplyError && error.cause instanceof TransientError;
      if (state.candidate !== undefined && !away) await this.#save(({ candidate: _, ...rest }) => rest);
      throw error;
    }
    if (state.candidate !== undefined) await this.#saveView(view);
    await this.#ownZones.finish(inputs.packet, seeded);
    for (const zone of await this.signing.unsign(inputs)) this.o.events.changed([zone]);
    this.#settled = true;
    this.#force = false;
    this.#succeeded();
  }

  /** Plans when either serial, the day, or what we know changed. */
  async #follow(inputs: Inputs): Promise<void> {
    const today = new Date(this.o.now()).toISOString().slice(0, 10);
    const key = `${this.#observed.directorySerial ?? 0} ${this.#observed.catalogSerial ?? 0} ${today}`;
    if (key === this.#planned || this.o.now() < this.#retryAt) return;
    const discovered = await this.#read(inputs);
    const known = this.o.store.state.view;
    const self = inputs.packet.site.name;
    const plan = planMesh({ self, known, discovered, limits: defaultLimits, today });
    this.#lastPlan = plan;
    this.o.problems.set("refused", plan.refusal ? [`${plan.refusal.kind}: ${plan.refusal.reason}`] : []);
    this.o.problems.set(
      "held",
      plan.held.map(({ names, reason }) => `held: ${names.join(", ")}: ${reason}`),
    );
    this.o.problems.set("doubtful", discovered.kind === "view" ? discovered.problems : []);
    if (plan.refusal === undefined) await this.#take(inputs, plan);
    this.#planned = key;
    this.#succeeded();
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
    const { state } = this.o.store;
    if (plan.next === state.view) return;
    for (const change of plan.changes) this.o.log.info("the mesh changed", { change });
    try {
      const accepted = () => this.#save((before) => ({ ...before, candidate: plan.next }));
      await this.#load({ inputs, view: plan.next, accepted });
    } catch (error) {
      await this.#save(({ candidate: _, ...rest }) => rest);
      throw error;
    }
    await this.#saveView(plan.next);
  }

  async #load(o: { inputs: Inputs; view: MeshView; force?: boolean; accepted?: () => Promise<void> }): Promise<void> {
    const { runtime } = this.o.options;
    const input = siteInput({ inputs: o.inputs, state: this.o.store.state, view: o.view, runtime });
    const paths = await this.#applier.apply(input, {
      force: o.force === true,
      ...(o.accepted !== undefined && { accepted: o.accepted }),
    });
    if (paths.length > 0) this.o.log.info("Knot took new files", { paths });
    this.o.events.applied(input, this.#offered(input.packet));
  }

  /** Zones that originate here. */
  #offered(packet: Inputs["packet"]): readonly string[] {
    if (!isWriter(this.o.options.runtime)) return [];
    const central = packet.site.role === "primary-catalog" ? [packet.directoryZone, packet.catalogZone] : [];
    return [...central, ...packet.site.zones.map(({ name }) => name)];
  }

  async #saveView(view: MeshView): Promise<void> {
    const appliedAt = new Date(this.o.now()).toISOString();
    await this.#save(({ candidate: _, ...state }) => ({ ...state, view, appliedAt }));
    this.#damaged = false;
  }

  async #save(change: (state: AgentState) => AgentState): Promise<void> {
    const next = change(this.o.store.state);
    if (isSameState(next, this.o.store.state)) return;
    await this.o.store.update(change);
    this.o.problems.set("state", []);
  }

  #failed(error: unknown): void {
    const cause = error instanceof ApplyError ? error.cause : error;
    const away = cause instanceof TransientError;
    this.o.problems.set("knot", away ? [messageOf(cause)] : []);
    if (error instanceof ReadError) this.o.problems.set("central", this.#unread);
    else this.o.problems.set("apply", away ? [] : [messageOf(error)]);
    const wait = away ? 500 : Math.min(1000 * 2 ** this.#failures, longestRetryMs);
    this.#failures += 1;
    this.#retryAt = this.o.now() + wait;
  }

  #succeeded(): void {
    this.#failures = 0;
    this.o.problems.set("knot", []);
    this.o.problems.set("apply", []);
  }

  /** The body of `/status`, apart from what only the worker knows. */
  status(): AgentFacts {
    return agentFacts({
      inputs: this.#mounts.inputs,
      pod: this.o.options.pod,
      state: this.o.store.state,
      observed: this.#observed,
      held: this.#lastPlan?.held ?? [],
      problems: this.o.problems.list(),
      counters: { passes: this.#passes, reloads: this.#applier.reloads },
    });
  }
}
