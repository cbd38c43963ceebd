import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { measureSeedWay } from "./seed-way/pass";
import { startLargeMesh } from "./support/large-mesh";
import { runBench, type Values, wholeNumber, wholeNumbers } from "./support/options";
import { type Cost, measureChange, measureIdle } from "./support/pass-cost";
import { renderChart } from "./support/plot";
import { round } from "./support/statistics";
import { measureTraffic, type Traffic } from "./support/traffic";

const options = {
  /** Sites of meshes in which a pass is measured, each with ten times as many zones. */
  rows: wholeNumbers([10, 100, 1000], { least: 4, most: 3000 }),
  /** Sites of meshes that run whole, in both topologies. */
  traffic: wholeNumbers([10, 50, 100, 200], { least: 3, most: 250 }),
  /** Runs of 1 are drawn into docs/plots. */
  plot: wholeNumber(0, { least: 0, most: 1 }),
};

interface Row {
  readonly sites: number;
  readonly zones: number;
  readonly idle: Cost;
  readonly oneChange: Cost;
  readonly seedWayMs: number;
  /** Of the seed's way to ours: CPU time of a pass with one change. */
  readonly ratio: number;
}

function log(line: string): void {
  console.error(line);
}

async function measureRow(sites: number): Promise<Row> {
  const zones = 10 * sites;
  log(`a pass among ${sites} sites and ${zones} zones`);
  const ours = await (async () => {
    await using mesh = await startLargeMesh({ sites, zones });
    const idle = await measureIdle(mesh.site);
    const oneChange = await measureChange(mesh.site, idle, async () => {
      mesh.lab.list[0]?.zones.push("one-more.example");
      await mesh.lab.upSite(mesh.primary.name);
      await mesh.lab.up();
    });
    return { idle, oneChange };
  })();
  log(`the same the seed's way`);
  const seed = await measureSeedWay({ sites, zones });
  const seedWayMs = seed.oneChange.cpuMs;
  return { sites, zones, ...ours, seedWayMs, ratio: round(seedWayMs / ours.oneChange.cpuMs, 1) };
}

function draw(rows: readonly Row[], traffic: readonly Traffic[]): void {
  const folder = join(__dirname, "..", "docs", "plots");
  mkdirSync(folder, { recursive: true });
  const line = (label: string, y: (row: Row) => number) => ({
    label,
    points: rows.map((row) => ({ x: row.sites, y: y(row) })),
  });
  const passes = renderChart({
    title: "CPU of a pass, ten zones a site",
    x: { label: "sites", scale: "log" },
    y: { label: "ms", scale: "log" },
    series: [
      line("seed's way, change", (row) => row.seedWayMs),
      line("agent, one change", (row) => row.oneChange.cpuMs),
      line("agent, no change", (row) => row.idle.cpuMs),
    ],
  });
  writeFileSync(join(folder, "pass.svg"), passes);
  const of = (topology: Traffic["topology"], label: string, y: (row: Traffic) => number) => ({
    label,
    points: traffic.filter((row) => row.topology === topology).map((row) => ({ x: row.sites, y: y(row) })),
  });
  const messages = renderChart({
    title: "Messages of one change",
    x: { label: "sites" },
    y: { label: "messages" },
    series: [
      of("full", "full, all", (row) => row.messagesPerChange),
      of("hub", "hub, all", (row) => row.messagesPerChange),
      of("full", "full, to owner", (row) => row.ownersMessages),
      of("hub", "hub, to owner", (row) => row.ownersMessages),
    ],
  });
  writeFileSync(join(folder, "messages.svg"), messages);
}

/** Measures what the size of a mesh costs: a pass of the agent beside the seed's reconciler, and traffic by topology. */
async function scale(values: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "python"], log);
  const rows: Row[] = [];
  for (const sites of values.rows) rows.push(await measureRow(sites));
  console.log(
    table([
      ["sites", "zones", "idle CPU ms", "queries", "change CPU ms", "peak MiB", "seed's way CPU ms", "ratio"],
      ...rows.map((row) =>
        [
          ...[row.sites, row.zones, row.idle.cpuMs, row.idle.dnsQueries, row.oneChange.cpuMs, row.oneChange.peakMiB],
          ...[row.seedWayMs, row.ratio],
        ].map(String),
      ),
    ]),
  );
  const traffic: Traffic[] = [];
  for (const sites of values.traffic) {
    for (const topology of ["full", "hub"] as const) {
      log(`traffic of ${sites} sites, ${topology}`);
      traffic.push(await measureTraffic({ sites, zones: sites, topology }));
    }
  }
  console.log(
    table([
      ["sites", "topology", "packets/s at rest", "messages a change", "of them to the owner"],
      ...traffic.map((row) =>
        [row.sites, row.topology, row.packetsPerSecondAtRest, row.messagesPerChange, row.ownersMessages].map(String),
      ),
    ]),
  );
  if (values.plot === 1) draw(rows, traffic);
  return { rows, traffic };
}

void runBench(options, scale);
