import { isAborted, systemClock } from "../../../base/clock";
import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import type { Logger } from "../../../base/log";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { KnotControl } from "../../../knot/control/knot-control";
import { areNameServersSaid, type DelegationRecords, parentZone } from "../../../mesh/name-servers";
import { isBootstrap } from "../../../mesh/peers";
import type { MeshView, ZoneView } from "../../../mesh/view";
import type { Problems } from "../http/status";
import type { Inputs } from "../inputs/inputs";
import type { StateStore } from "../state-store";
import type { Answer } from "./answering";
import { isUnshared } from "./beginning";
import { type Delegation, planDelegation, readDelegation } from "./delegation";
import { Insistence } from "./insistence";
import { type Notes, type Pair, type Scope, scopeOf } from "./scope";
import { formerKey, signalKey, Signals } from "./signals";
import type { Edits } from "./stored";
import { lookAtZone, type ZoneFinding } from "./zone-servers";

/** What {@link NameServerKeeper} works with. */
export interface NameServerKeeperParts {
  readonly control: Pick<KnotControl, "zoneStatus" | "zoneRead" | "zoneEdit" | "dropTransactions">;
  /** Asks other sites. */
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Asks this site's own Knot. */
  readonly ownDns: Pick<DnsClient, "query">;
  readonly knot: DnsServer;
  readonly inputs: () => Inputs | undefined;
  /** Own zones that have a content. */
  readonly own: () => readonly string[];
  readonly store: Pick<StateStore, "state" | "update">;
  readonly problems: Pick<Problems, "set">;
  /** An own zone changed. */
  readonly changed: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/** An own zone whose name servers the list says. */
export interface ZoneServers {
  readonly zone: string;
  readonly servers: readonly string[];
  /** Of these, names that the mesh has nothing to do with. */
  readonly kept: readonly string[];
  /** What is not as the list says yet, and why. */
  readonly waiting: readonly string[];
  /** What the zone's parent should have; missing as long as that is not known whole. */
  readonly parent?: ParentRecords;
}

/** Records of a zone that belong into its parent. */
export interface ParentRecords extends DelegationRecords {
  /** The parent, where it is a zone of the mesh: its owner sees to it. */
  readonly zone?: string;
}

/** Changes of one zone that belong together. */
export interface Change {
  readonly zone: string;
  readonly edits: Edits;
  readonly view: MeshView;
  /** By which a sentence on it is kept, where somebody undoes it. */
  readonly key: string;
}

/** What is known of a zone since the last look at it. */
interface Memory {
  readonly view: MeshView;
  readonly serial: number;
  readonly dueAt: number;
  readonly attempts: number;
  readonly waitingSince?: number | undefined;
  readonly said?: ZoneServers | undefined;
}

/** What a round works with. */
interface Here extends Scope {
  readonly view: MeshView;
  readonly directory: string;
  readonly self: string;
  readonly port: number;
  readonly silent: Map<string, Answer>;
}

/** Between looks at serials. */
const everyMs = 2000;
/** Until a zone is looked at again in which something waits, at first doubled each time; for long; and one in which nothing does. */
const [firstAgainMs, longestAgainMs, lateAgainMs, calmMs] = [2000, 5000, 30_000, 300_000];
/** What waits for longer is a problem. */
const patienceMs = 300_000;
/** For how long a zone must have been signed before a delegation that stood unsigned says so: caches have unsigned answers. */
const firstDsMs = 3_600_000;
/** Zones that are looked at at a time. */
const mostZones = 8;
/** Why a zone that begins is not changed yet, as the end of a sentence. */
const begins = "the zone begins, and is changed once another site has it, and none has a newer version";

/**
 * Keeps the NS records of the site's own zones, and the addresses of servers whose names lie in them, as the list says:
 * by the directory, through joins, removals, other addresses and retirements (ADR 0046). In a zone above another one of
 * the mesh it keeps the delegation too.
 *
 * Changes are made over the control socket, which no guard judges: what others send is judged as ever. A view that is
 * not the directory's changes nothing, and what the limits hold back is still in the view.
 */
export class NameServerKeeper {
  readonly #memories = new Map<string, Memory>();
  readonly #delegations = new Map<string, { readonly serials: string; readonly dueAt: number }>();
  /** Since when zones below are known to ask for DS records. */
  readonly #signedSince = new Map<string, number>();
  /** Sentences on changes that somebody undoes, by zone and by zone below. */
  readonly #contested = new Map<string, string>();
  /** Zones that are not changed before it is known that others have nothing newer. */
  readonly #beginning = new Set<string>();
  readonly #insistence: Insistence;
  readonly #signals: Signals;
  #scope: { readonly from: readonly unknown[]; readonly scope: Scope } | undefined;
  #failure = "";
  /** Whether what a predecessor may have left open is dropped. */
  #isClear = false;

  constructor(private readonly parts: NameServerKeeperParts) {
    this.#insistence = new Insistence(parts.now);
    this.#signals = new Signals({
      ...parts,
      make: (change) => this.#make(change),
      noted: (zone) => this.#noted(zone),
      note: (zone, names) => this.#note(zone, names),
    });
  }

  /** Own zones whose name servers the list says, at the last look. */
  get zones(): readonly ZoneServers[] {
    return [...this.#memories.values()].flatMap(({ said }) => said ?? []);
  }

  /** Runs until the signal is given. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      const failure = await this.round().then(
        () => "",
        (error: unknown) => messageOf(error),
      );
      if (failure !== "" && failure !== this.#failure)
        this.parts.log.info("the look at name servers failed and is repeated", { reason: failure });
      this.#failure = failure;
      await systemClock.pause(everyMs, signal);
    }
  }

  /** Does what is due. A zone of which something fails keeps no other waiting; the first failure is thrown at the end. */
  async round(): Promise<void> {
    const { inputs, store } = this.parts;
    const { view } = store.state;
    const known = inputs();
    if (known === undefined || view === undefined || isBootstrap(view)) return;
    const { packet, runtime } = known;
    const place = { directory: packet.directoryZone, self: packet.site.name, port: runtime.remotePort };
    const scope = this.#scopeOf(view, place);
    const here: Here = { ...scope, ...place, view, silent: new Map() };
    for (const zone of scope.left) await this.#note(zone, []);
    this.#forget(scope);
    await this.#clear(scope);
    const serials = await this.#serials(scope);
    const failures: unknown[] = [];
    const note = (error: unknown): void => void failures.push(error);
    await inParallel(mostZones, scope.kept, (zone) => this.#see(zone, serials.get(zone.name), here)).catch(note);
    // One by one: a zone has one transaction at a time, and many may be below the same one.
    await inParallel(1, scope.delegations, (pair) => this.#delegate(pair, serials, view)).catch(note);
    await this.#signals.keep(scope, serials, view).catch(note);
    this.#show();
    if (failures.length > 0) throw failures[0];
  }

  /** An agent that is killed between the steps of a change leaves it open. */
  async #clear({ kept, delegations }: Scope): Promise<void> {
    if (this.#isClear) return;
    const zones = [...new Set([...kept.map(nameOf), ...delegations.map(({ parent }) => parent)])];
    const dropped = await this.parts.control.dropTransactions(zones);
    for (const zone of dropped) this.parts.log.warn("a transaction that was left open is dropped", { zone });
    this.#isClear = zones.length > 0;
  }

  /** Computed once for what it follows from: a mesh may have many thousands of zones. */
  #scopeOf(view: MeshView, { self: site, directory }: Pick<Here, "self" | "directory">): Scope {
    const names = this.parts.own();
    const notes = this.#notes;
    const from = [view, site, directory, names, notes];
    if (this.#scope?.from.every((each, i) => each === from[i]) !== true)
      this.#scope = { from, scope: scopeOf(view, { site, names, directory }, notes) };
    return this.#scope.scope;
  }

  #forget({ kept, delegations, signals }: Scope): void {
    const [zones, children] = [new Set(kept.map(nameOf)), new Set(delegations.map(({ child }) => child.name))];
    for (const known of [this.#memories, this.#beginning])
      for (const zone of known.keys()) if (!zones.has(zone)) known.delete(zone);
    for (const known of [this.#delegations, this.#signedSince])
      for (const child of known.keys()) if (!children.has(child)) known.delete(child);
    const hosts = [...zones].map(formerKey);
    const keys = new Set([...zones, ...[...children].map(delegationKey), ...signals.map(signalKey), ...hosts]);
    for (const key of this.#contested.keys()) if (!keys.has(key)) this.#contested.delete(key);
  }

  async #serials({ kept, delegations, signals }: Scope): Promise<ReadonlyMap<string, number>> {
    const pairs = delegations.flatMap(({ parent, child }) => [parent, child.name]);
    const names = [...kept.map(nameOf), ...pairs, ...signals.map(({ child }) => child.name)];
    const statuses = await this.parts.control.zoneStatus([...new Set(names)]);
    return new Map(statuses.flatMap(({ zone, serial }) => (serial === undefined ? [] : [[zone, serial]])));
  }

  async #see(zone: ZoneView, serial: number | undefined, here: Here): Promise<void> {
    const { now } = this.parts;
    const { view } = here;
    const before = this.#memories.get(zone.name);
    if (serial === undefined) return;
    if (before?.view === view && before.serial === serial && now() < before.dueAt) return;
    const attempts = before?.view === view ? before.attempts + 1 : 0;
    const againMs = this.#againMs(attempts, before?.waitingSince);
    // Should the look fail, the next one is due as if something waited.
    this.#memories.set(zone.name, { ...before, view, serial, attempts, dueAt: now() + againMs });
    const finding = await lookAtZone(this.parts, { ...here, zone, serial, noted: this.#noted(zone.name) });
    const isMade = await this.#apply(zone.name, finding, view);
    const waits = finding.waiting.length > 0 || !isMade;
    const standing = isMade ? finding : this.#asItStands(zone.name, finding);
    const said = areNameServersSaid(zone, view) || waits ? await this.#said(zone.name, standing, here) : undefined;
    const next = waits
      ? { attempts, dueAt: now() + againMs, waitingSince: before?.waitingSince ?? now() }
      : { attempts: 0, dueAt: now() + calmMs };
    // What was just changed has another serial, and is looked at once more.
    this.#memories.set(zone.name, { view, serial, said, ...next });
  }

  #asItStands(zone: string, finding: ZoneFinding): ZoneFinding {
    const waiting = this.#beginning.has(zone) ? [...finding.waiting, begins] : finding.waiting;
    return { ...finding, servers: finding.standing, waiting };
  }

  #againMs(attempts: number, waitingSince: number | undefined): number {
    const isLate = waitingSince !== undefined && this.parts.now() - waitingSince >= patienceMs;
    return isLate ? lateAgainMs : Math.min(firstAgainMs * 2 ** attempts, longestAgainMs);
  }

  /** @param servers - Names that stand in the zone by now. */
  async #said(
    zone: string,
    { servers, kept, waiting }: Pick<ZoneServers, "servers" | "kept" | "waiting">,
    { zones }: Here,
  ): Promise<ZoneServers> {
    const wanted = await readDelegation(this.parts, zone);
    const parent = parentZone(zone, zones);
    return {
      ...{ zone, servers, kept, waiting },
      ...(wanted && { parent: { ...(parent !== undefined && { zone: parent }), ...recordsOf(wanted) } }),
    };
  }

  /** Names are noted before they are there, and forgotten once they are gone. Resolves to whether the changes were made. */
  async #apply(zone: string, { edits, noted }: ZoneFinding, view: MeshView): Promise<boolean> {
    await this.#note(zone, [...new Set([...this.#noted(zone), ...noted])].sort());
    const isMade = await this.#make({ zone, edits, view, key: zone });
    if (isMade) await this.#note(zone, noted);
    return isMade;
  }

  /** Resolves to whether nothing is left to do: what somebody undoes again and again is not done again. */
  async #make(change: Change): Promise<boolean> {
    const { zone, edits, view, key } = change;
    const undone = this.#insistence.undone(zone, view, edits.texts);
    if (undone.length > 0) {
      const which = undone.slice(0, mostShown).join(", ");
      this.#contested.set(
        key,
        `zone ${zone}: somebody else undoes what the list says (${which}), and it is left so for an hour; take that out of DnsRecords, and out of what sends UPDATEs`,
      );
      return false;
    }
    this.#contested.delete(key);
    this.#beginning.delete(zone);
    if (edits.areNone) return true;
    if (await isUnshared(this.parts, zone, view)) {
      this.#beginning.add(zone);
      return false;
    }
    await edits.make(this.parts.control);
    this.#insistence.made(zone, view, edits.texts);
    this.parts.log.info("name servers changed", { zone, changes: edits.texts });
    this.parts.changed();
    return true;
  }

  async #delegate({ parent, child }: Pair, serials: ReadonlyMap<string, number>, view: MeshView): Promise<void> {
    const { now } = this.parts;
    const [above, here] = [serials.get(parent), serials.get(child.name)];
    if (above === undefined || here === undefined) return;
    const before = this.#delegations.get(child.name);
    const seen = `${parent} ${above} ${here}`;
    if (before?.serials === seen && now() < before.dueAt) return;
    this.#delegations.set(child.name, { serials: seen, dueAt: now() + lateAgainMs });
    const wanted = await readDelegation(this.parts, child.name);
    if (wanted === undefined) return;
    const isLongSigned = this.#isLongSigned(child.name, wanted);
    const below = { zone: child.name, wanted, isLongSigned };
    const { edits, isWhole } = await planDelegation(this.parts, parent, below);
    const isMade = await this.#make({ zone: parent, edits, view, key: delegationKey(child.name) });
    this.#delegations.set(child.name, { serials: seen, dueAt: now() + (isMade && isWhole ? calmMs : lateAgainMs) });
  }

  #isLongSigned(child: string, { ds = [] }: Delegation): boolean {
    if (ds.length === 0) {
      this.#signedSince.delete(child);
      return false;
    }
    const since = this.#signedSince.get(child) ?? this.parts.now();
    this.#signedSince.set(child, since);
    return this.parts.now() - since >= firstDsMs;
  }

  get #notes(): Notes | undefined {
    return this.parts.store.state.serverNames;
  }

  #noted(zone: string): readonly string[] {
    return this.#notes?.[zone] ?? [];
  }

  async #note(zone: string, names: readonly string[]): Promise<void> {
    if (names.join(" ") === this.#noted(zone).join(" ")) return;
    await this.parts.store.update(({ serverNames = {}, ...state }) => {
      const others = Object.entries(serverNames).filter(([each]) => each !== zone);
      const next = names.length === 0 ? others : [...others, [zone, names] as const];
      return next.length === 0 ? state : { ...state, serverNames: Object.fromEntries(next) };
    });
  }

  #show(): void {
    const patient = this.parts.now() - patienceMs;
    const late = [...this.#memories].flatMap(([zone, { said, waitingSince = Infinity }]) =>
      waitingSince <= patient ? (said?.waiting ?? []).map((sentence) => `zone ${zone}: ${sentence}`) : [],
    );
    this.parts.problems.set("nameservers", [...late, ...new Set(this.#contested.values())]);
  }
}

/** Changes that a message shows. */
const mostShown = 3;

function recordsOf({ servers, glue, ds }: Delegation): DelegationRecords {
  return {
    servers,
    glue: [...glue].flatMap(([name, addresses]) => addresses.map((address) => `${name} ${address}`)).sort(),
    ...(ds !== undefined && { ds: [...ds].sort() }),
  };
}

/** A zone may be an own one, and lie below another own one. */
function delegationKey(child: string): string {
  return `below ${child}`;
}

function nameOf({ name }: ZoneView): string {
  return name;
}
