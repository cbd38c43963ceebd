import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { questions } from "../harness/load/dnsperf";
import { ensureTools } from "../harness/tools";
import { Lab, type LabSite } from "../lab";
import { table } from "../src/base/table";
import { startBareKnot, workersOf } from "./baselines/bare-knot";
import { benchZone, benchZones } from "./baselines/text";
import { defineBench } from "./support/bench";
import { askDuringChurn } from "./support/churn";
import { type Values, wholeNumber } from "./support/options";
import { compareServers, type Contestant, type Round } from "./support/rounds";
import { median, round } from "./support/statistics";

const options = {
  sites: wholeNumber(5, { least: 2, most: 26 }),
  zones: wholeNumber(200, { least: 5, most: 10_000 }),
  rounds: wholeNumber(16, { least: 2, most: 1000 }),
  seconds: wholeNumber(2, { most: 600 }),
  churn: wholeNumber(20, { least: 5, most: 3600 }),
  rate: wholeNumber(2000, { most: 100_000 }),
};

/** Names below each zone that are asked for. */
const hosts = 20;

function log(line: string): void {
  console.error(line);
}

/** A mesh whose sites own the zones in turn. */
async function startMesh(sites: number, zones: readonly string[]): Promise<Lab> {
  const lab = await Lab.create(sites);
  try {
    for (const [i, name] of zones.entries())
      lab.list[i % sites]?.zones.push({ name, zoneFile: benchZone(name, hosts) });
    await lab.upAll();
    await lab.up();
    await lab.converged(180);
    return lab;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}

/** Queries a second of a mesh site against a bare Knot with the same zones, in turns. */
async function throughput(
  site: LabSite,
  zones: readonly string[],
  values: Values<typeof options> & { folder: string },
) {
  const workers = workersOf(await readFile(site.path("etc", "knot.conf"), "utf8"));
  const texts = Object.fromEntries(zones.map((zone) => [zone, benchZone(zone, hosts)]));
  await using bare = await startBareKnot({ workers, zones: texts });
  const file = join(values.folder, "questions");
  await writeFile(file, questions({ zones, hosts, absent: true }));
  const contestants: Contestant[] = [
    { name: "mesh site", server: site.server, pid: site.pids.knot ?? 0 },
    { name: "bare Knot", server: bare.server, pid: bare.pid },
  ];
  log(`${values.rounds} rounds of ${values.seconds} s for each of both`);
  const rounds = await compareServers(contestants, { questions: file, rounds: values.rounds, seconds: values.seconds });
  const of = (name: string, figure: (each: Round) => number): number =>
    median((rounds.get(name) ?? []).map((each) => figure(each)));
  const both = contestants.map(({ name }) => ({
    name,
    perSecond: of(name, (each) => each.perSecond),
    cpuMicros: of(name, (each) => each.cpuMicros),
    busy: of(name, (each) => each.busy),
  }));
  console.log(
    table([
      ["server", "queries/s", "CPU µs/query", "cores busy"],
      ...both.map(({ name, perSecond, cpuMicros, busy }) => [
        name,
        ...[round(perSecond, 0), round(cpuMicros, 2), round(busy, 2)].map(String),
      ]),
    ]),
  );
  const [mesh, plain] = both;
  if (mesh === undefined || plain === undefined) throw new Error("nothing was measured");
  return {
    qpsRatio: round(mesh.perSecond / plain.perSecond, 3),
    cpuPerQueryRatio: round(mesh.cpuMicros / plain.cpuMicros, 3),
    qps: round(mesh.perSecond, 0),
    bareQps: round(plain.perSecond, 0),
    cpuMicros: round(mesh.cpuMicros, 2),
    bareCpuMicros: round(plain.cpuMicros, 2),
  };
}

/** What serving costs in a mesh, and whether reloads and changes of the catalog cost answers. */
async function serving(values: Values<typeof options>): Promise<object> {
  await ensureTools(["knot"], log);
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "mesh-serve-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const zones = benchZones(values.zones);
  log(`starting a mesh of ${values.sites} sites and ${values.zones} zones`);
  const lab = cleanup.use(await startMesh(values.sites, zones));
  const site = lab.site(lab.list.at(-1)?.name ?? "");
  const figures = await throughput(site, zones, { ...values, folder });
  const file = join(folder, "staying");
  await writeFile(file, questions({ zones, hosts, absent: false }));
  log(`${values.churn} s of ${values.rate} queries/s during reloads and churn`);
  const counts = await askDuringChurn({
    lab,
    site,
    load: { questions: file, seconds: values.churn, rate: values.rate },
  });
  const { lost: lostDuringReloads, asked, reloads, churnRounds } = counts;
  console.log(
    `${asked} queries during ${reloads} reloads, ${churnRounds} rounds of zones that came and went: ${lostDuringReloads} lost`,
  );
  const { qpsRatio, ...more } = figures;
  return { qpsRatio, lostDuringReloads, ...more, asked, reloads, churnRounds };
}

export const bench = defineBench(module, {
  about: `What a query costs at a mesh site's Knot, and at a bare one with the same zones and workers, in turns; then what is lost of a
steady load during reloads and changes of the catalog.`,
  options,
  seconds: ({ zones, rounds, seconds, churn }) => 30 + 0.05 * zones + 2 * rounds * (seconds + 0.5) + churn,
  smallest: ["--sites", "2", "--zones", "5", "--rounds", "2", "--seconds", "1", "--churn", "5", "--rate", "100"],
  run: serving,
});
