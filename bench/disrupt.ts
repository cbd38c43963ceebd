import { createClusters } from "../harness/clusters";
import { askWhile, disruptions, lossless } from "../harness/mesh/disruptions";
import { readyPods } from "../harness/mesh/ready-pods";
import { listedSite, RunningMesh } from "../harness/mesh/running-mesh";
import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";

const options = {
  drain: wholeNumber(6, { least: 0, most: 600 }),
  /** For so long each event is asked during, at least: at 500 questions a second 15,000 each way. */
  seconds: wholeNumber(30, { most: 3600 }),
};

/** Questions without an answer while something happened to one of a site's pods. */
interface Event {
  readonly kind: string;
  readonly tried: number;
  readonly lost: number;
}

function log(line: string): void {
  console.error(line);
}

/** What a site of two pods loses of the questions at its address when pods go, come and are killed. */
async function disrupting({
  drain,
  seconds: leastSeconds,
}: Values<typeof options>): Promise<{ events: readonly Event[]; keptOpen: readonly Event[] }> {
  const site = "site-a";
  await ensureTools(["kubernetes", "pulumi", "provider", "knot"], log);
  await using clusters = await createClusters({ names: [site], log });
  const siteConfig = { "dns-mesh:rateLimit": false, "dns-mesh:drainSeconds": String(drain) };
  await using mesh = new RunningMesh({ clusters: clusters.clusters, siteConfig });
  await mesh.list(clusters.clusters.map(listedSite));
  await mesh.configureSite(clusters.get(site), { "dns-mesh:replicas": "2" });
  for (const stack of ["shared", site]) {
    log(`pulumi up -s ${stack}`);
    await mesh.up(stack);
  }
  await readyPods(clusters.get(site), 2);
  await mesh.converged(60);
  const events: Event[] = [];
  const keptOpen: Event[] = [];
  for (const { kind, work } of disruptions) {
    log(kind);
    const ways = [...lossless, "keptOpen"] as const;
    const asked = await askWhile(mesh, { site, work: () => work(mesh, site), leastSeconds, ways });
    for (const way of ["udp", "tcp"] as const) events.push({ kind: `${kind} (${way})`, ...asked[way] });
    keptOpen.push({ kind, ...asked.keptOpen });
    log(
      Object.entries(asked)
        .map(([way, { tried, lost }]) => `  ${way}: ${lost} of ${tried} lost`)
        .join("\n"),
    );
  }
  const rows = (all: readonly Event[]): string[][] => all.map(({ kind, tried, lost }) => [kind, `${tried}`, `${lost}`]);
  console.log(table([["event", "asked", "lost"], ...rows(events)]));
  console.log(table([["over TCP connections that are kept open", "asked", "lost"], ...rows(keptOpen)]));
  return { events, keptOpen };
}

export const bench = defineBench(module, {
  about: `What a site of two pods in a real cluster loses of 500 questions a second, asked from outside at its address over UDP and as
many over TCP, when pods go, come and are killed. --drain is the setting drainSeconds.`,
  options,
  seconds: ({ drain, seconds }) => 180 + disruptions.length * (15 + seconds + 2 * drain),
  smallest: ["--drain", "0", "--seconds", "2"],
  run: disrupting,
});
