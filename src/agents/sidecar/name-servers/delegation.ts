import { isWithin } from "../../../base/names";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { dsText, isCdsDelete } from "../../../dns/rdata/trust-types";
import { rcodes } from "../../../dns/types";
import type { KnotControl } from "../../../knot/control/knot-control";
import { dsForm, Edits, readSet, typeOf } from "./stored";

/** What a delegation is read and compared with. */
export interface DelegationParts {
  readonly control: Pick<KnotControl, "zoneRead">;
  /** Asks this site's own Knot, which has every zone of the mesh. */
  readonly ownDns: Pick<DnsClient, "query">;
  readonly knot: DnsServer;
}

/** What a zone says that its parent should have. */
export interface Delegation {
  /** Its own NS records. */
  readonly servers: readonly string[];
  /** Addresses of those that lie in it. */
  readonly glue: ReadonlyMap<string, readonly string[]>;
  /** By its CDS records (RFC 7344): none once it asks to be without (RFC 8078 section 4); undefined when it does not say. */
  readonly ds: readonly string[] | undefined;
}

/**
 * What a zone's parent should have, as our own Knot answers the zone: NS records are the child's to say (RFC 1034 section
 * 4.2.2). Undefined when that cannot be known whole: no answer, no name server, or one below the zone without an address.
 */
export async function readDelegation(
  { ownDns, knot }: Pick<DelegationParts, "ownDns" | "knot">,
  zone: string,
): Promise<Delegation | undefined> {
  const ask = async (name: string, type: string) => {
    const answer = await ownDns.query(knot, name, type);
    if (answer.rcode !== rcodes.NOERROR || !answer.flags.aa) return undefined;
    return answer.answers.filter((record) => record.name === name);
  };
  const servers = (await ask(zone, "NS"))?.flatMap((record) => (record.type === "NS" ? [record.target] : [])) ?? [];
  if (servers.length === 0) return undefined;
  const glue = new Map<string, readonly string[]>();
  for (const name of servers.filter((server) => isWithin(server, zone))) {
    const found = await Promise.all(["A", "AAAA"].map((type) => ask(name, type)));
    const addresses = found.flatMap((records) =>
      (records ?? []).flatMap((record) => (record.type === "A" || record.type === "AAAA" ? [record.address] : [])),
    );
    if (found.includes(undefined) || addresses.length === 0) return undefined;
    glue.set(name, addresses);
  }
  const cds = await ask(zone, "CDS");
  if (cds === undefined) return undefined;
  const rdata = cds.flatMap((record) => (record.type === "OTHER" && record.typeName === "CDS" ? [record.rdata] : []));
  const ds = rdata.some(isCdsDelete) ? [] : rdata.map((each) => dsForm(dsText(each)));
  return { servers: servers.sort(), glue, ds: rdata.length === 0 ? undefined : ds };
}

/** A zone below, and what it says. */
export interface Below {
  readonly zone: string;
  readonly wanted: Delegation;
  /** Whether it has been signed for so long that unsigned answers are gone from caches. */
  readonly isLongSigned: boolean;
}

/**
 * What is to be changed in a parent, a zone of ours, so that it has what a zone below it says. The first DS records of a
 * delegation that stood without wait until the zone has been signed for long; those of a new one need not.
 *
 * @returns the changes, and whether they are all that is wanted.
 */
export async function planDelegation(
  { control }: Pick<DelegationParts, "control">,
  parent: string,
  { zone, wanted, isLongSigned }: Below,
): Promise<{ readonly edits: Edits; readonly isWhole: boolean }> {
  const standing = await readSet(control, parent, { owner: zone, type: "NS" });
  // A new delegation lives for as long as the zone's own name servers do in caches: a roll-over waits for the DS records' TTL.
  const edits = new Edits(parent, standing.ttl ?? (await readSet(control, parent, { owner: parent, type: "NS" })).ttl);
  edits.change({ owner: zone, type: "NS", ttl: standing.ttl }, difference(wanted.servers, standing.values));
  // Names that the cut no longer points to lose what stood for them.
  const names = new Set([...wanted.glue.keys(), ...standing.values.filter((server) => isWithin(server, zone))]);
  for (const name of names)
    for (const type of ["A", "AAAA"] as const) {
      const { values, ttl } = await readSet(control, parent, { owner: name, type });
      const addresses = (wanted.glue.get(name) ?? []).filter((address) => typeOf(address) === type);
      edits.change({ owner: name, type, ttl }, difference(addresses, values));
    }
  if (wanted.ds !== undefined) {
    const { values, ttl } = await readSet(control, parent, { owner: zone, type: "DS" });
    const isFirst = values.length === 0 && standing.values.length > 0;
    if (isFirst && wanted.ds.length > 0 && !isLongSigned) return { edits, isWhole: false };
    edits.change({ owner: zone, type: "DS", ttl }, difference(wanted.ds, values));
  }
  return { edits, isWhole: true };
}

export function difference(
  wanted: readonly string[],
  standing: readonly string[],
): { readonly add: readonly string[]; readonly remove: readonly string[] } {
  return {
    add: wanted.filter((value) => !standing.includes(value)),
    remove: standing.filter((value) => !wanted.includes(value)),
  };
}
