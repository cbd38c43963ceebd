import { DnsError } from "../../dns/errors";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import { batchesOf, halvesOf, type UpdateBatch } from "../../records/updates";
import { planName, type NamePlan } from "../../records/plan";
import { appliedOf, type SpecReading } from "../../records/record-set";
import type { Logger } from "../../base/log";
import type { OperatorMetrics } from "./metrics";
import { isHere } from "../../records/lifecycle";
import { claimantOf, isLeaving, type Entry, type RecordStore } from "./record-store";
import type { Reporter } from "./reporter";
import { writeWidth, type Spreading } from "./spreading";
import type { ZoneMirror } from "./zone-mirror";

/** What a {@link ZoneWorker} works with. */
export interface ZoneWorkerOptions {
  readonly zone: string;
  readonly mirror: ZoneMirror;
  readonly store: RecordStore;
  readonly reporter: Reporter;
  readonly spreading: Pick<Spreading, "expect" | "forget">;
  readonly dns: Pick<DnsClient, "update">;
  readonly writer: DnsServer;
  readonly key: TsigKey;
  /** Tells the agent that the zone was changed. Never throws. */
  readonly announce: () => Promise<void>;
  /** Whether the zone takes no further objects. */
  readonly isRetired: () => boolean;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** An object in the version that was decided on; the entry may know a newer one by the time that is done. */
interface Decided {
  readonly entry: Entry;
  readonly generation: number;
  readonly reading: SpecReading;
}

/** What is to be done at a name. */
interface Decision {
  readonly name: string;
  readonly entries: readonly Decided[];
  readonly plan: NamePlan;
}

/** The RRset is not what was planned on: look again, plan again. */
const unmet = new Set(["YXRRSET", "NXRRSET", "YXDOMAIN", "NXDOMAIN"]);
/** When so many names in a row are refused, it is not the names. */
const mostCulprits = 20;
/** How often a plan that was overtaken is made anew before it waits for the next pass. */
const mostRounds = 3;

/** Brings one zone at the writer to what the objects say. */
export class ZoneWorker {
  constructor(private readonly o: ZoneWorkerOptions) {}

  /** Names that others changed at the writer since the last look, as far as objects are about them. @throws DnsError */
  async look(): Promise<readonly string[]> {
    const changed = await this.o.mirror.follow();
    return this.o.store.namesOf(this.o.zone, changed);
  }

  /** Does what is to be done at these names. Returns those that must be looked at again, later. Never throws. */
  async bring(names: Iterable<string>): Promise<readonly string[]> {
    const again = new Set<string>();
    let rest = [...names];
    for (let round = 0; rest.length > 0 && round < mostRounds; round++) {
      try {
        const drifted = await this.look();
        rest = await this.#round([...new Set([...rest, ...drifted])], again);
      } catch (error) {
        await this.#fail(rest, { reason: "WriterUnreachable", message: messageOf(error) });
        return [...again, ...rest];
      }
    }
    return [...again, ...rest];
  }

  /** Returns the names whose plan was overtaken. Those that wait for something else go to `again`. */
  async #round(names: readonly string[], again: Set<string>): Promise<string[]> {
    const decisions = names.map((name) => this.#decide(name));
    const ready: Decision[] = [];
    await inParallel(writeWidth, decisions, async (decision) => {
      if (await this.#prepare(decision)) ready.push(decision);
      else again.add(decision.name);
    });
    const refused = new Map<string, string>();
    const changing = ready.filter(({ plan }) => plan.changes.length > 0);
    const overtaken = await this.#send(changing, refused);
    if (changing.length > 0) {
      void this.o.announce();
      await this.o.mirror.follow();
    }
    const open: string[] = [...overtaken];
    await inParallel(writeWidth, ready, async (decision) => {
      const { name } = decision;
      if (overtaken.has(name)) return;
      const reason = refused.get(name) ?? this.#untaken(decision);
      const isDone = await this.#conclude(decision, reason).catch((error: unknown) => {
        this.o.log.warn("a status waits", { name, reason: messageOf(error) });
        return false;
      });
      if (!isDone) again.add(name);
    });
    return open;
  }

  #decide(name: string): Decision {
    const isRetired = this.o.isRetired();
    const entries = this.o.store
      .at(this.o.zone, name)
      .filter((entry) => !isRetired || isHere(entry) || isLeaving(entry))
      .map((entry) => ({ entry, generation: entry.object.metadata.generation ?? 0, reading: entry.reading }));
    const claimants = entries.map(({ entry }) => claimantOf(entry));
    return { name, entries, plan: planName({ name, claimants, served: this.o.mirror.at(name) }) };
  }

  /** Marks what is about to be served as ours. */
  async #prepare({ name, entries, plan }: Decision): Promise<boolean> {
    try {
      for (const { entry } of entries) {
        const verdict = plan.verdicts.get(entry.uid);
        if (verdict?.kind === "serve" && !(await this.o.reporter.claim(entry, verdict.content))) return false;
      }
      return true;
    } catch (error) {
      this.o.log.warn("an object cannot be marked", { name, reason: messageOf(error) });
      return false;
    }
  }

  /** Sends changes; a message that is refused is parted until the culprit is known. Returns the names that were overtaken. */
  async #send(decisions: readonly Decision[], refused: Map<string, string>): Promise<Set<string>> {
    const overtaken = new Set<string>();
    let wereTaken = false;
    const queue = [
      ...batchesOf(
        this.o.zone,
        decisions.map(({ plan }) => plan.changes),
      ),
    ];
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      const failure = await this.#update(batch);
      if (failure === undefined) {
        wereTaken = true;
        continue;
      }
      if (!wereTaken && refused.size >= mostCulprits) throw new DnsError(failure, `UPDATE of "${this.o.zone}"`);
      const halves = halvesOf(batch);
      queue.unshift(...halves);
      if (halves.length > 0) continue;
      const name = batch.names[0]?.[0]?.name ?? "";
      if (failure.kind === "rcode" && unmet.has(failure.rcode)) overtaken.add(name);
      else refused.set(name, new DnsError(failure).message);
    }
    return overtaken;
  }

  /** Returns what the server had against it. @throws DnsError when it is not the message that is wrong. */
  async #update({ update, names }: UpdateBatch): Promise<DnsError["failure"] | undefined> {
    this.o.metrics.updates++;
    try {
      await this.o.dns.update(this.o.writer, update, this.o.key);
      this.o.log.info("updated", { zone: update.zone, names: names.length });
      return undefined;
    } catch (error) {
      const failure = error instanceof DnsError ? error.failure : undefined;
      if (
        failure?.kind !== "rcode" &&
        failure?.kind !== "refused" &&
        failure?.kind !== "malformed" &&
        failure?.kind !== "tooLarge"
      )
        throw error;
      return failure;
    }
  }

  /** A server may take a message and leave single changes out (RFC 2136 section 3.4.2.2). */
  #untaken({ name, plan, entries }: Decision): string | undefined {
    if (plan.changes.length === 0) return undefined;
    const claimants = entries.map(({ entry }) => claimantOf(entry));
    const served = this.o.mirror.at(name);
    const left = planName({ name, claimants, served }).changes;
    return left.length === 0 ? undefined : "the server took the update, but does not have its records";
  }

  /** Tells each object of a name where it stands. Returns whether that is all. */
  async #conclude({ entries, plan }: Decision, problem: string | undefined): Promise<boolean> {
    const { zone, reporter, spreading } = this.o;
    let isDone = problem === undefined;
    for (const decided of entries) {
      const { entry, generation } = decided;
      const verdict = plan.verdicts.get(entry.uid);
      if (verdict === undefined) continue;
      if (problem !== undefined) {
        const progress = { kind: "failed" as const, reason: "UpdateRefused", message: problem };
        if (!isLeaving(entry) && verdict.kind === "serve") await reporter.report(entry, { generation, progress });
      } else if (verdict.kind === "leave") {
        spreading.forget(zone, entry.uid);
        isDone = (await reporter.release(entry)) && isDone;
        if (entry.isGhost) this.o.store.drop(entry);
      } else if (verdict.kind === "conflict") {
        spreading.forget(zone, entry.uid);
        await reporter.report(entry, { generation, progress: verdict, applied: null });
      } else {
        await this.#served(decided, verdict.note);
      }
    }
    return isDone;
  }

  async #served({ entry, generation, reading }: Decided, note?: string): Promise<void> {
    const { zone, reporter, spreading, mirror, now } = this.o;
    if (reading.kind === "refused") {
      const progress = { kind: "refused" as const, reason: "InvalidSpec", message: reading.problems.join("; ") };
      await reporter.report(entry, { generation, progress });
      return;
    }
    const applied = appliedOf(reading.set);
    const more = note === undefined ? {} : { note };
    spreading.expect(zone, { entry, generation, applied, serial: mirror.serial ?? 0, since: now(), ...more });
  }

  /** The server cannot be asked: objects that wait for it are told, those that stand already are not. */
  async #fail(names: readonly string[], o: { readonly reason: string; readonly message: string }): Promise<void> {
    this.o.log.warn("a zone cannot be changed", { zone: this.o.zone, reason: o.message });
    const entries = names.flatMap((name) => this.o.store.at(this.o.zone, name));
    const waiting = entries.filter((entry) => !isLeaving(entry) && !isSettled(entry));
    await inParallel(writeWidth, waiting, async (entry) => {
      const generation = entry.object.metadata.generation ?? 0;
      await this.o.reporter.report(entry, { generation, progress: { kind: "failed", ...o } });
    }).catch((error: unknown) => {
      this.o.log.warn("a status waits", { reason: messageOf(error) });
    });
  }
}

/** Whether an object's status says all that is to be said of this version. */
function isSettled({ object, status }: Entry): boolean {
  const programmed = status.conditions?.find(({ type }) => type === "Programmed");
  return status.observedGeneration === object.metadata.generation && programmed?.status === "True";
}
