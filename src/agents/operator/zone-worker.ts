import { type Clock, isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import { DnsError, type DnsFailure } from "../../dns/errors";
import type { TsigKey } from "../../dns/tsig-key";
import { changeHeld, notAllowed, updateRefused } from "../../records/conditions";
import { isHere } from "../../records/model";
import { type NamePlan, planName, type RrsetChange } from "../../records/plan";
import { appliedOf, type SpecReading } from "../../records/record-set";
import { batchesOf, halvesOf, messageFor, type UpdateBatch } from "../../records/updates";
import type { OperatorMetrics } from "./metrics";
import type { ObjectWriter } from "./object-writer";
import { annotations, claimantOf, type Entry, isAnnotated, isLeaving, type RecordStore } from "./record-store";
import { type Spreading, writeWidth } from "./spreading";
import type { Tenancy } from "./tenancy";
import { type Asked, says, WriterOutage } from "./writer-outage";
import type { ZoneMirror } from "./zone-mirror";

/** What a {@link ZoneWorker} works with. */
export interface ZoneWorkerOptions {
  readonly zone: string;
  readonly mirror: ZoneMirror;
  readonly store: RecordStore;
  readonly writer: Pick<ObjectWriter, "claim" | "release" | "report">;
  readonly spreading: Pick<Spreading, "expect" | "forget">;
  readonly dns: Pick<DnsClient, "update">;
  /** The server that takes updates. */
  readonly server: () => DnsServer;
  readonly key: TsigKey;
  /** Tells the agent that the zone was changed. Never throws. */
  readonly announce: () => Promise<void>;
  /** Why a change of the zone was held by its guard since a time, where one was. @throws Error when the agent does not say. */
  readonly heldChange: (sentAt: number) => Promise<string | undefined>;
  /** Why an object's namespace may not have what it says, and whose the names are that it takes. */
  readonly tenancy: Pick<Tenancy, "notAllowed" | "holderOf">;
  /** Whether the zone takes no further objects. */
  readonly isRetired: () => boolean;
  /** Shows that the work goes on. */
  readonly beat: () => void;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly now: Clock["now"];
}

/** An object in the version that was decided on; the entry may know a newer one by the time that is done. */
interface Decided {
  readonly entry: Entry;
  readonly generation: number;
  readonly reading: SpecReading;
}

/** What a look at the writer found to be done. */
export interface Look {
  /** Names that others changed. */
  readonly drifted: readonly string[];
  /** Names that waited for the writer. */
  readonly waited: readonly string[];
}

/** Why changes of a name were not made, as in the condition. */
interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** What of a message is held, and what is not. */
interface HeldPart {
  readonly names: readonly (readonly RrsetChange[])[];
  readonly others: readonly (readonly RrsetChange[])[];
  readonly refusal: Refusal;
}

/** What is to be done at a name. */
interface Decision {
  readonly name: string;
  readonly entries: readonly Decided[];
  readonly plan: NamePlan;
}

/** The RRset is not what was planned on: look again, plan again. */
const unmet = new Set(["YXRRSET", "NXRRSET", "YXDOMAIN", "NXDOMAIN"]);
/** Failures that speak of the message, or of single records in it. All others speak of the server. */
const ofMessage: ReadonlySet<DnsFailure["kind"]> = new Set(["rcode", "refused", "malformed", "tooLarge"]);
/** After this many refusals in a row, and no message taken, the server is at fault, not the records. */
const mostCulprits = 20;
/** How often a plan that was overtaken is made anew before it waits for the next pass. */
const mostRounds = 3;

/** Brings one zone at the writer to what the objects say. */
export class ZoneWorker {
  readonly #outage: WriterOutage;

  constructor(private readonly options: ZoneWorkerOptions) {
    this.#outage = new WriterOutage(options);
  }

  /** Whether the writer takes the zone's changes, and how many objects wait until it does. */
  get outage(): Pick<WriterOutage, "isOn" | "waiting"> {
    return this.#outage;
  }

  /**
   * Names that others changed at the writer since the last look, as far as objects are about them, and those that waited for a
   * writer that answers again.
   *
   * @throws DnsError
   */
  async look(): Promise<Look> {
    try {
      const changed = await this.options.mirror.follow();
      return { drifted: this.options.store.namesOf(this.options.zone, changed), waited: this.#outage.answered() };
    } catch (error) {
      if (!isAbortion(error)) this.#outage.failed("look", error);
      throw error;
    }
  }

  /**
   * Does what is to be done at these names, until the signal is given. Returns those that must be looked at again, later.
   * Never throws.
   */
  async reconcile(names: Iterable<string>, signal: AbortSignal): Promise<readonly string[]> {
    const again = new Set<string>();
    let rest = [...names];
    for (let round = 0; rest.length > 0 && round < mostRounds; round++) {
      let by: Asked = "look";
      try {
        const { drifted, waited } = await this.look();
        signal.throwIfAborted();
        by = "update";
        // Known from now on, also when the round fails: no later look finds them again.
        rest = [...new Set([...rest, ...drifted, ...waited])];
        rest = await this.#round(rest, { again, signal });
        this.#outage.over();
      } catch (error) {
        // Our turn is over: another one leads, and what we could not finish says nothing of the server.
        if (isAborted(signal)) return [];
        await this.#outage.report(rest, { by, error });
        return [...again, ...rest];
      }
    }
    return [...again, ...rest];
  }

  /** Returns the names whose plan was overtaken. Those that wait for something else go to `again`. */
  async #round(
    names: readonly string[],
    { again, signal }: { readonly again: Set<string>; readonly signal: AbortSignal },
  ): Promise<string[]> {
    const decisions = names.map((name) => this.#decide(name));
    const ready: Decision[] = [];
    await inParallel(writeWidth, decisions, async (decision) => {
      signal.throwIfAborted();
      if (await this.#prepare(decision, signal)) ready.push(decision);
      else again.add(decision.name);
    });
    signal.throwIfAborted();
    const refused = new Map<string, Refusal>();
    const changing = ready.filter(({ plan }) => plan.changes.length > 0);
    const overtaken = await this.#send(changing, refused);
    if (changing.length > 0) {
      void this.options.announce();
      await this.options.mirror.follow(true);
    }
    await inParallel(writeWidth, ready, async (decision) => {
      signal.throwIfAborted();
      const { name } = decision;
      if (overtaken.has(name)) return;
      const reason = refused.get(name) ?? this.#untaken(decision);
      const isDone = await this.#conclude(decision, reason).catch((error: unknown) => {
        signal.throwIfAborted();
        this.options.log.warn("a status could not be written", { name, reason: messageOf(error) });
        return false;
      });
      if (!isDone) again.add(name);
    });
    return [...overtaken];
  }

  #decide(name: string): Decision {
    const isRetired = this.options.isRetired();
    const entries = this.options.store
      .at(this.options.zone, name)
      .filter((entry) => (isLeaving(entry) ? !isAnnotated(entry, annotations.abandon) : !isRetired || isHere(entry)))
      .map((entry) => ({ entry, generation: entry.object.metadata.generation ?? 0, reading: this.#readingOf(entry) }))
      .filter(({ entry, reading }) => entry.applied !== undefined || reading.kind === "set" || isLeaving(entry));
    return { name, entries, plan: this.#plan(name, entries) };
  }

  #plan(name: string, entries: readonly Decided[]): NamePlan {
    const { tenancy, mirror } = this.options;
    const claimants = entries.map(({ entry, reading }) =>
      claimantOf(entry, { reading, holder: tenancy.holderOf(entry) }),
    );
    return planName({ name, claimants, served: mirror.at(name) });
  }

  /** What counts of a spec: that of an object that goes stays what it was. */
  #readingOf(entry: Entry): SpecReading {
    const message = isLeaving(entry) ? undefined : this.options.tenancy.notAllowed(entry);
    return message === undefined ? entry.reading : { kind: "refused", problems: [message], reason: notAllowed };
  }

  /** Marks what is about to be served as ours. */
  async #prepare({ name, entries, plan }: Decision, signal: AbortSignal): Promise<boolean> {
    this.options.beat();
    try {
      for (const { entry } of entries) {
        const verdict = plan.verdicts.get(entry.uid);
        if (verdict?.kind === "serve" && !(await this.options.writer.claim(entry, verdict.content))) return false;
      }
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.options.log.warn("an object could not be marked", { name, reason: messageOf(error) });
      return false;
    }
  }

  /** Sends changes; a message that is refused is halved until the culprit is known. Returns the names that were overtaken. */
  async #send(decisions: readonly Decision[], refused: Map<string, Refusal>): Promise<Set<string>> {
    const { zone } = this.options;
    const overtaken = new Set<string>();
    let wereTaken = false;
    const queue = [
      ...batchesOf(
        zone,
        decisions.map(({ plan }) => plan.changes),
      ),
    ];
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      const name = batch.names[0]?.[0]?.name ?? "";
      // What is left of a name's changes was planned on those that were not made.
      if (overtaken.has(name) || refused.has(name)) continue;
      const sentAt = this.options.now();
      const failure = await this.#update(batch);
      if (failure === undefined) {
        wereTaken = true;
        continue;
      }
      if (!wereTaken && refused.size >= mostCulprits) throw new DnsError(failure, `UPDATE of "${zone}"`);
      const held = await this.#heldOf(batch, { failure, sentAt });
      if (held !== undefined) {
        for (const [first] of held.names) if (first !== undefined) refused.set(first.name, held.refusal);
        queue.unshift(...batchesOf(zone, held.others));
        continue;
      }
      const halves = halvesOf(batch);
      queue.unshift(...halves);
      if (halves.length > 0) continue;
      if (failure.kind === "rcode" && unmet.has(failure.rcode)) overtaken.add(name);
      else refused.set(name, { reason: updateRefused, message: new DnsError(failure).message });
    }
    return overtaken;
  }

  /**
   * What the guard of the zone holds of a message that was refused: the names that get nothing for what goes. They are not tried in smaller
   * parts, which would pass one by one; all others are sent without them.
   */
  async #heldOf(
    { names }: UpdateBatch,
    { failure, sentAt }: { readonly failure: DnsFailure; readonly sentAt: number },
  ): Promise<HeldPart | undefined> {
    if (failure.kind !== "rcode" || failure.rcode !== "SERVFAIL") return undefined;
    const takes = (changes: readonly RrsetChange[]): boolean => changes.every(({ after }) => after.length === 0);
    const taking = names.filter(takes);
    if (taking.length === 0) return undefined;
    const message = await this.options.heldChange(sentAt).catch((error: unknown) => {
      this.options.log.warn("the agent does not say whether a change is held", { reason: messageOf(error) });
      return undefined;
    });
    if (message === undefined) return undefined;
    return { names: taking, others: names.filter((each) => !takes(each)), refusal: { reason: changeHeld, message } };
  }

  /** Returns what the server had against it. @throws DnsError when it is not the message that is wrong. */
  async #update(batch: UpdateBatch): Promise<DnsFailure | undefined> {
    this.options.beat();
    this.options.metrics.updates++;
    try {
      await this.options.dns.update(
        this.options.server(),
        messageFor(batch, this.options.mirror.soa),
        this.options.key,
      );
      this.options.log.info("updated", { zone: this.options.zone, names: batch.names.length });
      return undefined;
    } catch (error) {
      if (error instanceof DnsError && ofMessage.has(error.failure.kind)) return error.failure;
      throw error;
    }
  }

  /** A server may take a message and leave single changes out (RFC 2136 section 3.4.2.2). */
  #untaken({ name, plan, entries }: Decision): Refusal | undefined {
    if (plan.changes.length === 0) return undefined;
    const left = this.#plan(name, entries).changes;
    if (left.length === 0) return undefined;
    return { reason: updateRefused, message: "the server took the update, but does not have its records" };
  }

  /** Reports where each object of a name stands. Returns whether that is all. */
  async #conclude({ entries, plan }: Decision, problem: Refusal | undefined): Promise<boolean> {
    const { writer, spreading, store, beat } = this.options;
    let isDone = problem === undefined;
    beat();
    for (const decided of entries) {
      const { entry, generation } = decided;
      const verdict = plan.verdicts.get(entry.uid);
      if (verdict === undefined) continue;
      if (problem !== undefined) {
        const isHeld = problem.reason === changeHeld;
        const isTold = isHeld
          ? verdict.kind !== "conflict" && !says(entry, generation, changeHeld)
          : verdict.kind === "serve";
        if (isTold) await writer.report(entry, { generation, progress: { kind: "failed", ...problem } });
      } else if (verdict.kind === "leave") {
        spreading.forget(entry.uid);
        isDone = (await writer.release(entry)) && isDone;
        if (entry.isGhost) store.drop(entry);
      } else if (verdict.kind === "conflict") {
        spreading.forget(entry.uid);
        entry.applied = undefined;
        isDone = (await writer.report(entry, { generation, progress: verdict })) && isDone;
      } else {
        isDone = (await this.#served(decided, verdict.note)) && isDone;
      }
    }
    return isDone;
  }

  async #served({ entry, generation, reading }: Decided, note?: string): Promise<boolean> {
    const { writer, spreading, mirror, now } = this.options;
    if (reading.kind === "refused") {
      // It may be on its way to the sites still, which would say in the end that it is served as it is written.
      spreading.forget(entry.uid);
      const { reason = "InvalidSpec", problems } = reading;
      const progress = { kind: "refused" as const, reason, message: problems.join("; ") };
      return writer.report(entry, { generation, progress });
    }
    entry.applied = appliedOf(reading.set);
    const more = note === undefined ? {} : { note };
    spreading.expect({ entry, generation, serial: mirror.serial ?? 0, since: now(), ...more });
    return true;
  }
}

/** Whether a request ended with our turn: that says nothing of the server. */
function isAbortion(error: unknown): boolean {
  return error instanceof DnsError && error.failure.kind === "aborted";
}
