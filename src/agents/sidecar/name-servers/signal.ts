import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { dnskeyText, dsText, isCdsDelete } from "../../../dns/rdata/trust-types";
import { rcodes } from "../../../dns/types";
import type { KnotControl } from "../../../knot/control/knot-control";
import { difference } from "./delegation";
import type { Signalled } from "./scope";
import { dsForm, Edits, keyForm, readSet } from "./stored";

/** What signals are read and compared with. */
export interface SignalParts {
  readonly control: Pick<KnotControl, "zoneRead">;
  /** Asks this site's own Knot, which has every zone of the mesh. */
  readonly ownDns: Pick<DnsClient, "query">;
  readonly knot: DnsServer;
}

const types = ["CDS", "CDNSKEY"] as const;

/** Which keys a zone says that it has. */
export type Keys = Readonly<Record<(typeof types)[number], readonly string[]>>;

/** A zone that asks to be without DS records bootstraps nothing (RFC 9615 section 4). */
export const noKeys: Keys = { CDS: [], CDNSKEY: [] };

/** What a zone says of its keys, as our own Knot answers it; undefined when that cannot be known. */
export async function readKeys({ ownDns, knot }: SignalParts, zone: string): Promise<Keys | undefined> {
  const found: Record<string, readonly string[]> = {};
  for (const type of types) {
    const { rcode, flags, answers } = await ownDns.query(knot, zone, type);
    if (rcode !== rcodes.NOERROR || !flags.aa) return undefined;
    const rdata = answers.flatMap((record) =>
      record.type === "OTHER" && record.typeName === type && record.name === zone ? [record.rdata] : [],
    );
    if (type === "CDS" && rdata.some(isCdsDelete)) return noKeys;
    found[type] = rdata.map((each) => (type === "CDS" ? dsForm(dsText(each)) : keyForm(dnskeyText(each)))).sort();
  }
  return { ...noKeys, ...found };
}

/** Whether a zone is signed, so that what it says of others can be proven. */
export async function isSigned({ control }: Pick<SignalParts, "control">, zone: string): Promise<boolean> {
  const { values } = await readSet(control, zone, { owner: zone, type: "CDS" });
  return values.some((value) => !value.startsWith("0 0 0"));
}

/** What is to be changed in a host so that it says of a zone which keys that has (RFC 9615 section 2). */
export async function planSignal(
  { control }: Pick<SignalParts, "control">,
  { host, owners }: Pick<Signalled, "host" | "owners">,
  keys: Keys = noKeys,
): Promise<Edits> {
  const apex = await readSet(control, host, { owner: host, type: "NS" });
  const edits = new Edits(host, apex.ttl);
  for (const owner of owners)
    for (const type of types) {
      const { values, ttl } = await readSet(control, host, { owner, type });
      edits.change({ owner, type, ttl }, difference(keys[type], values));
    }
  return edits;
}
