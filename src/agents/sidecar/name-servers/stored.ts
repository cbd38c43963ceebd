import { foldName } from "../../../base/names";
import { canonicalAddress } from "../../../dns/address";
import type { KnotControl, StoredRecord, ZoneEdit } from "../../../knot/control/knot-control";

/** TTL of records that there were none of before, in seconds. */
const firstTtl = 3600;

/** One RRset of a zone, its data in the form that we compare. */
export interface StoredSet {
  readonly values: readonly string[];
  readonly ttl: number | undefined;
}

/** The data of an RRset: names that NS records point to, addresses, or what DS, CDS and CSYNC records say. */
export async function readSet(
  control: Pick<KnotControl, "zoneRead">,
  zone: string,
  place: { readonly owner: string; readonly type: "NS" | "A" | "AAAA" | "CNAME" | "DS" | "CDS" | "CDNSKEY" | "CSYNC" },
): Promise<StoredSet> {
  const records = await control.zoneRead(zone, place);
  return { values: records.map(({ data }) => comparable(place.type, data)), ttl: records[0]?.ttl };
}

function comparable(type: string, data: string): string {
  if (type === "DS" || type === "CDS") return dsForm(data);
  if (type === "CDNSKEY") return keyForm(data);
  if (type === "CSYNC") return data.trim().split(/\s+/).join(" ");
  return type === "A" || type === "AAAA" ? (canonicalAddress(data) ?? data) : foldName(data);
}

/** Tag, algorithm and digest type, and the digest in one piece. */
export function dsForm(text: string): string {
  const [tag = "", algorithm = "", type = "", ...digest] = text.trim().split(/\s+/);
  return `${tag} ${algorithm} ${type} ${digest.join("").toUpperCase()}`;
}

/** Flags, protocol and algorithm, and the key in one piece. */
export function keyForm(text: string): string {
  const [flags = "", protocol = "", algorithm = "", ...key] = text.trim().split(/\s+/);
  return `${flags} ${protocol} ${algorithm} ${key.join("")}`;
}

/** Collects changes of one zone. */
export class Edits {
  readonly add: StoredRecord[] = [];
  readonly remove: ZoneEdit["remove"][number][] = [];

  constructor(
    private readonly zone: string,
    /** What a new RRset takes where the zone says nothing. */
    private readonly ttl = firstTtl,
  ) {}

  get areNone(): boolean {
    return this.add.length + this.remove.length === 0;
  }

  /** Adds values to an RRset and takes others out of it. */
  change(
    place: { readonly owner: string; readonly type: string; readonly ttl?: number | undefined },
    values: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): void {
    const { owner, type, ttl = this.ttl } = place;
    const written = (value: string): string => (type === "NS" ? `${value}.` : value);
    this.add.push(...values.add.map((value) => ({ owner, type, ttl, data: written(value) })));
    this.remove.push(...values.remove.map((value) => ({ owner, type, data: written(value) })));
  }

  /** Makes them, unless the zone would be without name servers. */
  make(control: Pick<KnotControl, "zoneEdit">): Promise<void> {
    return control.zoneEdit(this.zone, {
      add: this.add,
      remove: this.remove,
      keep: { owner: this.zone, type: "NS" },
    });
  }

  /** For a log: `+site-d.dns.internal`, `-192.0.2.4`. */
  get texts(): readonly string[] {
    const text = (sign: string, { owner, type, data }: { owner: string; type: string; data: string }): string =>
      `${sign}${owner} ${type} ${data}`;
    return [...this.add.map((record) => text("+", record)), ...this.remove.map((record) => text("-", record))];
  }
}

/** A and AAAA records by the form of an address. */
export function typeOf(address: string): "A" | "AAAA" {
  return address.includes(":") ? "AAAA" : "A";
}
