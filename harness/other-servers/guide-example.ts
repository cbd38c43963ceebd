import type { Mesh } from "../../src/mesh/model";
import { parseMesh } from "../../src/settings/parse";
import type { Consumer } from "./configuration";

/** The mesh of the README. */
const mesh: Mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["catalog-primary.internal.dns"] },
    {
      name: "site-b",
      role: "secondary-catalog",
      addresses: ["198.51.100.2"],
      zones: ["catalog-secondary.internal.dns"],
    },
    { name: "site-c", role: "standard", addresses: ["203.0.113.3"], zones: ["standard-1.internal.dns"] },
  ],
});

const shared = {
  mesh,
  key: { name: "other-servers", algorithm: "hmac-sha256", secret: "<the secret>" },
  refresh: 60,
} as const;

/** What `docs/guides/other-servers.md` shows. */
export const guideExample = {
  bind: { ...shared, own: ['directory "/var/cache/bind";', "dnssec-validation no;"] },
  nsd: { ...shared, own: ['zonesdir: "/var/lib/nsd"'] },
  bindOverTls: { ...shared, own: [], roots: "/etc/bind/dns-mesh-roots.pem" },
  nsdOverTls: { ...shared, own: [], roots: "/etc/nsd/dns-mesh-roots.pem" },
} as const satisfies Record<string, Consumer>;

/** The PowerDNS of that guide. */
export const powerDnsExample = {
  own: ["launch=gsqlite3", "gsqlite3-database=/var/lib/powerdns/pdns.sqlite3", "gsqlite3-dnssec=yes"],
  tellers: "192.0.2.1",
  zones: ["standard-1.internal.dns"],
  key: shared.key,
  from: ["192.0.2.1", "198.51.100.2"],
} as const;
