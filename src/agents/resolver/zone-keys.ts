import type { Message } from "../../dns/message";
import { dnskeyText, isCdsDelete } from "../../dns/rdata/trust-types";
import { rcodes } from "../../dns/types";
import type { ZoneKeys } from "./configuration";

/** Flags of a DNSKEY record (RFC 4034 section 2.1.1, RFC 5011 section 7). */
const [zoneKey, revoked, secureEntry] = [0x100, 0x80, 0x1];

/** What the apex of a zone says of its keys. */
export interface ApexAnswers {
  readonly dnskey: Message;
  readonly cds: Message;
}

/**
 * The trust anchors of a zone by what its apex says: the keys that are meant as entries, or all that may sign where none is. All
 * that are published count, so that one is trusted before it signs, and until it is taken away. A zone that asks its
 * parent to drop every DS record (RFC 8078) is on its way out of signatures, and has none from then on.
 *
 * @param before - What was known. Keys that are gone without that request stay: a copy without them proves nothing.
 * @throws Error for an answer that is not the zone's.
 */
export function anchorsOf({ dnskey, cds }: ApexAnswers, before: ZoneKeys | undefined): ZoneKeys {
  if (rdataOf(cds, "CDS").some(isCdsDelete)) return [];
  const usable = rdataOf(dnskey, "DNSKEY").filter((rdata) => has(rdata, zoneKey) && !has(rdata, revoked));
  const entries = usable.filter((rdata) => has(rdata, secureEntry));
  const keys = (entries.length > 0 ? entries : usable).map(dnskeyText).sort();
  return keys.length > 0 ? keys : (before ?? []);
}

function has(rdata: Uint8Array, flag: number): boolean {
  const flags = ((rdata[0] ?? 0) << 8) | (rdata[1] ?? 0);
  return (flags & flag) !== 0;
}

function rdataOf(message: Message, type: string): readonly Uint8Array[] {
  const { rcode, flags, answers } = message;
  if (rcode !== rcodes.NOERROR || !flags.aa) throw new Error(`${type} is not answered with authority (rcode ${rcode})`);
  return answers.flatMap((record) => (record.type === "OTHER" && record.typeName === type ? [record.rdata] : []));
}
