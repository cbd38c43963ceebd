import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../harness/eventually";
import type { HttpTarget } from "../harness/pools/targets";
import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { Asker } from "./support/asker";
import { defineBench } from "./support/bench";
import { type LoadFigures, measureMany } from "./support/many-pools";
import { type Values, wholeNumber } from "./support/options";
import { PoolMesh } from "./support/pool-mesh";
import { measureQuiet, type QuietFigures } from "./support/quiet-pools";
import { scriptSeconds, startScript } from "./support/script-rival";
import { percentile, round } from "./support/statistics";
import { turnFigures } from "./support/turns";

const options = {
  tries: wholeNumber(10, { least: 0, most: 1000 }),
  "script-tries": wholeNumber(5, { least: 0, most: 1000 }),
  pools: wholeNumber(0, { least: 0, most: 5000 }),
  "quiet-minutes": wholeNumber(0, { least: 0, most: 1440 }),
};

/** Seconds after which a site that did not turn is given up. */
const limitSeconds = 60;
/** For so long answers are watched once every site has turned: one that turns back is wrong. */
const afterMs = 1000;
/** Milliseconds before each answer of a slow target; probes wait for one second. */
const slowMs = 3000;

/** How a target fails, and how it is well again. */
interface Fault {
  readonly kind: "killed" | "blackholed" | "slow" | "half-cut";
  /** Whether who looks from the owner's network alone sees it. */
  readonly isSeenByOwner: boolean;
  readonly begin: (mesh: PoolMesh, target: HttpTarget) => Promise<unknown>;
  readonly end: (mesh: PoolMesh, target: HttpTarget) => Promise<unknown>;
}

/** Of three sites the two that do not decide: the majority that it takes is seen by others alone. */
const cutOff = (mesh: PoolMesh): readonly string[] =>
  mesh.sites.map(({ name }) => name).filter((name) => name !== mesh.owner);

function answerAfter(target: HttpTarget, ms: number): Promise<void> {
  target.delayMs = ms;
  return Promise.resolve();
}

const faults: readonly Fault[] = [
  { kind: "killed", isSeenByOwner: true, begin: (_, target) => target.stop(), end: (_, target) => target.start() },
  {
    kind: "blackholed",
    isSeenByOwner: true,
    begin: (mesh, target) => mesh.blackhole(target),
    end: (mesh, target) => mesh.unblackhole(target),
  },
  {
    kind: "slow",
    isSeenByOwner: true,
    begin: (_, target) => answerAfter(target, slowMs),
    end: (_, target) => answerAfter(target, 0),
  },
  {
    kind: "half-cut",
    isSeenByOwner: false,
    begin: (mesh, target) => Promise.all(cutOff(mesh).map((site) => mesh.apart(site, target, true))),
    end: (mesh, target) => Promise.all(cutOff(mesh).map((site) => mesh.apart(site, target, false))),
  },
];

/** What one try came to, in milliseconds. */
interface Try {
  /** Until the last site answered right. */
  readonly turnedMs: number;
  /** From the target's being well again until every site answered it again. */
  readonly backMs: number;
  readonly asked: number;
  readonly stale: number;
  readonly wrong: number;
  readonly empty: number;
  readonly lost: number;
  /** The same name kept by a script, in the same fault. */
  readonly script?: Omit<Try, "script">;
}

/** How a try goes. */
interface TryOptions {
  readonly name: string;
  /** Whether a script keeps a name of its own beside the pool. */
  readonly withScript: boolean;
}

/** A name that is asked for at every site while its target fails. */
interface Followed {
  readonly asker: Asker;
  /** Waits until every site answers an address. */
  readonly agrees: (address: string) => Promise<void>;
}

async function follow(mesh: PoolMesh, name: string): Promise<Followed & AsyncDisposable> {
  const asker = await Asker.begin(mesh.sites, `${name}.${mesh.zone}`);
  const agrees = (address: string): Promise<void> =>
    eventually(
      limitSeconds,
      () => {
        if (!asker.agrees(address)) throw new Error(`not every site answers ${address} for ${name}`);
      },
      5,
    );
  return { asker, agrees, [Symbol.asyncDispose]: () => asker[Symbol.asyncDispose]() };
}

/** What was heard of a name from the fault to the target's return, and from there on. */
function triedOf(
  { asker }: Followed,
  { first, second, since, wellAt }: Readonly<Record<"first" | "second", string> & Record<"since" | "wellAt", number>>,
): Try {
  const until = asker.heard.filter(({ at }) => at < wellAt);
  const turn = turnFigures(until, { before: first, after: second, since });
  const back = turnFigures(asker.heard, { before: second, after: first, since: wellAt });
  return {
    turnedMs: Math.max(...turn.turnedMs.values()),
    backMs: Math.max(...back.turnedMs.values()),
    asked: turn.asked + back.asked,
    stale: turn.stale,
    wrong: turn.wrong + back.wrong,
    empty: turn.empty + back.empty,
    lost: asker.lost,
  };
}

/** Lets a target fail under a pool of its own, since one that fails again and again is held back. */
async function attempt(mesh: PoolMesh, { begin, end }: Fault, { name, withScript }: TryOptions): Promise<Try> {
  const [first, second] = mesh.targets;
  if (first === undefined || second === undefined) throw new Error("a pool needs two targets");
  const check = { type: "HTTP" as const, port: first.port };
  await mesh.make(name, {
    ttl: 5,
    check,
    targets: [
      { value: first.address, priority: 0 },
      { value: second.address, priority: 1 },
    ],
  });
  await eventually(limitSeconds, async () => {
    const targets = (await mesh.statuses()).get(name)?.targets ?? [];
    const all = targets.length === 2 && targets.every(({ up = [] }) => up.length === mesh.sites.length);
    if (!all) throw new Error(`not every site sees the targets of ${name}: ${JSON.stringify(targets)}`);
  });
  await using beside = new AsyncDisposableStack();
  const followed = [beside.use(await follow(mesh, name))];
  if (withScript) {
    const scripted = `script-${name}`;
    const targets = mesh.targets.map(({ address }) => address);
    beside.use(await startScript(mesh, { name: scripted, targets, port: first.port }));
    followed.push(beside.use(await follow(mesh, scripted)));
  }
  const agree = (address: string): Promise<unknown> => Promise.all(followed.map(({ agrees }) => agrees(address)));
  await agree(first.address);
  // Probes are made by the clock: a fault comes at any time between two of them.
  await delay(1000 * (withScript ? scriptSeconds : 1) * Math.random());
  const since = performance.now();
  await begin(mesh, first);
  try {
    await agree(second.address);
    await delay(afterMs);
  } finally {
    await end(mesh, first);
  }
  const wellAt = performance.now();
  await agree(first.address);
  const times = { first: first.address, second: second.address, since, wellAt };
  const [tried, script] = followed.map((each) => triedOf(each, times));
  await mesh.remove(name);
  if (tried === undefined) throw new Error(`nobody asked for ${name}`);
  return { ...tried, ...(script && { script }) };
}

/** Figures of one kind of fault. */
interface EventFigures extends Pick<Try, "asked" | "stale" | "wrong" | "empty" | "lost"> {
  readonly kind: string;
  readonly tries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly backP50Ms: number;
  /** Of a script that fetches a page each ten seconds from the owner's network; missing where that sees nothing. */
  readonly script?: EventFigures;
}

function figuresOf(kind: string, tries: readonly Try[]): EventFigures {
  const scripted = tries.flatMap(({ script }) => script ?? []);
  const turned = tries.map(({ turnedMs }) => turnedMs);
  const sum = (of: "asked" | "stale" | "wrong" | "empty" | "lost"): number =>
    tries.reduce((all, each) => all + each[of], 0);
  const at = (values: readonly number[], percent: number): number => round(percentile(values, percent), 0);
  return {
    kind,
    tries: tries.length,
    p50Ms: at(turned, 50),
    p99Ms: at(turned, 99),
    maxMs: at(turned, 100),
    backP50Ms: at(
      tries.map(({ backMs }) => backMs),
      50,
    ),
    asked: sum("asked"),
    stale: sum("stale"),
    wrong: sum("wrong"),
    empty: sum("empty"),
    lost: sum("lost"),
    ...(scripted.length > 0 && { script: figuresOf(kind, scripted) }),
  };
}

function log(line: string): void {
  console.error(line);
}

async function measureEvents(
  mesh: PoolMesh,
  { count, scriptCount }: { readonly count: number; readonly scriptCount: number },
): Promise<EventFigures[]> {
  const figures: EventFigures[] = [];
  for (const fault of count === 0 ? [] : faults) {
    const tries: Try[] = [];
    for (let i = 1; i <= count; i++) {
      const withScript = fault.isSeenByOwner && i <= scriptCount;
      const made = await attempt(mesh, fault, { name: `${fault.kind}-${i}`, withScript });
      const beside = made.script === undefined ? "" : `; the script ${round(made.script.turnedMs, 0)} ms`;
      log(`${fault.kind} ${i} of ${count}: ${round(made.turnedMs, 0)} ms, back ${round(made.backMs, 0)} ms${beside}`);
      tries.push(made);
    }
    figures.push(figuresOf(fault.kind, tries));
  }
  return figures;
}

function show(events: readonly EventFigures[], many: LoadFigures | undefined): void {
  const heads = [
    "a target is",
    "tries",
    "p50 ms",
    "p99 ms",
    "max ms",
    "back p50 ms",
    "answers",
    "stale",
    "wrong",
    "empty",
    "lost",
  ];
  const all = events.flatMap((each) => [
    each,
    ...(each.script === undefined ? [] : [{ ...each.script, kind: `${each.kind}, by a script` }]),
  ]);
  const rows = all.map((each) =>
    [
      each.kind,
      each.tries,
      each.p50Ms,
      each.p99Ms,
      each.maxMs,
      each.backP50Ms,
      each.asked,
      each.stale,
      each.wrong,
      each.empty,
      each.lost,
    ].map(String),
  );
  if (rows.length > 0) console.log(table([heads, ...rows]));
  if (many === undefined) return;
  const { pools, targets, readySeconds, probesPerSecond, sites } = many;
  console.log(`${pools} pools, ${targets} targets, all answered after ${readySeconds} s; at rest, for each site:`);
  const perSite = sites.map((each) =>
    [each.site, each.cpuPercent, each.peakMiB, probesPerSecond, each.packetsPerSecond, each.kibPerSecond].map(String),
  );
  console.log(table([["site", "operator CPU %", "MiB", "probes/s", "packets/s", "KiB/s"], ...perSite]));
}

/** Of each cost the site's that has it worst. */
function mostOf(sites: LoadFigures["sites"]): Omit<LoadFigures["sites"][number], "site"> {
  const most = (of: (each: LoadFigures["sites"][number]) => number): number => Math.max(...sites.map(of));
  return {
    cpuPercent: most(({ cpuPercent }) => cpuPercent),
    peakMiB: most(({ peakMiB }) => peakMiB),
    packetsPerSecond: most(({ packetsPerSecond }) => packetsPerSecond),
    kibPerSecond: most(({ kibPerSecond }) => kibPerSecond),
  };
}

function showQuiet(quiet: QuietFigures): void {
  const { minutes, pools, asked, changes, empty, written, lost, records, rollouts, joins } = quiet;
  console.log(
    `${minutes} minutes, ${pools} pools, ${records} records made and taken away, ${rollouts} rollouts, ${joins} joins: ` +
      `${asked} answers, ${changes} of them changed, ${empty} empty, ${written} records of pools changed; ${lost} lost`,
  );
}

/** How long answers take to follow a target's failure, and what many pools cost. */
async function failover({
  tries,
  pools,
  "script-tries": scriptTries,
  "quiet-minutes": quietMinutes,
}: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "kubernetes"], log);
  log("starting a mesh of three sites, three web servers, an API server and three operators");
  await using mesh = await PoolMesh.start({ sites: 3, targets: 3 });
  try {
    const quiet = quietMinutes === 0 ? undefined : await measureQuiet(mesh, quietMinutes, log);
    if (quiet !== undefined) {
      showQuiet(quiet);
      if (quiet.changes + quiet.empty + quiet.written > 0) process.exitCode = 1;
    }
    const events = await measureEvents(mesh, { count: tries, scriptCount: scriptTries });
    const many = pools === 0 ? undefined : await measureMany(mesh, pools, log);
    show(events, many);
    return {
      events,
      ...(many && { many: { ...many, most: mostOf(many.sites) } }),
      ...(quiet && { quiet }),
    };
  } catch (error) {
    for (const [site, operator] of mesh.operators) log(`${site}: ${operator.log().slice(-4000)}`);
    throw error;
  }
}

export const bench = defineBench(module, {
  about: `Seconds from a target's failure until every one of three sites answers the next one, with checks each second: web
servers that are killed, blackholed (packets are lost), slow (answer after the timeout), and cut off from two of the three sites
(half-cut). Every site is asked 50 times a second; "stale" are answers as before until a site has the right one, "wrong" those
that were neither, or fell back. --pools N measures what N pools with three targets each cost at rest. --quiet-minutes N does
for N minutes what is done in a mesh every day, without a fault of any target: records change, sites are rolled out, one joins. No
answer of a pool may change meanwhile; the command fails when one does. In the first --script-tries tries of each fault another name
leads to the same targets, which a shell script keeps as people write it: curl from the owner's network each ${scriptSeconds} s, and
nsupdate to the owner when it fails; of half-cut it sees nothing, and is not asked. Needs root.`,
  options,
  seconds: ({ tries, pools, "script-tries": scriptTries, "quiet-minutes": minutes }) =>
    60 +
    10 * tries * faults.length +
    20 * Math.min(tries, scriptTries) * faults.filter(({ isSeenByOwner }) => isSeenByOwner).length +
    (pools === 0 ? 0 : 75 + 0.12 * pools) +
    (minutes === 0 ? 0 : 15 + 60 * minutes),
  smallest: ["--tries", "1", "--script-tries", "1"],
  needsPrivateNetwork: true,
  run: failover,
});
