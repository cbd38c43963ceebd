import { printZone, soaRecord } from "../../src/dns/zone-text";

/** Names of so many zones. */
export function benchZones(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `zone-${i}.example`);
}

/** A zone as it is served in comparisons, with so many addresses as `host-0`, `host-1`, …. */
export function benchZone(zone: string, hosts = 0): string {
  const timers = { refresh: 300, retry: 30, expire: 3_628_800, minimum: 60 };
  const soa = soaRecord(zone, { mname: `ns.${zone}`, rname: `hostmaster.${zone}`, serial: 1, timers });
  return [
    printZone(zone, [soa]).trimEnd(),
    "@ NS ns",
    "ns A 192.0.2.1",
    ...Array.from({ length: hosts }, (_, i) => `host-${i} A 198.51.100.${i % 256}`),
    "",
  ].join("\n");
}
