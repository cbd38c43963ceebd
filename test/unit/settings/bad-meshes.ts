/** A list that can be spoilt anywhere. */
export interface Raw {
  [key: string]: unknown;
  sites: Record<string, unknown>[];
}

/** The seed's list, fresh for each test to spoil. */
export function seed(): Raw {
  return {
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
      {
        name: "site-c",
        role: "standard",
        addresses: ["203.0.113.3"],
        zones: [{ name: "standard-1.internal.dns", dnssec: true }],
      },
    ],
  };
}

/** Puts something wrong into a list. */
export type Spoil = (mesh: Raw, sites: Record<string, unknown>[]) => void;

const signed = (dnssec: unknown) => (_: unknown, s: Record<string, unknown>[]) =>
  (s[2]!["zones"] = [{ name: "z.example", dnssec }]);

const outside = (changes: object) => (_: unknown, s: Record<string, unknown>[]) =>
  (s[2]!["zones"] = [{ name: "z.example", primaries: [{ address: "192.0.2.53", key: "legacy" }], ...changes }]);

/** What is wrong, how it gets there, and what is said to it. */
export const badMeshes: readonly (readonly [what: string, spoil: Spoil, message: RegExp])[] = [
  [
    "no primary that a zone is taken from",
    outside({ primaries: [] }),
    /zones\[0\]\.primaries: is empty; write at least one server, or leave it out/,
  ],
  [
    "a primary without a key",
    outside({ primaries: [{ address: "192.0.2.53" }] }),
    /primaries\[0\]\.key: is missing; write the name of one of the owner's readers/,
  ],
  [
    "a primary that is no address",
    outside({ primaries: [{ address: "ns1.example.org", key: "legacy" }] }),
    /primaries\[0\]\.address: "ns1\.example\.org" is not an IP address/,
  ],
  [
    "a zone that is taken from outside and signed here",
    outside({ dnssec: true }),
    /zones\[0\]\.dnssec: does not go with primaries: signatures that the primary makes travel as they are/,
  ],
  [
    "a zone that is taken from outside and has name servers",
    outside({ nameServers: "all" }),
    /zones\[0\]\.nameServers: does not go with primaries: the NS records come from the primary/,
  ],
  [
    "a zone that is taken from outside and begins with a file",
    outside({ zoneFile: "$TTL 60\n@ SOA ns.z.example. h.z.example. 1 60 60 60 60\n@ NS ns.z.example.\n" }),
    /zones\[0\]\.zoneFile: does not go with primaries/,
  ],
  [
    "another word than auto for addresses",
    (_, s) => (s[1]!["addresses"] = "automatic"),
    /^mesh\.sites\[1\]\.addresses: must be a list; write the addresses where the site is asked, or auto for those/,
  ],
  [
    "found addresses beside those that are written by hand",
    (_, s) => (s[1]!["found"] = ["198.51.100.3"]),
    /^mesh\.sites\[1\]\.found: goes with addresses: auto alone/,
  ],
  [
    "an empty list of found addresses",
    (_, s) => Object.assign(s[1]!, { addresses: "auto", found: [] }),
    /^mesh\.sites\[1\]\.found: is empty; leave it out as long as/,
  ],
  [
    "a host name for a found address",
    (_, s) => Object.assign(s[1]!, { addresses: "auto", found: ["lb.example"] }),
    /^mesh\.sites\[1\]\.found\[0\]: "lb\.example" is not an IP address/,
  ],
  [
    "another site's address for a found one",
    (_, s) => Object.assign(s[1]!, { addresses: "auto", found: ["192.0.2.1"] }),
    /^mesh\.sites\[1\]\.found\[0\]: the address 192\.0\.2\.1 is that of mesh\.sites\[0\]\.addresses\[0\]/,
  ],
  ["a word for dnssec", signed("on"), /^mesh\.sites\[2\]\.zones\[0\]\.dnssec: must be true, false, or an object with/],
  [
    "an unknown setting of dnssec",
    signed({ algorithm: 8 }),
    /^mesh\.sites\[2\]\.zones\[0\]\.dnssec\.algorithm: is not a field/,
  ],
  ["a number for nsec3", signed({ nsec3: 3 }), /zones\[0\]\.dnssec\.nsec3: must be true or false/],
  [
    "a host name for a parent's server",
    signed({ parents: ["ns.example"] }),
    /zones\[0\]\.dnssec\.parents\[0\]: "ns\.example" is not an IP address/,
  ],
  [
    "a parent's port that is none",
    signed({ parents: ["192.0.2.1@x"] }),
    /parents\[0\]: "192\.0\.2\.1@x" has an invalid port/,
  ],
  ["no parents", signed({ parents: [] }), /zones\[0\]\.dnssec\.parents: is empty/],
  [
    "two zones whose files would be one",
    (_, s) => (s[2]!["zones"] = ["0/26.2.0.192.in-addr.arpa", "0_26.2.0.192.in-addr.arpa"]),
    /^mesh\.sites\[2\]\.zones\[1\]: its file 0_26\.2\.0\.192\.in-addr\.arpa\.zone would be that of mesh\.sites\[2\]\.zones\[0\]/,
  ],
  [
    "a zone's name as people write it",
    (_, s) => (s[2]!["zones"] = [{ name: "Bücher.example" }]),
    /^mesh\.sites\[2\]\.zones\[0\]\.name: "Bücher\.example" has letters outside ASCII; write it as xn--bcher-kva\.example/,
  ],
  [
    "a directory with a slash",
    (mesh) => (mesh["directoryZone"] = "0/26.2.0.192.in-addr.arpa"),
    /^mesh\.directoryZone: has a slash/,
  ],
  ["no primary", (_, s) => (s[0]!["role"] = "standard"), /^mesh\.sites: no site has the role primary-catalog; give/],
  [
    "two primaries",
    (_, s) => (s[2]!["role"] = "primary-catalog"),
    /^mesh\.sites\[2\]\.role: there are two primary catalogs.*mesh\.sites\[0\]/,
  ],
  [
    "a duplicate site",
    (_, s) => (s[2]!["name"] = "site-a"),
    /^mesh\.sites\[2\]\.name: the name "site-a" is taken by mesh\.sites\[0\]\.name/,
  ],
  [
    "a duplicate zone in another spelling",
    (_, s) => (s[2]!["zones"] = ["Catalog-Primary.internal.dns."]),
    /^mesh\.sites\[2\]\.zones\[0\]: .*owned at mesh\.sites\[0\]\.zones\[0\]/,
  ],
  [
    "a duplicate address in another spelling",
    (_, s) => ((s[0]!["addresses"] = ["2001:db8::1"]), (s[2]!["addresses"] = ["192.0.2.7", "2001:DB8:0:0::1"])),
    /^mesh\.sites\[2\]\.addresses\[1\]: the address 2001:db8::1 is that of mesh\.sites\[0\]\.addresses\[0\]/,
  ],
  [
    "a host name for an address",
    (_, s) => (s[2]!["addresses"] = ["dns.example.org"]),
    /^mesh\.sites\[2\]\.addresses\[0\]: "dns\.example\.org" is not an IP address; .*write the address that it resolves to/,
  ],
  [
    "an address of too few numbers",
    (_, s) => (s[2]!["addresses"] = ["10.1"]),
    /addresses\[0\]: "10\.1" is not an IPv4 address; write four numbers/,
  ],
  ["an address that reaches nobody", (_, s) => (s[2]!["addresses"] = ["0.0.0.0"]), /unspecified/],
  ["an address with a zone id", (_, s) => (s[2]!["addresses"] = ["fe80::1%eth0"]), /zone id/],
  ["an IPv4 address in IPv6 form", (_, s) => (s[2]!["addresses"] = ["::ffff:192.0.2.1"]), /write 192\.0\.2\.1/],
  ["no address", (_, s) => (s[2]!["addresses"] = []), /^mesh\.sites\[2\]\.addresses: is empty/],
  [
    "a bad zone name",
    (_, s) => (s[2]!["zones"] = ["a..b"]),
    /^mesh\.sites\[2\]\.zones\[0\]: "a\.\.b" has an empty label/,
  ],
  ["a zone name with a slash", (_, s) => (s[2]!["zones"] = ["0/25.example"]), /has the label "0\/25"/],
  ["a label of 64 characters", (_, s) => (s[2]!["zones"] = [`${"a".repeat(64)}.example`]), /64 characters/],
  [
    "a zone too long for the directory",
    (_, s) => (s[2]!["zones"] = [Array(4).fill("a".repeat(60)).join(".")]),
    /room for 234/,
  ],
  [
    "a zone inside the directory",
    (_, s) => (s[2]!["zones"] = ["x.dns.internal"]),
    /^mesh\.sites\[2\]\.zones\[0\]: "x\.dns\.internal" lies inside the directory zone "dns\.internal"/,
  ],
  ["a zone that is the catalog", (_, s) => (s[2]!["zones"] = ["catalog.internal.dns"]), /is the catalog zone/],
  [
    "central zones within each other",
    (m) => (m["catalogZone"] = "catalog.dns.internal"),
    /^mesh\.catalogZone: .*lie within each other/,
  ],
  [
    "a site name of two labels",
    (_, s) => (s[2]!["name"] = "site.c"),
    /^mesh\.sites\[2\]\.name: "site\.c" is not a name for a site; use one label/,
  ],
  ["an unknown transport", (m) => (m["transport"] = "udp"), /^mesh\.transport: must be tls, quic or tcp/],
  ["an unknown role", (_, s) => (s[2]!["role"] = "primary"), /^mesh\.sites\[2\]\.role: must be one of primary-catalog/],
  ["an unknown field", (_, s) => (s[2]!["adresses"] = []), /^mesh\.sites\[2\]\.adresses: is not a field/],
  [
    "an unknown field of a zone",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", dnsec: true }]),
    /^mesh\.sites\[2\]\.zones\[0\]\.dnsec: is not a field/,
  ],
  [
    "a day that does not exist",
    (_, s) => (s[2]!["retired"] = "2026-02-30"),
    /^mesh\.sites\[2\]\.retired: "2026-02-30" is not a date/,
  ],
  [
    "a source without prefix",
    (_, s) => (s[2]!["sources"] = ["10.0.0.1"]),
    /^mesh\.sites\[2\]\.sources\[0\]: .*write 10\.0\.0\.1\/32/,
  ],
  ["a source with bits beyond its prefix", (_, s) => (s[2]!["sources"] = ["10.0.0.1/24"]), /write 10\.0\.0\.0\/24/],
  ["a source that is a name", (_, s) => (s[2]!["sources"] = ["nat.example/32"]), /is not a CIDR/],
  [
    "a zone file without SOA",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", zoneFile: "; SOA\n@ 60 A 192.0.2.1\n" }]),
    /zones\[0\]\.zoneFile: there is no SOA record; begin with one/,
  ],
  [
    "a zone file with a record that cannot be",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", zoneFile: "@ SOA a. b. 1 1 1 1 1\nwww 60 A not-an-address\n" }]),
    /zones\[0\]\.zoneFile: line 2: "not-an-address" is not an IPv4 address/,
  ],
  [
    "a zone file of another zone",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", zoneFile: "$ORIGIN other.example.\n@ SOA a. b. 1 1 1 1 1\n" }]),
    /zones\[0\]\.zoneFile: line 2: the file is of the zone other\.example/,
  ],
  [
    "a zone file that includes another",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", zoneFile: "$INCLUDE /etc/passwd\n@ SOA a. b. 1 1 1 1 1\n" }]),
    /\$INCLUDE/,
  ],
  [
    "an initial record with a bad value",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", records: [{ name: "a", type: "A", value: "b" }] }]),
    /^mesh\.sites\[2\]\.zones\[0\]\.records\[0\]: .*"b" is not an IPv4 address/,
  ],
  [
    "an initial record of an unknown type",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", records: [{ name: "a", type: "WWW", value: "b" }] }]),
    /zones\[0\]\.records\[0\]\.type: must be one of A, AAAA/,
  ],
  [
    "initial records beside a zone file",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", zoneFile: "@ SOA a. b. 1 1 1 1 1\n", records: [] }]),
    /records: stand beside a zoneFile/,
  ],
  [
    "an initial CNAME beside another record",
    (_, s) =>
      (s[2]!["zones"] = [
        {
          name: "z.example",
          records: [
            { name: "a", type: "CNAME", value: "b" },
            { name: "A", type: "TXT", value: "b" },
          ],
        },
      ]),
    /records\[0\]: the name a has a CNAME and other records/,
  ],
  [
    "another word for name servers",
    (m) => (m["nameServers"] = "some"),
    /^mesh\.nameServers: must be all, catalog, or a list/,
  ],
  [
    "no name servers",
    (m) => (m["nameServers"] = []),
    /^mesh\.nameServers: is empty; write names of sites, or leave it out/,
  ],
  [
    "a name server that is no site",
    (m) => (m["nameServers"] = ["site-a", "site-x"]),
    /^mesh\.nameServers\[1\]: "site-x" is not in mesh\.sites \(there: site-a, site-b, site-c\)/,
  ],
  [
    "a zone's name server that is no site",
    (_, s) => (s[2]!["zones"] = [{ name: "z.example", nameServers: ["site-x"] }]),
    /^mesh\.sites\[2\]\.zones\[0\]\.nameServers\[0\]: "site-x" is not in mesh\.sites/,
  ],
  [
    "a name server outside the mesh whose name has an underscore",
    (m) => (m["nameServers"] = ["all", "ns_1.provider.test"]),
    /^mesh\.nameServers\[1\]: "ns_1\.provider\.test" has the label "ns_1"; a server's name has letters/,
  ],
  [
    "a name server outside the mesh in the directory zone",
    (m) => (m["nameServers"] = ["all", `ns1.${String(m["directoryZone"])}`]),
    /^mesh\.nameServers\[1\]: "ns1\.\S+" lies in "\S+", which the mesh itself writes; write the site's name/,
  ],
  [
    "a site's own server as one outside the mesh",
    (m, s) => [(s[0]!["nameServer"] = "ns1.example.org"), (m["nameServers"] = ["ns1.example.org"])],
    /^mesh\.nameServers\[0\]: "ns1\.example\.org" is the server of site-a; write the site's name/,
  ],
  [
    "a zone of the mesh as a name server",
    (m, s) => [(s[2]!["zones"] = ["z.example"]), (m["nameServers"] = ["z.example"])],
    /^mesh\.nameServers\[0\]: "z\.example" is a zone of the mesh; a server has a name below it, for example ns1\.z\.example/,
  ],
  [
    "more name servers outside than an answer holds beside the sites",
    (m) => (m["nameServers"] = ["all", ...Array.from({ length: 30 }, (_, i) => `ns${i}.provider.test`)]),
    /^mesh\.nameServers: makes 3 sites name servers beside 30 others, and an answer holds 32/,
  ],
  [
    "name servers that all retire",
    (m, s) => [(m["nameServers"] = ["site-c"]), (s[2]!["retired"] = "2026-12-01")],
    /^mesh\.nameServers: has only sites that are retired/,
  ],
  [
    "more name servers than an answer holds",
    (m, s) => {
      m["nameServers"] = "all";
      for (let i = 0; i < 30; i++) s.push({ name: `more-${i}`, role: "standard", addresses: [`10.0.0.${i + 1}`] });
    },
    /^mesh\.nameServers: makes 33 sites name servers, and an answer holds 32; write catalog/,
  ],
  [
    "a server's name with an underscore",
    (_, s) => (s[0]!["nameServer"] = "ns_1.example"),
    /^mesh\.sites\[0\]\.nameServer: "ns_1\.example" has the label "ns_1"; a server's name has letters/,
  ],
  [
    "a server's name of one label",
    (_, s) => (s[0]!["nameServer"] = "ns1"),
    /^mesh\.sites\[0\]\.nameServer: "ns1" is a single label/,
  ],
  [
    "a server's name that another has",
    (_, s) => (s[0]!["nameServer"] = s[1]!["nameServer"] = "ns1.example"),
    /^mesh\.sites\[1\]\.nameServer: the name "ns1\.example" is that of mesh\.sites\[0\]\.nameServer/,
  ],
  [
    "a server's name in the directory",
    (_, s) => (s[0]!["nameServer"] = "ns1.dns.internal"),
    /^mesh\.sites\[0\]\.nameServer: "ns1\.dns\.internal" lies in "dns\.internal", which the mesh itself writes/,
  ],
  [
    "a server's name that is a zone",
    (_, s) => (s[0]!["nameServer"] = "standard-1.internal.dns"),
    /^mesh\.sites\[0\]\.nameServer: "standard-1\.internal\.dns" is a zone of the mesh; choose a name below it/,
  ],
  ["a missing list", (m) => delete (m as Partial<Raw>).sites, /^mesh\.sites: is missing/],
];
