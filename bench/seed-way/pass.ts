import { join } from "node:path";

import { eventually } from "../../harness/eventually";
import { pythonOf } from "../../harness/tools/python";
import { run } from "../../harness/tools/run";
import { DnsClient } from "../../src/dns/client/dns-client";
import { cpuMs } from "../support/processes";
import { round } from "../support/statistics";
import { type SeedSite, startSeedSite } from "./mesh";

/** What a pass of the seed's way costs. */
export interface SeedPass {
  readonly wallMs: number;
  /** Of the reconciler and of the Knot that it runs beside. */
  readonly cpuMs: number;
  /** DNS queries of the reconciler, its transfer of the catalog left out. */
  readonly queries: number;
  /** The part of `wallMs` in which Knot is stopped, starts, and answers again. */
  readonly restartMs: number;
}

/** Both kinds of pass in a mesh of one size. */
export interface SeedWay {
  readonly sites: number;
  readonly zones: number;
  /** Another site has joined with its zones: Knot is restarted. */
  readonly oneChange: SeedPass;
  /** Nothing is new. */
  readonly noChange: SeedPass;
}

/** What `reconcile.py` prints. */
interface Reconciled {
  readonly changed: boolean;
  readonly queries: number;
  readonly remotes: number;
  readonly zones: number;
  readonly cpuMs: number;
}

/**
 * Measures the seed's way at a site in a mesh of so many others, against real servers. Left out, in its favour: the start
 * of a pod for the reconciler and of another for Knot, and the transfer of the new zones.
 *
 * @throws Error when a pass does not do what it should have.
 */
export async function measureSeedWay(size: { readonly sites: number; readonly zones: number }): Promise<SeedWay> {
  await using site = await startSeedSite(size);
  await quiet(site.knot.pid);
  const oneChange = await pass(site, 1);
  const client = new DnsClient();
  await eventually(120, async () => {
    for (const zone of site.missing) await client.querySoa(site.knot.server, zone);
  });
  await quiet(site.knot.pid);
  return { ...size, oneChange, noChange: await pass(site, 0) };
}

/** One pass, in which so many sites are new. */
async function pass(site: SeedSite, newSites: number): Promise<SeedPass> {
  const { knot } = site;
  const cpuBefore = cpuMs(knot.pid);
  const start = performance.now();
  const said = await reconcile(site);
  const expected = { changed: newSites > 0, remotes: newSites, zones: newSites * site.missing.length };
  const { changed, remotes, zones } = said;
  if (JSON.stringify({ changed, remotes, zones }) !== JSON.stringify(expected))
    throw new Error(`the seed's reconciler did otherwise than expected: ${JSON.stringify({ said, expected })}`);
  const decided = performance.now();
  let used = cpuMs(knot.pid) - cpuBefore;
  if (said.changed) {
    await knot.stop();
    await knot.start();
    await answers(site);
    used += cpuMs(knot.pid);
  }
  const end = performance.now();
  return {
    wallMs: round(end - start),
    cpuMs: round(used + said.cpuMs),
    queries: said.queries,
    restartMs: round(said.changed ? end - decided : 0),
  };
}

async function reconcile({ knot, key, directoryZone, catalogZone, remotePort }: SeedSite): Promise<Reconciled> {
  const { address, port, configFile: conf } = knot;
  const task = { address, port, conf, key, remotePort, directory: directoryZone, catalog: catalogZone };
  const input = `${JSON.stringify(task)}\n`;
  const output = await run(pythonOf("python"), [join(__dirname, "reconcile.py")], { input, timeoutMs: 300_000 });
  return JSON.parse(output) as Reconciled;
}

/** Central zones and some of those that were there before answer. */
async function answers({ knot, known, directoryZone, catalogZone }: SeedSite): Promise<void> {
  const client = new DnsClient();
  const some = [0, 0.5, 1].map((share) => known[Math.floor(share * (known.length - 1))] ?? "");
  for (const zone of [directoryZone, catalogZone, ...some]) await client.querySoa(knot.server, zone);
}

/** Waits until a process did next to nothing for a second: what follows a start is over. */
async function quiet(pid: number): Promise<void> {
  const looks = 5;
  const readings: number[] = [];
  await eventually(180, () => {
    readings.push(cpuMs(pid));
    const used = (readings.at(-1) ?? 0) - (readings.at(-1 - looks) ?? 0);
    // `eventually` looks every 200 ms.
    if (readings.length <= looks || used > 20) throw new Error(`Knot is busy: ${used} ms of the last second`);
  });
}
