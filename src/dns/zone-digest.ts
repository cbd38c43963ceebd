import { createHash } from "node:crypto";

import { recordKey } from "./rdata";
import type { ResourceRecord } from "./record";

/**
 * SHA-384 of a whole zone, in hexadecimal: of its records with their TTLs, names folded, in an order that does not depend on
 * the transfer's. As in RFC 8976 the SOA record counts, so that equal digests mean the same version; signatures count too.
 */
export function zoneDigest(records: readonly ResourceRecord[]): string {
  const hash = createHash("sha384");
  for (const line of records.map((record) => `${recordKey(record)} ${record.ttl}\n`).sort())
    hash.update(line, "latin1");
  return hash.digest("hex");
}
