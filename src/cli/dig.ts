import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { compareText } from "../base/text";
import type { DnsClient } from "../dns/client/dns-client";
import { DnsError } from "../dns/errors";
import { formatRecord } from "../dns/rdata";
import { rcodeName } from "../dns/types";
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
}

/** What `mesh dig` reports. */
export interface DigReport {
  readonly name: string;
  readonly type: string;
  /** Whether every site answered, and all alike. */
  readonly alike: boolean;
  readonly answers: readonly SiteAnswer[];
}

const width = 64;

/** Asks every site the same question. */
export async function askEverySite(
  access: MeshAccess,
  { dns, name, type }: { readonly dns: Pick<DnsClient, "query">; readonly name: string; readonly type: string },
): Promise<DigReport> {
  const answers = new Map<string, SiteAnswer>();
  await inParallel(width, access.mesh.sites, async (site) => {
    const began = performance.now();
    const ms = (): number => Number((performance.now() - began).toFixed(1));
    for (const server of serversOf(access, site)) {
      const base = { site: site.name, address: server.address };
      try {
        const { rcode, flags, answers: records } = await dns.query(server, name, type);
        const texts = records.map(formatRecord).sort(compareText);
        answers.set(site.name, { ...base, rcode: rcodeName(rcode), authoritative: flags.aa, records: texts, ms: ms() });
        return;
      } catch (error) {
        answers.set(site.name, { ...base, records: [], ms: ms(), failure: reasonOf(error) });
        if (!(error instanceof DnsError) || !error.isUnreachable) return;
      }
    }
  });
  const inOrder = access.mesh.sites.flatMap((site) => answers.get(site.name) ?? []);
  return { name, type, alike: new Set(inOrder.map(saidBy)).size === 1 && inOrder.every(isAnswer), answers: inOrder };
}

/** What counts of an answer: two with the same are alike. */
export function saidBy({ rcode, authoritative, records, failure }: SiteAnswer): string {
  return failure ?? `${rcode ?? ""}${authoritative === true ? "" : ", not authoritative"}\n${records.join("\n")}`;
}

function isAnswer({ failure }: SiteAnswer): boolean {
  return failure === undefined;
}

function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^\S+ of "[^"]*" at [^:]*: /, "");
}
