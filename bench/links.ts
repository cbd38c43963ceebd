import { setTimeout as delay } from "node:timers/promises";

import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { recordChangeTimes } from "./baselines/baseline";
import { defineBench } from "./support/bench";
import { replicatedMesh, startMesh } from "./support/mesh";
import { oneOf, type Values, wholeNumber, wholeNumbers } from "./support/options";
import { type Spread, spread } from "./support/statistics";
import { AnswerWatcher } from "./support/watch";

const options = {
  transport: oneOf("tls", "quic", "tcp"),
  replicas: wholeNumber(1, { most: 5 }),
  trips: wholeNumbers([0, 20, 80], { least: 0, most: 1000 }),
  loss: wholeNumbers([0, 1], { least: 0, most: 50 }),
  changes: wholeNumber(20, { most: 10_000 }),
};

/** The site whose records change; its link is the one that is slow. */
const owner = "site-b";
const restMs = 1000;

interface LinkTimes extends Spread {
  /** Milliseconds to the owner and back. */
  readonly tripMs: number;
  readonly lossPercent: number;
}

/** A change at a site behind a slow link, until the two others, which are near to who asks, answer it. */
async function measure({ transport, replicas, trips, loss, changes }: Values<typeof options>): Promise<LinkTimes[]> {
  console.error(`a mesh of 3 sites, ${replicas} pods each, transfers over ${transport}`);
  const storage = "/dev/shm";
  await using lab = await startMesh({ sites: 3, zones: 3, storage, transport, replicas, network: "namespaces" });
  const [zone = ""] = lab.zones().filter((each) => lab.plan.owner(each) === owner);
  const found: LinkTimes[] = [];
  for (const tripMs of trips)
    for (const lossPercent of loss) {
      await lab.network.shape(owner, { delayMs: tripMs / 2, lossPercent });
      await delay(4 * restMs);
      // Who asks the agent to announce stands behind the link as well; it notices a change by itself.
      const { servers, zones, ownerOf, replace, hints } = replicatedMesh(lab, [zone]);
      const target = { servers, zones, ownerOf, replace, ...(hints && { hints }) };
      await using watcher = await AnswerWatcher.open();
      const look = { watcher, restMs, countLate: true };
      // The first ones find no session to resume.
      await recordChangeTimes(target, { ...look, changes: 2 });
      found.push({ tripMs, lossPercent, ...spread(await recordChangeTimes(target, { ...look, changes })) });
    }
  return found;
}

async function measureLinks(values: Values<typeof options>): Promise<{ links: LinkTimes[] }> {
  await ensureTools(["knot"], console.error);
  const links = await measure(values);
  const heads = ["round trip ms", "lost %", "p50 ms", "p99 ms", "max ms"];
  const rows = links.map(({ tripMs, lossPercent, p50Ms, p99Ms, maxMs }) => [tripMs, lossPercent, p50Ms, p99Ms, maxMs]);
  console.log(table([heads, ...rows.map((row) => row.map(String))]));
  return { links };
}

export const bench = defineBench(module, {
  about: `How long a change takes from a site behind a slow link (--trips: milliseconds there and back, --loss: per
cent of packets) until two others answer it. Needs root.`,
  options,
  seconds: ({ trips, loss, changes }) => 30 + trips.length * loss.length * (5 + 1.5 * (changes + 2)),
  smallest: ["--trips", "20", "--loss", "1", "--changes", "2"],
  needsPrivateNetwork: true,
  run: measureLinks,
});
