import { join } from "node:path";

import { type KnotPlace, startKnot } from "../harness/knot";
import { ensureTools } from "../harness/tools";
import { KnotFigures } from "../src/agents/sidecar/http/knot-figures";
import type { ZoneSeries } from "../src/knot/config/site-runtime";
import { KnotStatistics } from "../src/knot/control/knot-statistics";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";
import { cpuMs } from "./support/processes";
import { median, round } from "./support/statistics";

const options = {
  zones: wholeNumber(10_000, { most: 100_000 }),
  rounds: wholeNumber(10, { most: 1000 }),
};

/** What one fetch of Knot's figures costs. */
interface FetchCost {
  readonly series: number;
  readonly octets: number;
  readonly ms: number;
  /** Of the agent's work, and of Knot. */
  readonly agentCpuMs: number;
  readonly knotCpuMs: number;
}

/** What Knot's figures cost with series for no zone, and for all, at a server of copies. */
async function fetching({ zones, rounds }: Values<typeof options>): Promise<object> {
  await ensureTools(["knot"], log);
  const names = Array.from({ length: zones }, (_, i) => `zone-${i + 1}.example`);
  await using knot = await startKnot({
    files: { zone: "$TTL 60\n@ SOA ns h 1 3600 60 86400 60\n@ NS ns\nns A 192.0.2.1\n" },
    readySeconds: 120,
    config: (place) => configOf(place, names),
  });
  const statistics = new KnotStatistics(join(knot.rundir, "knot.sock"));
  await allServed(statistics, zones);
  const measured: Record<string, FetchCost> = {};
  for (const which of ["off", "all"] as const) {
    let now = 0;
    const series: ZoneSeries = { zones: which, most: zones };
    const figures = new KnotFigures({
      knot: statistics,
      series: () => series,
      own: () => names,
      all: () => names,
      pidFile: join(knot.rundir, "knot.pid"),
      now: () => now,
    });
    // Each fetch is a minute after the one before: none is answered by what was asked before.
    const fetch = (): Promise<string> => {
      now += 60_000;
      return figures.render();
    };
    measured[which] = await costOf(fetch, { rounds, knot: knot.pid });
    log(`${which}: ${JSON.stringify(measured[which])}`);
  }
  return { zones, ...measured };
}

async function costOf(
  fetch: () => Promise<string>,
  run: { readonly rounds: number; readonly knot: number },
): Promise<FetchCost> {
  let text = await fetch();
  const times: number[] = [];
  const before = { knot: cpuMs(run.knot), agent: process.cpuUsage() };
  for (let i = 0; i < run.rounds; i++) {
    const began = performance.now();
    text = await fetch();
    times.push(performance.now() - began);
  }
  const { user, system } = process.cpuUsage(before.agent);
  if (text === "") throw new Error("Knot did not answer in time");
  return {
    series: text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
    octets: Buffer.byteLength(text),
    ms: round(median(times)),
    agentCpuMs: round((user + system) / 1000 / run.rounds),
    knotCpuMs: round((cpuMs(run.knot) - before.knot) / run.rounds),
  };
}

/** A figure of a server that is still loading is none. */
async function allServed(statistics: KnotStatistics, zones: number): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    const served = (await statistics.zones(undefined, 60_000)).filter(({ serial }) => serial !== undefined).length;
    if (served === zones) return;
    if (Date.now() > end) throw new Error(`Knot serves ${served} of ${zones} zones`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Copies of a primary that is not there, loaded from one file. */
function configOf(place: KnotPlace, names: readonly string[]): string {
  return `
server:
  rundir: ${place.rundir}
  listen: 127.0.0.1@${place.port}
log:
  - target: stderr
    any: error
database:
  storage: ${join(place.storage, "db")}
mod-stats:
  - id: default
remote:
  - id: away
    address: 127.0.0.1@1
template:
  - id: default
    file: ${join(place.storage, "zone")}
    global-module: mod-stats/default
    zonefile-sync: -1
    journal-content: none
    master: away
    refresh-min-interval: 86400
zone:
${names.map((name) => `  - domain: ${name}.`).join("\n")}
`;
}

function log(line: string): void {
  console.error(line);
}

export const bench = defineBench(module, {
  about: `What one fetch of an agent's metrics costs it and Knot, with series for no zone and for all, at a server of copies.`,
  options,
  seconds: ({ zones, rounds }) => 10 + 0.002 * zones + 0.0001 * zones * rounds,
  smallest: ["--zones", "20", "--rounds", "1"],
  run: fetching,
});
