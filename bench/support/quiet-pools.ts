import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../harness/eventually";
import type { PoolSpec } from "../../src/pools/model";
import { Asker } from "./asker";
import type { PoolMesh } from "./pool-mesh";
import { type CalmFigures, calmFigures } from "./turns";

/** What pools answered during ordinary work, without a fault of any target. */
export interface QuietFigures extends CalmFigures {
  readonly minutes: number;
  readonly pools: number;
  /** What was done meanwhile. */
  readonly records: number;
  readonly rollouts: number;
  readonly joins: number;
  /** Changes of the DnsRecords of pools' answers. */
  readonly written: number;
  /** Questions that nobody answered: a site that rolls out answers none. */
  readonly lost: number;
}

/** Milliseconds between two questions for a pool to a site, between two changes of a record, and between rollouts. */
const [askMs, recordMs, rolloutMs] = [100, 1000, 15_000];

type Shape = Pick<PoolSpec, "strategy" | "minHealthy">;
const shapes: readonly Shape[] = [
  { strategy: "failover" },
  { strategy: "failover", minHealthy: 2 },
  { strategy: "all" },
  { strategy: "all", minHealthy: 3 },
];

/**
 * Makes pools of each kind, and does for so long what is done in a mesh every day: records are made and taken away, every site is
 * rolled out again and again, its operator with it, and a site joins. No target fails, so no answer may change.
 */
export async function measureQuiet(
  mesh: PoolMesh,
  minutes: number,
  log: (line: string) => void,
): Promise<QuietFigures> {
  const names = shapes.map((_, i) => `quiet-${i}`);
  for (const [i, shape] of shapes.entries())
    await mesh.make(`quiet-${i}`, {
      ttl: 5,
      ...shape,
      targets: mesh.targets.map(({ address, port }, priority) => ({
        value: address,
        priority,
        check: { type: "HTTP", port, path: `/${i}` },
      })),
    });
  await eventually(60, async () => {
    const statuses = await mesh.statuses();
    for (const name of names) {
      const { conditions = [], targets = [] } = statuses.get(name) ?? {};
      const isReady = conditions.some(({ type, status }) => type === "Ready" && status === "True");
      if (!isReady || targets.some(({ up = [] }) => up.length < mesh.sites.length))
        throw new Error(`${name} waits: ${JSON.stringify(statuses.get(name))}`);
    }
  });
  await using askers = new AsyncDisposableStack();
  const asking: Asker[] = [];
  const askAt = async (sites: PoolMesh["sites"]): Promise<void> => {
    for (const name of names) asking.push(askers.use(await Asker.begin(sites, `${name}.${mesh.zone}`, askMs)));
  };
  await askAt(mesh.sites);
  const before = await mesh.generations();
  const done = { records: 0, rollouts: 0, joins: 0 };
  const until = performance.now() + 60_000 * minutes;
  const isOver = (): boolean => performance.now() >= until;
  const change = async (): Promise<void> => {
    for (; !isOver(); done.records++) {
      const name = `daily-${done.records}`;
      await mesh.makeRecord(name, "192.0.2.1");
      await delay(recordMs);
      await mesh.removeRecord(name);
    }
  };
  const rollOut = async (): Promise<void> => {
    const sites = [...mesh.operators.keys()];
    for (; !isOver(); done.rollouts++) {
      const site = sites[done.rollouts % sites.length] ?? "";
      await mesh.rollOut(site);
      log(`${site} is rolled out`);
      if (done.joins === 0) {
        const name = await mesh.join();
        await askAt(mesh.sites.filter((each) => each.name === name));
        done.joins++;
        log(`${name} has joined`);
      }
      await delay(Math.min(rolloutMs, Math.max(0, until - performance.now())));
    }
  };
  await Promise.all([change(), rollOut()]);
  const calm = asking.map(({ heard }) =>
    calmFigures(heard, ({ site, before, after }) => {
      log(`${site} answered ${before}, then ${after}`);
    }),
  );
  const sum = (of: (each: CalmFigures) => number): number => calm.reduce((all, each) => all + of(each), 0);
  const after = await mesh.generations();
  const turned = names.filter((name) => after.get(name) !== before.get(name));
  for (const [site, operator] of turned.length === 0 ? [] : mesh.operators)
    for (const line of operator.log().split("\n"))
      if (/"(a pool's answer changed|a site is silent|a site tells what it sees)"/.test(line)) log(`${site}: ${line}`);
  return {
    minutes,
    pools: names.length,
    ...done,
    written: turned.length,
    lost: asking.reduce((all, { lost }) => all + lost, 0),
    asked: sum(({ asked }) => asked),
    changes: sum(({ changes }) => changes),
    empty: sum(({ empty }) => empty),
  };
}
