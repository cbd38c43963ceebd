import { setTimeout as wait } from "node:timers/promises";

import type { Lab } from "../../lab";
import { catalogZone, directoryZone } from "../../lab/plan";
import { messageOf } from "../../src/base/errors";
import { inParallel } from "../../src/base/in-parallel";
import type { DnsClient } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import { type Change, type History, missingFrom, numbersIn } from "./history";

/** What a look at the mesh is made with. */
export interface Looking {
  readonly lab: Lab;
  readonly history: History;
  readonly dns: DnsClient;
  /** Key by which every site's zones may be transferred. */
  readonly key: TsigKey;
  /** Milliseconds since a time for which the machine kept the pod from running that had it worst. */
  readonly withheld: (since: number) => number;
  /** What must come about beside. */
  readonly more: () => readonly Omit<Aim, "lost" | "problem">[];
}

/** What came of waiting for a mesh to heal. */
export interface Healing {
  /** Whether everything was as it must be within the bound. */
  readonly isHealed: boolean;
  /** What was not, and at which site. */
  readonly open: readonly { readonly site: string; readonly detail: string }[];
  /** Acknowledged changes that their own zone's owner did not have in the end, by zone and name. */
  readonly lost: readonly Pick<Change, "zone" | "name">[];
}

/** One thing that must come about. */
export interface Aim {
  readonly site: string;
  readonly what: string;
  /** Throws as long as it is not so. */
  readonly look: () => Promise<void>;
  lost?: readonly Pick<Change, "zone" | "name">[];
  problem?: string;
}

const restMs = 100;
const width = 8;

/**
 * Waits until every pod's agent is ready, every pod has the central zones as the primary has them, and every pod's copy
 * of every other zone has all changes that were acknowledged before this was called. Each copy is taken by AXFR.
 */
export async function awaitHealing(looking: Looking, seconds: number): Promise<Healing> {
  const began = performance.now();
  let open = aimsOf(looking);
  for (;;) {
    await inParallel(width, open, tryAim);
    open = open.filter(({ problem }) => problem !== undefined);
    if (open.length === 0) return { isHealed: true, open: [], lost: [] };
    if (performance.now() > began + seconds * 1000 + looking.withheld(began)) break;
    await wait(restMs);
  }
  const details = open.map(({ site, what, problem }) => ({ site, detail: `${what}: ${problem ?? ""}` }));
  return { isHealed: false, open: details, lost: open.flatMap(({ lost }) => lost ?? []) };
}

async function tryAim(aim: Aim): Promise<void> {
  try {
    delete aim.lost;
    await aim.look();
    delete aim.problem;
  } catch (error) {
    aim.problem = messageOf(error);
  }
}

function aimsOf(looking: Looking): Aim[] {
  const { lab, history } = looking;
  const ofPods = [...lab.sites.values()].flatMap(({ podName }) => [
    readiness(looking, podName),
    ...[directoryZone, catalogZone].map((zone) => sameSerial(looking, podName, zone)),
    ...history.zones.map((zone) => wholeCopy(looking, { site: podName, zone })),
  ]);
  return [...ofPods, ...looking.more()];
}

function readiness({ lab }: Looking, site: string): Aim {
  const look = async (): Promise<void> => {
    const { status, text } = await lab.site(site).http("GET", "/ready");
    if (status !== 200) throw new Error(text.trim());
  };
  return { site, what: "agent", look };
}

function sameSerial({ lab, dns }: Looking, site: string, zone: string): Aim {
  const serialAt = async (name: string): Promise<number> => (await dns.querySoa(lab.site(name).server, zone)).serial;
  const look = async (): Promise<void> => {
    const [wanted, has] = await Promise.all([serialAt(lab.plan.primary), serialAt(site)]);
    if (wanted !== has) throw new Error(`serial ${has}, the primary has ${wanted}`);
  };
  return { site, what: zone, look };
}

function wholeCopy({ lab, history, dns, key }: Looking, { site, zone }: { site: string; zone: string }): Aim {
  const wanted = history.wanted(zone);
  const isOwner = lab.plan.owner(zone) === site;
  const aim: Aim = {
    site,
    what: zone,
    look: async () => {
      const copy = numbersIn(await dns.transfer(lab.site(site).server, zone, key));
      history.learn(site, zone, copy);
      const missing = missingFrom(copy, wanted);
      if (missing.length === 0) return;
      if (isOwner) aim.lost = missing.map((name) => ({ zone, name }));
      throw new Error(`${missing.length} of ${wanted.size} changes are missing, ${missing[0] ?? ""} is one`);
    },
  };
  return aim;
}
