import { setTimeout as delay } from "node:timers/promises";

import { allWork, everFired, work } from "../harness/monitoring/ordinary-work";
import { WatchedLab } from "../harness/monitoring/watched-lab";
import { ensureTools } from "../harness/tools";
import { Lab } from "../lab";
import { MeshVault } from "../lab/mesh-vault";
import { LabRotator } from "../lab/rotator";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";

const options = {
  sites: wholeNumber(3, { least: 3, most: 26 }),
  minutes: wholeNumber(60, { most: 24 * 60 }),
  /** Seconds between two pieces of work. */
  rest: wholeNumber(10, { least: 0, most: 600 }),
};

const settings = { every: 86_400, patience: 60, overlap: 1, margin: 2.5 };

function log(line: string): void {
  console.error(line);
}

/** Ordinary work on a mesh under a real Prometheus with the rules as they are: no alert may fire. */
async function quiet({ sites, minutes, rest }: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "vault", "prometheus"], log);
  await using vault = await MeshVault.start();
  await using lab = await Lab.create({ sites, vault });
  await lab.upAll();
  await lab.converged(60);
  const probed = lab.list.map(({ name }) => `${name}.example`);
  await using watched = await WatchedLab.start(lab, { timeFactor: 1, probed });
  const rotator = new LabRotator({ lab, vault, site: lab.plan.primary, settings });
  const end = Date.now() + minutes * 60_000;
  const done: Record<string, number> = {};
  for (let turn = 0; Date.now() < end; turn++) {
    const piece = allWork[turn % allWork.length] ?? "change";
    await work(piece, { lab, watched, rotator }, turn);
    done[piece] = (done[piece] ?? 0) + 1;
    await delay(rest * 1000);
  }
  const fired = await everFired(watched);
  for (const alert of fired) log(`fired: ${alert}`);
  console.log(`${minutes} minutes of ordinary work (${JSON.stringify(done)}): ${fired.length} alerts fired`);
  if (fired.length > 0) process.exitCode = 1;
  return { sites, minutes, work: done, fired };
}

export const bench = defineBench(module, {
  about: `Which alerts fire while a mesh with a Vault does ordinary work under a real Prometheus, at the rules' own pace: none may,
and it ends with 1 when one does.`,
  options,
  seconds: ({ minutes }) => 60 + 60 * minutes,
  smallest: ["--minutes", "1", "--rest", "1"],
  run: quiet,
});
