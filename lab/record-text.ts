import { formatRdata } from "../src/dns/rdata";
import type { ResourceRecord } from "../src/dns/record";

/** The RDATA of a record for people, who want to know an SOA's serial and nothing else of it. */
export function recordText(record: ResourceRecord): string {
  return record.type === "SOA" ? `serial ${record.serial}` : formatRdata(record);
}
