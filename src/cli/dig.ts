import { messageOf, UserError } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { compareText } from "../base/text";
import type { DnsClient } from "../dns/client/dns-client";
import { isUnreachable } from "../dns/errors";
import { parseName } from "../dns/name";
import { formatRecord } from "../dns/rdata";
import { rcodeName, typeNumber } from "../dns/types";
import { type DeadAddress, deadAddress } from "./look";
import { type MeshAccess, serversOf } from "./mesh-access";

/** What one site answered. */
export interface SiteAnswer {
  readonly site: string;
  readonly address: string;
  /** NOERROR, NXDOMAIN, …; missing where there was no answer. */
  readonly rcode?: string;
  readonly authoritative?: boolean;
  /** As in a zone file, sorted: servers turn their order. */
  readonly records: readonly string[];
  readonly ms: number;
  readonly failure?: string;
  /** Addresses that were asked before this one, and did not answer; missing where there are none. */
  readonly dead?: readonly DeadAddress[];
}

/** What `mesh dig` reports. */
export interface DigReport {
  readonly name: string;
  readonly type: string;
  /** Whether they are alike, and no address was dead that can be reached from here. */
  readonly ok: boolean;
  /** Whether every site answered with authority that there are such records or none, and all alike. */
  readonly alike: boolean;
  readonly answers: readonly SiteAnswer[];
}

const width = 64;

/** What a type stands for that asks for something else than records. */
const notAsked = ["AXFR", "IXFR", "OPT", "TSIG", "TKEY", "TYPE0"];

/**
 * Asks every site the same question.
 *
 * @throws UserError when it is none that can be asked.
 */
export async function askEverySite(
  access: MeshAccess,
  { dns, name, type }: { readonly dns: Pick<DnsClient, "query">; readonly name: string; readonly type: string },
): Promise<DigReport> {
  requireQuestion(name, type);
  const answers = new Map<string, SiteAnswer>();
  await inParallel(width, access.mesh.sites, async (site) => {
    const began = performance.now();
    const ms = (): number => Number((performance.now() - began).toFixed(1));
    const dead: DeadAddress[] = [];
    for (const server of serversOf(access, site)) {
      const base = { site: site.name, address: server.address, ...(dead.length > 0 && { dead: [...dead] }) };
      try {
        const { rcode, flags, answers: records } = await dns.query(server, name, type);
        const texts = records.map(formatRecord).sort(compareText);
        answers.set(site.name, { ...base, rcode: rcodeName(rcode), authoritative: flags.aa, records: texts, ms: ms() });
        return;
      } catch (error) {
        answers.set(site.name, { ...base, records: [], ms: ms(), failure: reasonOf(error) });
        if (!isUnreachable(error)) return;
        dead.push({ ...deadAddress(server.address, error), reason: reasonOf(error) });
      }
    }
  });
  const inOrder = access.mesh.sites.flatMap((site) => answers.get(site.name) ?? []);
  const alike = new Set(inOrder.map(saidBy)).size === 1 && inOrder.every(isGood);
  return { name, type, ok: alike && inOrder.every((answer) => deadOf(answer).length === 0), alike, answers: inOrder };
}

/** Dead addresses of a site that answered, which clients may meet first. */
export function deadOf({ dead = [] }: SiteAnswer): readonly DeadAddress[] {
  return dead.filter(({ noRoute }) => !noRoute);
}

/** What counts of an answer: two with the same are alike. */
export function saidBy({ rcode, authoritative, records, failure }: SiteAnswer): string {
  return failure ?? `${rcode ?? ""}${authoritative === true ? "" : ", not authoritative"}\n${records.join("\n")}`;
}

/** Whether a site said something of the name: sites are the authority for all that they serve, and refuse nothing of that. */
export function isGood({ rcode, authoritative }: SiteAnswer): boolean {
  return (rcode === "NOERROR" || rcode === "NXDOMAIN") && authoritative === true;
}

function requireQuestion(name: string, type: string): void {
  try {
    parseName(name);
  } catch (error) {
    throw new UserError(`"${name}" is not a name that can be asked for: ${messageOf(error)}`, { cause: error });
  }
  if (!isType(type) || notAsked.includes(type))
    throw new UserError(`"${type}" is not a type of records; write one such as A, AAAA, TXT or TYPE65`);
}

function isType(type: string): boolean {
  try {
    typeNumber(type);
    return true;
  } catch {
    return false;
  }
}

function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^\S+ of "[^"]*" at [^:]*: /, "");
}
