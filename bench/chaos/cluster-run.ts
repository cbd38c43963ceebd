import { setTimeout as wait } from "node:timers/promises";

import { eventually } from "../../harness/eventually";
import { zoneNames } from "../../harness/mesh/running-mesh";
import { messageOf } from "../../src/base/errors";
import { inParallel } from "../../src/base/in-parallel";
import { beginClusterFault, type ClusterFault, hurtBy } from "./cluster-faults";
import type { ClusterMesh } from "./cluster-mesh";
import { History, type Question } from "./history";
import type { AnswerCounts } from "./observer";
import { Promises } from "./promises";
import type { Random } from "./random";
import { RecordChanger } from "./record-changer";
import { Violations } from "./report";

/** Within which the mesh must heal, and what was changed must be everywhere. */
const boundSeconds = 60;
/** Between two questions to a site; between rounds. */
const [everyMs, gapMs] = [100, 3000];
/** Names asked at a time when all are looked at. */
const width = 8;

/** What came of hurting a mesh in clusters. */
export interface ClusterOutcome {
  readonly rounds: readonly { readonly faults: readonly ClusterFault[]; readonly recoverMs: number | undefined }[];
  readonly answers: AnswerCounts;
  readonly changes: { readonly acknowledged: number; readonly lost: number };
  readonly violations: Violations["all"];
}

/** Hurts a mesh in clusters round by round, while DnsRecords change at every site and every pod is asked. */
export class ClusterRun {
  readonly #history: History;
  readonly #violations = new Violations();
  readonly #counts = { tried: 0, wrong: 0, lost: 0, withheld: 0 };
  readonly #hurt = new Set<string>();
  readonly #cut = new Set<string>();
  readonly #changers: readonly RecordChanger[];
  #lost = 0;
  #began = 0;

  constructor(
    private readonly target: ClusterMesh,
    private readonly random: Random,
    private readonly say: (line: string) => void,
  ) {
    const zones = target.mesh.sites.map((site) => [zoneNames(site)[0] ?? "", site.name] as const);
    this.#history = new History(new Map(zones));
    this.#changers = zones.map(([zone, site]) => this.#changerOf(zone, site));
  }

  async run(rounds: readonly (readonly ClusterFault[])[]): Promise<ClusterOutcome> {
    this.#began = performance.now();
    for (const changer of this.#changers) changer.start();
    await eventually(boundSeconds, () => {
      if (this.#history.zones.some((zone) => this.#history.names(zone).length === 0))
        throw new Error("no DnsRecord of some zone is programmed");
    });
    const timers = this.target.sites.map((site) => setInterval(() => void this.#observe(site), everyMs));
    const results: ClusterOutcome["rounds"][number][] = [];
    for (const faults of rounds) {
      results.push({ faults, recoverMs: await this.#round(faults) });
      await wait(gapMs);
    }
    await Promise.all(this.#changers.map((changer) => changer.stop(boundSeconds)));
    await this.#heal(true);
    for (const timer of timers) clearInterval(timer);
    await wait(2 * gapMs);
    const changes = { acknowledged: this.#history.acknowledged, lost: this.#lost };
    return { rounds: results, answers: { ...this.#counts }, changes, violations: this.#violations.all };
  }

  #changerOf(zone: string, site: string): RecordChanger {
    const history = this.#history;
    const promises = new Promises({
      history,
      pods: () => this.target.pods,
      ask: (pod, name) => this.target.askPod(pod, name),
      isBound: (pod) => !this.#hurt.has(pod) && (pod.startsWith(`${site}/`) || !this.#cut.has(site)),
      broken: (pod, detail) => {
        this.#violated("programmed", pod, detail);
      },
    });
    return new RecordChanger({
      api: this.target.api(site),
      history,
      zone,
      programmed: (each, but) => promises.check(each, but),
    });
  }

  /** Returns milliseconds from the end of the last fault until all was as it must be; undefined when that did not come. */
  async #round(faults: readonly ClusterFault[]): Promise<number | undefined> {
    this.say(faults.map(({ kind, site, pod, seconds }) => `${kind} ${site}/${pod}, ${seconds} s`).join(" and "));
    for (const fault of faults) for (const pod of hurtBy(fault)) this.#hurt.add(pod);
    for (const { kind, site } of faults) if (kind === "cut") this.#cut.add(site);
    const ends = await Promise.all(faults.map((fault) => this.#play(fault)));
    const healed = await this.#heal(false);
    this.#hurt.clear();
    this.#cut.clear();
    const ms = performance.now() - Math.max(...ends);
    this.say(healed ? `healed after ${Math.round(ms)} ms` : "not healed");
    return healed ? ms : undefined;
  }

  async #play(fault: ClusterFault): Promise<number> {
    const end = await beginClusterFault(this.target.mesh.cluster(fault.site), fault);
    await wait(fault.seconds * 1000);
    const ended = performance.now();
    await end();
    return ended;
  }

  /** Waits until each pod answers each zone alike, and each name what was acknowledged of it. */
  async #heal(isLast: boolean): Promise<boolean> {
    const wanted = this.#history.zones.flatMap((zone) =>
      [...this.#history.wanted(zone)].map(([name, number]) => ({ zone, name, number })),
    );
    let open = this.target.pods.flatMap((pod) => wanted.map((change) => ({ pod, change })));
    try {
      await eventually(boundSeconds, async () => {
        const still: typeof open = [];
        await inParallel(width, open, async (each) => {
          const answer = await this.target.askPod(each.pod, each.change.name);
          const record = answer?.answers.find(({ type }) => type === "TXT");
          const value = record?.type === "TXT" ? Number(record.strings[0]) : -1;
          if (value < each.change.number) still.push(each);
        });
        open = still;
        const [first] = open;
        if (first !== undefined) throw new Error(`${open.length} answers are missing, ${first.change.name} is one`);
        // While changes go on, serials differ for a moment at any time.
        if (isLast) await this.target.mesh.converged(1);
      });
      return true;
    } catch (error) {
      this.#violated("late", open[0]?.pod ?? "the mesh", messageOf(error));
      if (isLast) this.#lost = new Set(open.map(({ change }) => change.name)).size;
      return false;
    }
  }

  async #observe(site: string): Promise<void> {
    const { random } = this;
    const history = this.#history;
    const zone = random.pick(history.zones);
    const question: Question =
      random.next() < 0.3
        ? { zone, name: zone, type: "SOA" }
        : { zone, name: random.pick(history.names(zone)), type: "TXT" };
    const standards = new Map(this.target.podsOf(site).map((pod) => [pod, history.standard(pod, question)]));
    this.#counts.tried += 1;
    const answer = await this.target.ask(site, question.name, question.type);
    const standard = answer && standards.get(answer.pod);
    if (answer === undefined || standard === undefined) {
      this.#counts.lost += 1;
      return;
    }
    const wrong = history.judge(answer.pod, { question, standard, answer: answer.message });
    if (wrong === undefined) return;
    this.#counts.wrong += 1;
    this.#violated(wrong.rule, answer.pod, `${question.type} of ${question.name}: ${wrong.detail}`);
  }

  #violated(rule: Violations["all"][number]["rule"], site: string, detail: string): void {
    const at = (performance.now() - this.#began) / 1000;
    if (this.#violations.add({ rule, site, detail, at })) this.say(`VIOLATED: ${rule} at ${site}: ${detail}`);
  }
}
