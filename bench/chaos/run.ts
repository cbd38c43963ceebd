import { setTimeout as wait } from "node:timers/promises";

import type { Lab } from "../../lab";
import { catalogZone, directoryZone } from "../../lab/plan";
import { DnsClient } from "../../src/dns/client/dns-client";
import type { Message } from "../../src/dns/message";
import type { TsigKey } from "../../src/dns/tsig-key";
import { Changer } from "./changer";
import { type Fault, formatFaults, hitsLink, isHurt, siteOf } from "./fault";
import { awaitHealing, type Healing, type Looking } from "./healing";
import { type Change, type Due, History } from "./history";
import { beginFault } from "./injector";
import { KnownMesh } from "./known-mesh";
import { excuseLosses } from "./lost-volume";
import { MachineWatch } from "./machine";
import { type AnswerCounts, Observer } from "./observer";
import { type Round, roundsOf } from "./plan";
import { Promises } from "./promises";
import { Random } from "./random";
import { RecordChanger } from "./record-changer";
import { type Outcome, type RoundResult, Violations } from "./report";
import { secretsOf } from "./secrets";
import type { Surroundings } from "./surroundings";

/** Within which a mesh must heal when the last fault of a round has ended. */
export const boundSeconds = 20;
/** Without a fault between two rounds, at least. */
export const gapSeconds = 4;
/** Within which a change reaches a pod while neither it nor the zone's owner has a fault. */
export const staleSeconds = 5;
/** An answer that is older than the bound by more than this is wrong, and a start that takes as much longer, whatever the machine did. */
const mostWithheldMs = 30_000;

/** What {@link runChaos} does. */
export interface ChaosRequest {
  /** Whose sites all run. */
  readonly lab: Lab;
  readonly around: Surroundings;
  /** Keys by which the lab's zones may be transferred, and updated. */
  readonly keys: { readonly transfer: TsigKey; readonly update: TsigKey };
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly seconds: number;
  /** How many times as long the bounds are: a machine that does other work is no fault of the mesh. */
  readonly patience: number;
  readonly say: (line: string) => void;
  /** Called whenever a rule is broken. */
  readonly onBroken?: () => void;
}

/** Hurts a mesh by a plan while it is asked and changed all the time, and reports what was broken. */
export async function runChaos(request: ChaosRequest): Promise<Outcome> {
  return new Run(request).run();
}

class Run {
  readonly #history: History;
  readonly #looking: Looking;
  readonly #changer: Changer;
  /** By DnsRecords, where a site has a cluster. */
  readonly #records: RecordChanger | undefined;
  readonly #violations = new Violations();
  readonly #known: KnownMesh;
  readonly #machine: MachineWatch;
  readonly #lost = new Set<string>();
  /** Since when each pod has been without a fault, by `performance.now()`; Infinity while it has one. One that joins for a round has none. */
  readonly #linked = new Map<string, number>();
  /** Sites whose link has a fault, or had one in this round. */
  readonly #unlinked = new Set<string>();
  #excused = 0;
  #began = 0;

  constructor(private readonly request: ChaosRequest) {
    const { lab, keys, around } = request;
    const zones = lab.zones().filter((zone) => zone !== directoryZone && zone !== catalogZone);
    const owners = new Map(zones.map((zone) => [zone, lab.plan.owner(zone) ?? ""]));
    this.#history = new History(owners);
    const lost = (site: string, detail: string): void => {
      this.#violated({ rule: "forgotten", site, detail });
    };
    this.#known = new KnownMesh({ lab, lost });
    const dns = new DnsClient({ timeoutMs: 2000, transferMs: 5000 });
    this.#machine = new MachineWatch({
      pods: () => new Map([...lab.sites].map(([pod, { pids }]) => [pod, [pids.knot, pids.agent]])),
    });
    const withheld = (since: number): number =>
      Math.max(...[...lab.sites.keys()].map((pod) => this.#machine.withheld([pod], since)));
    const more = (): ReturnType<Surroundings["aims"]> => around.aims(lab, this.#records);
    this.#looking = { lab, history: this.#history, dns, key: keys.transfer, withheld, more };
    this.#changer = new Changer({ lab, history: this.#history, key: keys.update });
    this.#records = this.#recordChanger();
  }

  #recordChanger(): RecordChanger | undefined {
    const { lab, around } = this.request;
    const { cluster } = around;
    if (cluster === undefined) return undefined;
    const history = this.#history;
    const zone = history.zones.find((each) => lab.plan.owner(each) === cluster.site) ?? "";
    const isBound = (pod: string): boolean => {
      const isNear = siteOf(pod) === cluster.site;
      return (this.#linked.get(pod) ?? Infinity) !== Infinity && (isNear || !this.#unlinked.has(cluster.site));
    };
    const broken = (site: string, detail: string): void => {
      this.#violated({ rule: "programmed", site, detail });
    };
    const client = new DnsClient({ timeoutMs: 1400 });
    const ask = (pod: string, name: string): Promise<Message> => client.query(lab.site(pod).server, name, "TXT");
    const promises = new Promises({ history, pods: () => [...lab.sites.keys()], ask, isBound, broken });
    const programmed = (change: Change, but: string): Promise<void> => promises.check(change, but);
    return new RecordChanger({ api: cluster.plane.api, history, zone, programmed });
  }

  async run(): Promise<Outcome> {
    const { lab, seed, seconds, faults, say } = this.request;
    using watching = new DisposableStack();
    const machine = watching.use(this.#machine);
    machine.start();
    this.#began = performance.now();
    const start = await this.#prepare();
    if (!start.isHealed) return this.#withoutStart(start);
    using observer = new Observer({
      lab,
      history: this.#history,
      random: new Random(seed),
      due: (pod, zone) => this.#due(pod, zone),
      wrong: (site, { name, type }, { rule, detail }) => {
        this.#violated({ rule, site, detail: `${type} of ${name}: ${detail}` });
      },
    });
    this.#began = performance.now();
    using known = this.#known;
    for (const pod of lab.sites.keys()) this.#linked.set(pod, 0);
    await known.start();
    watching.use(
      this.request.around.watchPolicy(lab, (site, detail) => {
        this.#violated({ rule: "forgotten", site, detail });
      }),
    );
    observer.start();
    this.#changer.start();
    this.#records?.start();
    const rounds: RoundResult[] = [];
    for (const round of roundsOf(faults, gapSeconds)) rounds.push(await this.#round(round, observer));
    await this.#until(seconds);
    say("the changes end");
    await Promise.all([this.#changer.stop(), this.#records?.stop(this.#bound)]);
    this.#judge(await awaitHealing(this.#looking, this.#bound));
    await this.#searchLogs();
    await observer.stop();
    const changes = { acknowledged: this.#history.acknowledged, lost: this.#lost.size, excused: this.#excused };
    const minutes = Math.round(seconds / 6) / 10;
    const { counts: answers } = observer;
    return { seed, minutes, rounds, answers, changes, violations: this.#violations.all, waited: machine.share };
  }

  /** Every zone has its first changes, and every site has them. */
  async #prepare(): Promise<Healing> {
    await this.#changer.prepare();
    return awaitHealing(this.#looking, 3 * this.#bound);
  }

  /** A mesh that does not come up has broken a rule before anybody hurt it. */
  #withoutStart(start: Healing): Outcome {
    const { seed, say } = this.request;
    say("the mesh did not come up: it is not hurt");
    this.#judge(start);
    const changes = { acknowledged: this.#history.acknowledged, lost: this.#lost.size, excused: 0 };
    const answers = { tried: 0, wrong: 0, lost: 0, withheld: 0 };
    const { all: violations } = this.#violations;
    return { seed, minutes: 0, rounds: [], answers, changes, violations, waited: this.#machine.share };
  }

  async #round(round: Round, observer: Observer): Promise<RoundResult> {
    // A round that had to wait for the one before makes all that follow as much later.
    this.#began += 1000 * Math.max(0, this.#seconds - round.from);
    await this.#until(round.from);
    const [before, lostBefore] = [observer.counts, observer.lostAt];
    const hurt = new Set(
      [...this.request.lab.sites.keys()].filter((pod) => round.faults.some((fault) => isHurt(pod, fault))),
    );
    for (const pod of hurt) this.#linked.set(pod, Infinity);
    for (const { kind, site } of round.faults) if (hitsLink(kind)) this.#unlinked.add(site);
    const ends = await Promise.all(round.faults.map((fault) => this.#play(fault, hurt)));
    const healing = await awaitHealing(this.#looking, this.#bound);
    this.#judge(healing);
    const ms = performance.now() - Math.max(...ends);
    for (const pod of hurt) this.#linked.set(pod, performance.now());
    for (const pod of this.request.lab.sites.keys()) this.#history.settle(pod);
    this.#unlinked.clear();
    this.#say(healing.isHealed ? `healed after ${Math.round(ms)} ms` : "not healed");
    const answers = difference(observer.counts, before);
    await this.#searchLogs();
    const lostElsewhere = [...observer.lostAt]
      .filter(([site]) => !hurt.has(site))
      .reduce((sum, [site, lost]) => sum + lost - (lostBefore.get(site) ?? 0), 0);
    return { round, answers, lostElsewhere, recoverMs: healing.isHealed ? ms : undefined };
  }

  /** Returns when the fault's end began, by `performance.now()`. */
  async #play(fault: Fault, hurt: ReadonlySet<string>): Promise<number> {
    await this.#until(fault.from);
    this.#say(formatFaults([fault]).trim());
    if (fault.kind === "wipe") this.#known.suspend(fault.site);
    if (fault.kind === "expire") this.#expired(fault.site);
    for (const pod of setBackPods(fault, [...this.request.lab.sites.keys()]))
      this.#history.release(pod, [directoryZone, catalogZone]);
    const end = await beginFault(this.request.lab, this.request.around, fault);
    if (fault.kind === "wipe") await this.#lostVolume(fault.site, hurt);
    await this.#until(fault.to);
    const ended = performance.now();
    await end();
    this.#judgeStart(fault, ended);
    return ended;
  }

  /** A pod that has its volume must be able to start whatever else is away. */
  #judgeStart({ kind, site }: Fault, since: number): void {
    const ms = performance.now() - since;
    const withheld = Math.min(mostWithheldMs, this.#machine.withheld([site], since));
    if (kind !== "away" || ms < 1000 * this.#bound + withheld) return;
    this.#violated({ rule: "late", site, detail: `did not start within ${this.#bound} s` });
  }

  async #lostVolume(name: string, hurt: ReadonlySet<string>): Promise<void> {
    const { lab } = this.request;
    const undisturbed = [...lab.sites.values()].filter(({ podName }) => !hurt.has(podName));
    this.#known.forget(name);
    const excused = await excuseLosses(this.#looking, { pod: lab.site(name), undisturbed });
    this.#excused += excused;
    this.#say(`${excused} changes may be lost with the volume of ${name}`);
  }

  #expired(name: string): void {
    const { lab } = this.request;
    const expired = lab.zones().filter((zone) => lab.plan.owner(zone) !== name);
    for (const pod of lab.podNames(name)) this.#history.expire(pod, expired);
  }

  /** By when a change must have been acknowledged for a pod to have it now: never while it or the zone's owner has a fault. */
  #due(pod: string, zone: string): Due {
    const pods = [pod, this.request.lab.plan.owner(zone) ?? ""];
    const linked = Math.max(...pods.map((each) => this.#linked.get(each) ?? Infinity));
    const after = (time: number): number | undefined => (linked > time ? undefined : time);
    const since = performance.now() - 1000 * staleSeconds * this.request.patience;
    // What was withheld while it had longer counts too, once.
    const first = since - this.#machine.withheld(pods, since);
    const atLast = since - Math.min(mostWithheldMs, this.#machine.withheld(pods, first));
    return { since: after(since), atLast: after(atLast) };
  }

  #judge({ open, lost }: Healing): void {
    for (const each of open) this.#violated({ rule: "late", ...each });
    for (const { zone, name } of lost) {
      this.#lost.add(name);
      this.#violated({ rule: "lost", site: this.request.lab.plan.owner(zone) ?? "", detail: name });
    }
  }

  /** Each log keeps its end only, so that they are searched after each round. */
  async #searchLogs(): Promise<void> {
    const { lab, keys, around } = this.request;
    const secrets = await secretsOf(lab, [...Object.values(keys), ...around.keys], around.secrets);
    const logs = [...lab.sites.values()].map((site) => [site.podName, site.log()] as const);
    for (const [name, log] of [...logs, ...around.logs()])
      for (const { secret, form } of secrets.in(log))
        this.#violated({ rule: "secret", site: name, detail: `${secret} (${form})` });
  }

  #violated(violation: Omit<Parameters<Violations["add"]>[0], "at">): void {
    this.request.onBroken?.();
    const isNew = this.#violations.add({ ...violation, at: this.#seconds });
    if (isNew) this.#say(`VIOLATED: ${violation.rule} at ${violation.site}: ${violation.detail}`);
  }

  get #bound(): number {
    return boundSeconds * this.request.patience;
  }

  get #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  #say(line: string): void {
    this.request.say(`${this.#seconds.toFixed(1).padStart(6)} s  ${line}`);
  }

  async #until(seconds: number): Promise<void> {
    await wait(Math.max(0, (seconds - this.#seconds) * 1000));
  }
}

/**
 * Pods at which serials of central zones may go back by a fault: the primary's first, whose volume is set back; and all, where
 * one took zones of a replaced epoch, and takes those of the present one anew, whatever their serials (ADR 0030).
 */
function setBackPods({ kind, site }: Fault, pods: readonly string[]): readonly string[] {
  if (kind === "central-older") return [site];
  return kind === "central-former" ? pods : [];
}

function difference(now: AnswerCounts, before: AnswerCounts): AnswerCounts {
  const since = (what: keyof AnswerCounts): number => now[what] - before[what];
  return { tried: since("tried"), wrong: since("wrong"), lost: since("lost"), withheld: since("withheld") };
}
