import type { ResourceRecord } from "../../../src/dns/record";

/** The RDATA of a record for people. */
export function recordText(record: ResourceRecord): string {
  switch (record.type) {
    case "A":
    case "AAAA":
      return record.address;
    case "NS":
    case "CNAME":
    case "PTR":
    case "DNAME":
      return record.target;
    case "TXT":
      return record.strings.map((string) => JSON.stringify(string)).join(" ");
    case "SOA":
      return `serial ${record.serial}`;
    case "MX":
      return `${record.preference} ${record.exchange}`;
    case "SRV":
      return `${record.priority} ${record.weight} ${record.port} ${record.target}`;
    case "CAA":
      return `${record.flags} ${record.tag} ${JSON.stringify(record.value)}`;
    case "OTHER":
      return `\\# ${record.rdata.length} ${Buffer.from(record.rdata).toString("hex")}`;
  }
}
