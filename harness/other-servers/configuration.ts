import type { TsigKey } from "../../src/dns/tsig-key";
import type { Mesh, Site } from "../../src/mesh/model";
import { catalogSites, serverName } from "../../src/mesh/welcome";

/** What another server has to know to take everything from a mesh. */
export interface Consumer {
  readonly mesh: Mesh;
  readonly key: TsigKey;
  /** Seconds between two looks at a zone, since no site sends NOTIFY to a server that is not in the list. */
  readonly refresh: number;
  /** Lines that are the server's own business: where it listens, where its files go. */
  readonly own: readonly string[];
  /** Where the sites are asked. @default 53, or 853 over TLS */
  readonly port?: number;
  /** Questions a second that BIND asks; at 20, its own choice, it sends none in the half second after a NOTIFY. @default 1000 */
  readonly queryRate?: number;
  /** Path of the mesh's roots, for transfers over TLS. @default transfers over TCP */
  readonly roots?: string;
}

/** The pattern of members whose owner has none of its own. */
const anyOwner = "dns-mesh";

/** `named.conf` of a BIND (9.18) that consumes the catalog and serves every zone. All come from the catalog sites. */
export function renderBindConf(consumer: Consumer): string {
  const { mesh, key, refresh, own, queryRate = 1000 } = consumer;
  const secondary = (zone: string): string =>
    `zone "${zone}" { type secondary; file "${zone}.db"; primaries { dns-mesh; }; };`;
  return `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };

${renderBindPrimaries(consumer)}
options {
${own.map((line) => `  ${line}`).join("\n")}
  recursion no;
  notify no;
  allow-notify { key "${key.name}"; };
  allow-transfer { none; };
  min-refresh-time ${Math.min(refresh, 60)}; max-refresh-time ${refresh};
  min-retry-time 1; max-retry-time ${refresh};
  serial-query-rate ${queryRate};
  catalog-zones {
    zone "${mesh.catalogZone}" default-primaries { dns-mesh; } min-update-interval 1;
  };
};

${secondary(mesh.catalogZone)}
${secondary(mesh.directoryZone)}
`;
}

/** Whom BIND asks, in `named.conf`: over TLS by each site's name, below the mesh's roots. */
export function renderBindPrimaries(consumer: Consumer): string {
  const { mesh, key, roots } = consumer;
  const sites = catalogSites(mesh);
  const tlsOf = (site: Site): string => `dns-mesh-${site.name}`;
  const port = portOf(consumer);
  const at = port === undefined ? "" : ` port ${port}`;
  const tls = sites.map((site) => {
    const name = serverName(site.name, mesh.directoryZone);
    return `tls ${tlsOf(site)} { ca-file "${roots ?? ""}"; remote-hostname "${name}"; };\n`;
  });
  const primaries = sites.flatMap((site) =>
    site.addresses.map(
      (address) => `  ${address}${at} key "${key.name}"${roots === undefined ? "" : ` tls ${tlsOf(site)}`};`,
    ),
  );
  return `${roots === undefined ? "" : `${tls.join("")}\n`}primaries dns-mesh {
${primaries.join("\n")}
};
`;
}

function portOf({ port, roots }: Pick<Consumer, "port" | "roots">): number | undefined {
  return port ?? (roots === undefined ? undefined : 853);
}

/**
 * `nsd.conf` of an NSD (4.9 or later) that consumes the catalog and serves every zone. The catalog's `group` names the owner: a pattern
 * of that name asks the owner first. Members of owners without a pattern come from the catalog sites.
 */
export function renderNsdConf(consumer: Consumer): string {
  const { mesh, key, refresh, own } = consumer;
  return `server:
${own.map((line) => `  ${line}`).join("\n")}
  zonefiles-write: ${refresh}

key:
  name: "${key.name}"
  algorithm: ${key.algorithm}
  secret: "${key.secret}"

${renderNsdPatterns(consumer)}
zone:
  name: ${mesh.catalogZone}
  include-pattern: ${anyOwner}
  catalog: consumer
  catalog-member-pattern: ${anyOwner}

zone:
  name: ${mesh.directoryZone}
  include-pattern: ${anyOwner}
`;
}

/** Whom NSD asks, in `nsd.conf`: over TLS by each site's name, below the mesh's roots. */
export function renderNsdPatterns(consumer: Consumer): string {
  const { mesh, roots } = consumer;
  const owners = mesh.sites.filter((site) => !catalogSites(mesh).includes(site));
  const auth = (site: Site): string =>
    `tls-auth:\n  name: ${site.name}\n  auth-domain-name: "${serverName(site.name, mesh.directoryZone)}"\n`;
  return [
    ...(roots === undefined ? [] : [`server:\n  tls-cert-bundle: "${roots}"\n`, ...mesh.sites.map(auth)]),
    nsdPattern(consumer, { name: anyOwner, sites: catalogSites(mesh), lines: nsdTimers(consumer) }),
    ...owners.map((site) =>
      nsdPattern(consumer, { name: site.name, sites: [site], lines: [`include-pattern: ${anyOwner}`] }),
    ),
  ].join("\n");
}

function nsdTimers({ key, refresh }: Consumer): readonly string[] {
  const notify = ["0.0.0.0/0", "::/0"].map((from) => `allow-notify: ${from} ${key.name}`);
  return [...notify, `max-refresh-time: ${refresh}`, `max-retry-time: ${refresh}`, 'zonefile: "%s.zone"'];
}

function nsdPattern(
  consumer: Consumer,
  pattern: { name: string; sites: readonly Site[]; lines: readonly string[] },
): string {
  const { key, roots } = consumer;
  const port = portOf(consumer);
  const at = port === undefined ? "" : `@${port}`;
  const requests = pattern.sites.flatMap(({ name, addresses }) =>
    addresses.map((address) => `request-xfr: ${address}${at} ${key.name}${roots === undefined ? "" : ` ${name}`}`),
  );
  return `pattern:
  name: ${pattern.name}
${[...requests, ...pattern.lines].map((line) => `  ${line}`).join("\n")}
`;
}

/** What a server has to know that takes a few zones by name. */
export interface Secondary {
  readonly zones: readonly string[];
  readonly key: TsigKey;
  /** Whom it asks. */
  readonly from: readonly { readonly address: string; readonly port: number }[];
}

/** `named.conf` of a BIND (9.18) as a provider runs it: it takes zones by name, and NOTIFY by their key. */
export function renderBindSecondaryConf({ zones, key, from }: Secondary, own: readonly string[]): string {
  const primaries = from.map(({ address, port }) => `${address} port ${port} key "${key.name}";`).join(" ");
  const secondary = (zone: string): string =>
    `zone "${zone}" { type secondary; file "${zone}.db"; primaries { ${primaries} }; };`;
  return `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };
options {
${own.map((line) => `  ${line}`).join("\n")}
  recursion no; notify no; allow-notify { key "${key.name}"; }; allow-transfer { none; };
};
${zones.map(secondary).join("\n")}
`;
}

/** `pdns.conf` of a PowerDNS (4.7 or later) that takes zones and is told of changes. Zones and keys are in its database. */
export function renderPowerDnsConf({ own, tellers }: Pick<Consumer, "own"> & { readonly tellers: string }): string {
  return `${own.join("\n")}
secondary=yes
xfr-cycle-interval=60
allow-unsigned-notify=no
trusted-notification-proxy=${tellers}
`;
}

/**
 * What `pdnsutil` is given once so that a PowerDNS takes zones from servers, each with its port unless that is 53. Without IXFR:
 * 5.1 marks what comes by a difference as not its own (`auth` is 0), and with `gsqlite3-dnssec` does not answer it.
 */
export function powerDnsZones({
  zones,
  key,
  from,
}: {
  readonly zones: readonly string[];
  readonly key: TsigKey;
  readonly from: readonly string[];
}): readonly string[] {
  return [
    `import-tsig-key ${key.name} ${key.algorithm} ${key.secret}`,
    ...zones.flatMap((zone) => [
      `create-secondary-zone ${zone} ${from.join(" ")}`,
      `set-meta ${zone} AXFR-MASTER-TSIG ${key.name}`,
    ]),
  ];
}

/** What a server has to know from which a mesh takes zones. */
interface Giver {
  readonly zones: readonly string[];
  /** May transfer and change the zones, and signs NOTIFY. */
  readonly key: TsigKey;
  /** Addresses of the site that takes them in. */
  readonly notify: readonly { readonly address: string; readonly port: number }[];
  /** Lines that are the server's own business. */
  readonly own: readonly string[];
}

/** `named.conf` of a BIND (9.18) that a mesh takes zones from. */
export function renderPrimaryConf({ zones, key, notify, own }: Giver): string {
  const to = notify.map(({ address, port }) => `${address}${port === 53 ? "" : ` port ${port}`} key "${key.name}";`);
  const primary = (zone: string): string =>
    `zone "${zone}" { type primary; file "${zone}.zone"; allow-update { key "${key.name}"; }; };`;
  return `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };

options {
${own.map((line) => `  ${line}`).join("\n")}
  allow-transfer { key "${key.name}"; };
  notify explicit;
  also-notify { ${to.join(" ")} };
};

${zones.map(primary).join("\n")}
`;
}

/** `pdns.conf` of a PowerDNS that a mesh takes zones from, and that tells nobody but whom `ALSO-NOTIFY` names. */
export function renderPowerDnsPrimaryConf(own: readonly string[]): string {
  return `${own.join("\n")}
primary=yes
only-notify=
dnsupdate=yes
`;
}

/** What `pdnsutil` is given so that a PowerDNS has a zone, and gives it to whoever has the key, which may change it too. */
export function powerDnsGiven({
  zone,
  key,
  to,
  file,
}: {
  readonly zone: string;
  readonly key: TsigKey;
  /** Addresses of the site that takes it in, each with its port unless that is 53. */
  readonly to: readonly string[];
  /** A master file with its content. */
  readonly file: string;
}): readonly string[] {
  return [
    `import-tsig-key ${key.name} ${key.algorithm} ${key.secret}`,
    `load-zone ${zone} ${file}`,
    `set-kind ${zone} primary`,
    `set-meta ${zone} TSIG-ALLOW-AXFR ${key.name}`,
    `set-meta ${zone} ALSO-NOTIFY ${to.join(" ")}`,
    `set-meta ${zone} ALLOW-DNSUPDATE-FROM 0.0.0.0/0 ::/0`,
    `set-meta ${zone} TSIG-ALLOW-DNSUPDATE ${key.name}`,
    `set-meta ${zone} NOTIFY-DNSUPDATE 1`,
    `set-meta ${zone} SOA-EDIT-DNSUPDATE INCREASE`,
  ];
}
