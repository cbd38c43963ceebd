import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../harness/eventually";
import { messageOf, UserError } from "../src/base/errors";
import { inParallel } from "../src/base/in-parallel";
import { DnsClient } from "../src/dns/client/dns-client";
import { recordKey } from "../src/dns/rdata";
import type { LabSite } from "./site";

/** A record as Knot's transactions take it. `name` is absolute; `value` is RDATA in master-file format. */
export interface NewRecord {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

/** How a change went through the mesh. */
export interface RecordSpread {
  /** Milliseconds from the owner's commit until each pod of each site answered, by name. */
  readonly reached: ReadonlyMap<string, number>;
  /** Those that had not when the time was up. */
  readonly missing: readonly string[];
}

/** Questions that are under way at a time. */
const askWidth = 16;
const restMs = 5;

/** Replaces an RRset by one record, and has the owner's agent tell the others. Returns when the owner had it, by `performance.now()`. @throws UserError with Knot's words. */
export async function changeRecord(owner: LabSite, zone: string, record: NewRecord): Promise<number> {
  const { name, type, value } = record;
  try {
    await owner.control.zoneReplace(zone, { owner: name, ttl: 60, type, data: value });
    const began = performance.now();
    // An agent that is away is why Knot tells them too, a second later.
    await owner.http("POST", "/announce").catch(() => undefined);
    return began;
  } catch (error) {
    throw new UserError(`${owner.name} did not take the record: ${messageOf(error)}`);
  }
}

/** Asks sites until each answers what the owner answers. */
export async function watchSpread(change: {
  readonly sites: readonly LabSite[];
  readonly owner: LabSite;
  readonly question: { readonly name: string; readonly type: string };
  /** By `performance.now()`. */
  readonly began: number;
  readonly seconds: number;
}): Promise<RecordSpread> {
  const dns = new DnsClient({ timeoutMs: 1000 });
  const ask = async (site: LabSite): Promise<string> => {
    const { answers } = await dns.query(site.server, change.question.name, change.question.type);
    return answers.map(recordKey).sort().join("\n");
  };
  // The owner's own link may lose packets.
  const wanted = await eventually(change.seconds, () => ask(change.owner), restMs);
  const reached = new Map<string, number>();
  const missing = new Set(change.sites);
  const end = change.began + change.seconds * 1000;
  while (missing.size > 0 && performance.now() < end) {
    await inParallel(askWidth, [...missing], async (site) => {
      const answer = await ask(site).catch(() => undefined);
      if (answer !== wanted) return;
      reached.set(site.podName, performance.now() - change.began);
      missing.delete(site);
    });
    if (missing.size > 0) await delay(restMs);
  }
  return { reached, missing: [...missing].map(({ podName }) => podName) };
}
