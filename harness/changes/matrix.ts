import { messageOf } from "../../src/base/errors";
import type { Effect } from "../../src/settings/effects";
import { type Asked, askWhile, lossless } from "../mesh/disruptions";
import { all, type Edit, type RefusedChange, type SettingChange } from "./change";
import { ChangedMesh, type Restless } from "./changed-mesh";
import { effectOnKnot, effectOnOperator } from "./pods";
import { singly, type Unit } from "./units";

/** What came of one change there and back. */
export interface Outcome {
  readonly name: string;
  readonly knot: Effect;
  readonly operator: Effect;
  readonly udp: Asked;
  readonly tcp: Asked;
  /** Whether a second `up`, after the change and after the way back, changed nothing. */
  readonly settled: boolean;
  /** Settings that were changed in the same `up`. */
  readonly together: number;
  /** What was not as it should be, a sentence each. */
  readonly problems: readonly string[];
}

/** What became of pods: Knot's and the operator's of the site, and Knot's of the other one. */
interface Effects {
  knot: Effect;
  operator: Effect;
  elsewhere: Effect;
}

const leave: Edit = (told) => told;

/** Changes what it is given on a running mesh, one unit after the other, and goes on when one fails. */
export class Matrix {
  #basis: Unit["basis"];

  constructor(
    private readonly changed: ChangedMesh,
    private readonly log: (line: string) => void,
  ) {}

  /** A unit that fails as a whole is run once more, each of its changes by itself. */
  async run(unit: Unit): Promise<readonly Outcome[]> {
    const names = unit.changes.map(({ name }) => name).join(", ");
    this.log(names);
    const outcomes = await this.measure(unit);
    const [first] = outcomes;
    if (first !== undefined)
      this.log(`  ${first.udp.lost} of ${first.udp.tried} and ${first.tcp.lost} of ${first.tcp.tried} lost`);
    for (const problem of first?.problems ?? []) this.log(`  ${problem}`);
    if (unit.changes.length === 1 || first?.problems.length === 0) return outcomes;
    const apart = [];
    for (const one of singly(unit)) apart.push(...(await this.run(one)));
    return apart;
  }

  /** Settings that are refused: `up` says so and nothing changes. */
  async refused({ name, basis, to, says }: RefusedChange): Promise<readonly string[]> {
    this.log(`${name} (refused)`);
    await this.#enter(basis);
    const start = basis?.into ?? leave;
    const said = await this.changed.refuse(all(start, to));
    const again = await this.changed.again(this.changed.now);
    return [...(says.test(said) ? [] : [`${name}: up says ${said || "nothing"}`]), ...again.map(restless)];
  }

  /** Takes the mesh to what changes start from. */
  async #enter(basis: Unit["basis"]): Promise<void> {
    if (basis === this.#basis) return;
    for (const step of [...(this.#basis?.out ?? []), leave, ...(basis ? [basis.into] : [])])
      await this.changed.change(step).catch((error: unknown) => {
        this.log(`  between two changes: ${messageOf(error)}`);
      });
    this.#basis = basis;
  }

  /** Changes all of a unit in one, and takes it back, under questions. */
  async measure({ changes, basis }: Unit): Promise<readonly Outcome[]> {
    await this.#enter(basis);
    const start = basis?.into ?? leave;
    const problems: string[] = [];
    const effects: Effects = { knot: "run on", operator: "run on", elsewhere: "run on" };
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
      await work().catch((error: unknown) => problems.push(`${what}: ${messageOf(error)}`));
    };
    const go = async (edit: Edit): Promise<void> => {
      const from = this.changed.now;
      await this.changed.change(edit);
      problems.push(...(await this.changed.again(from)).map(restless));
    };
    const work = async (): Promise<void> => {
      const before = await this.changed.pods();
      await attempt("up", () => go(all(start, ...changes.map(({ to }) => to))));
      const there = await this.changed.pods();
      effects.knot = effectOnKnot(before.here.knot, there.here.knot);
      effects.operator = effectOnOperator(before.here.operator, there.here.operator);
      effects.elsewhere = effectOnKnot(before.elsewhere.knot, there.elsewhere.knot);
      problems.push(...unexpected(changes, effects));
      for (const { back = [] } of changes)
        for (const step of back) await attempt("up on the way back", () => this.changed.change(all(start, step)));
      if (changes.some(({ oneWay }) => oneWay !== undefined)) problems.push(...(await this.#noWayBack(changes)));
      else await attempt("up on the way back", () => go(start));
    };
    const { udp, tcp } = await askWhile(this.changed.mesh, { ways: lossless, site: this.changed.site, work });
    for (const [way, { lost }] of Object.entries({ udp, tcp })) if (lost > 0) problems.push(`${way}: ${lost} lost`);
    const settled = !problems.some((problem) => problem.startsWith("second up"));
    return changes.map(({ name }) => {
      return { name, ...effects, udp, tcp, settled, together: changes.length, problems };
    });
  }

  async #noWayBack(changes: readonly SettingChange[]): Promise<readonly string[]> {
    const problems = [];
    for (const { name, oneWay } of changes) {
      const said = await this.changed.refuse(leave);
      if (oneWay?.test(said) === false) problems.push(`${name}: up on the way back says ${said || "nothing"}`);
    }
    return problems;
  }
}

function restless({ stack, changes }: Restless): string {
  return `second up of ${stack}: ${JSON.stringify(changes)}`;
}

/** What pods did that they should not have. Those of another site are touched by what the whole mesh is told, at most. */
function unexpected([change]: readonly SettingChange[], effects: Effects): readonly string[] {
  if (change === undefined) return [];
  const own = (["knot", "operator"] as const)
    .filter((kind) => effects[kind] !== change[kind])
    .map((kind) => `${kind}: ${effects[kind]} instead of ${change[kind]}`);
  const isFree = effects.elsewhere === "run on" || (change.knot === "restart" && change.isMeshWide === true);
  return isFree ? own : [...own, "knot elsewhere: restart instead of run on"];
}
