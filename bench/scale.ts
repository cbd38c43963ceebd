import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { measureSeedWay } from "./seed-way/pass";
import { defineBench } from "./support/bench";
import { startLargeMesh } from "./support/large-mesh";
import { type Values, wholeNumbers } from "./support/options";
import { type Cost, measureChange, measureIdle } from "./support/pass-cost";
import { round } from "./support/statistics";
import { measureTraffic, type Traffic } from "./support/traffic";

const options = {
  /** Sites of meshes in which a pass is measured, each with ten times as many zones. */
  rows: wholeNumbers([10, 100, 1000], { least: 4, most: 3000, orNone: true }),
  /** Sites of meshes that run whole, in both topologies. */
  traffic: wholeNumbers([10, 50, 100, 200], { least: 3, most: 250, orNone: true }),
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
  return { rows, traffic };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

export const bench = defineBench(module, {
  about: `What the size of a mesh costs: a pass of the agent beside the seed's reconciler (--rows: sites, each with ten zones), and
traffic at rest and of a change by topology (--traffic: sites of meshes that run whole).`,
  options,
  seconds: ({ rows, traffic }) =>
    5 + sum(rows.map((sites) => 60 + 0.4 * sites)) + 2 * sum(traffic.map((sites) => 40 + sites)),
  smallest: ["--rows", "4", "--traffic", "3"],
  run: scale,
});
