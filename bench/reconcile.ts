import { ensureTools } from "../harness/tools";
import { Lab } from "../lab";
import { table } from "../src/base/table";
import { defineBench } from "./support/bench";
import { wholeNumber } from "./support/options";
import { type Cost, measureChange, measureIdle } from "./support/pass-cost";

/** Measures a pass of the agent at the last site of a mesh of real servers on loopback: with no change, and with one. */
async function reconciling({ sites, zones }: { sites: number; zones: number }): Promise<object> {
  await ensureTools(["knot"], (line) => {
    console.error(line);
  });
  await using lab = await Lab.create(sites);
  for (let i = lab.zones().length - 2; i < zones; i++) lab.list[i % sites]?.zones.push(`zone-${i}.example`);
  await lab.upAll();
  await lab.up();
  await lab.converged(120);
  const site = lab.site(lab.list.at(-1)?.name ?? "");
  const idle = await measureIdle(site);
  const oneChange = await measureChange(site, idle, async () => {
    lab.list.at(-1)?.zones.push("one-more.example");
    await lab.up();
  });
  const row = (name: string, cost: Cost): string[] => [
    name,
    ...[cost.dnsQueries, cost.apiReads, cost.apiWrites, cost.cpuMs, cost.peakMiB].map(String),
  ];
  console.log(`a pass of the agent, ${sites} sites, ${zones} zones`);
  console.log(
    table([
      ["pass", "DNS queries", "API reads", "API writes", "CPU ms", "peak MiB"],
      row("no change", idle),
      row("one change", oneChange),
    ]),
  );
  return { sites, zones, idle, oneChange };
}

export const bench = defineBench(module, {
  about: `What a pass of the agent costs at the last site of a mesh of real servers: with no change, and with one more zone.`,
  options: { sites: wholeNumber(3, { least: 2, most: 200 }), zones: wholeNumber(100, { most: 10_000 }) },
  seconds: ({ sites, zones }) => 40 + 0.6 * sites + 0.02 * zones,
  smallest: ["--sites", "2", "--zones", "2"],
  run: reconciling,
});
