import { setTimeout as wait } from "node:timers/promises";

import type { Lab, LabSite } from "../../test/support/lab";
import { eventually } from "../../test/support/eventually";
import { benchZone } from "../baselines/text";

/** How often what happened while it lasted. */
export interface ChurnReport {
  /** Reloads that were asked for at the site, besides those of its agent. */
  readonly reloads: number;
  /** How often zones were added to the list, served by the site, removed again and gone from the site. */
  readonly rounds: number;
}

/** Zones that come and go together: few enough that no safety limit holds their removal. */
const together = 5;

/** Reloads a site's Knot all the time, while zones come into the list and leave it. `done` tells how much there was. */
export function churn(lab: Lab, site: LabSite): { end(): void; readonly done: Promise<ChurnReport> } {
  const state = { over: false };
  const done = Promise.all([reloading(site, state), comingAndGoing(lab, site, state)]);
  return {
    end: () => {
      state.over = true;
    },
    done: done.then(([reloads, rounds]) => ({ reloads, rounds })),
  };
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
