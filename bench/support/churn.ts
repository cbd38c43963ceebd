import { setTimeout as wait } from "node:timers/promises";

import { eventually } from "../../harness/eventually";
import { dnsperf, type Load } from "../../harness/load/dnsperf";
import type { Lab, LabSite } from "../../lab";
import { benchZone } from "../baselines/text";

/** What came of questions for zones that stay, asked while others came and went. */
export interface ChurnReport {
  readonly asked: number;
  /** Questions without an answer, or with another than NOERROR. */
  readonly lost: number;
  /** Reloads that were asked for at the site, besides those of its agent. */
  readonly reloads: number;
  /** How often zones were added to the list, served by the site, removed again and gone from the site. */
  readonly churnRounds: number;
}

/** Most zones that come and go together. */
const mostTogether = 5;

/** Loads a site while its Knot reloads all the time, and zones come into the list and leave it. */
export async function askDuringChurn(parts: {
  readonly lab: Lab;
  readonly site: LabSite;
  readonly load: Omit<Load, "server">;
}): Promise<ChurnReport> {
  const { lab, site, load } = parts;
  const state = { over: false };
  const work = Promise.all([reloading(site, state), comingAndGoing(lab, site, state)]);
  const asking = dnsperf({ ...load, server: site.server }).finally(() => {
    state.over = true;
  });
  const [{ sent, codes }, [reloads, churnRounds]] = await Promise.all([asking, work]);
  return { asked: sent, lost: sent - (codes.get("NOERROR") ?? 0), reloads, churnRounds };
}

async function reloading(site: LabSite, state: { readonly over: boolean }): Promise<number> {
  let reloads = 0;
  for (; !state.over; reloads++) {
    await site.control.reload();
    await wait(50);
  }
  return reloads;
}

async function comingAndGoing(lab: Lab, site: LabSite, state: { readonly over: boolean }): Promise<number> {
  const owner = lab.list[0];
  if (owner === undefined) return 0;
  const kept = [...owner.zones];
  // So few that no safety limit holds their removal.
  const together = Math.min(mostTogether, Math.max(1, Math.floor(lab.zones().length / 4)));
  let rounds = 0;
  for (; !state.over; rounds++) {
    const names = Array.from({ length: together }, (_, i) => `passing-${rounds}-${i}.example`);
    owner.zones = [...kept, ...names.map((name) => ({ name, zoneFile: benchZone(name) }))];
    await lab.upSite(owner.name);
    await lab.up();
    await eventually(60, () => serves(site, names, true));
    owner.zones = kept;
    await lab.upSite(owner.name);
    await lab.up();
    await eventually(60, () => serves(site, names, false));
  }
  return rounds;
}

/** Throws as long as some of the zones are not as wanted. */
async function serves(site: LabSite, zones: readonly string[], wanted: boolean): Promise<void> {
  for (const zone of zones) {
    const answers = await site.soa(zone).then(
      () => true,
      () => false,
    );
    if (answers !== wanted) throw new Error(`${site.name} ${answers ? "still" : "does not yet"} serve ${zone}`);
  }
}
