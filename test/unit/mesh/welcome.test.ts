import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { isCidr, ipVersion } from "../../../src/dns/address";
import { parseMesh } from "../../../src/settings/parse";
import { parseWelcomePacket, serverName, welcomePacket } from "../../../src/mesh/welcome";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    {
      name: "c",
      role: "standard",
      addresses: ["192.0.2.3"],
      zones: [
        "plain.example",
        { name: "y.example", dnssec: { nsec3: true, parents: ["192.0.2.53@5353"], withdraw: true } },
        { name: "z.example", dnssec: true, zoneFile: "@ SOA a. b. 1 1 1 1 1\n", retired: "2026-12-31" },
        { name: "x.example", dnssec: false, records: [{ name: "www", type: "A", value: "192.0.2.1" }] },
      ],
      retired: "2027-01-01",
    },
    { name: "b", role: "secondary-catalog", addresses: ["192.0.2.2"] },
    { name: "a", role: "primary-catalog", addresses: ["192.0.2.1", "2001:db8::1"], sources: ["10.0.0.0/8"] },
  ],
});

describe("welcomePacket", () => {
  it("carries a zone's initial records as lines of a zone file, there and back", () => {
    const packet = parseWelcomePacket(JSON.parse(JSON.stringify(welcomePacket(mesh, "c", "CA"))));
    expect(packet.site.zones[3]?.records).to.deep.equal(["www.x.example. 3600 IN A 192.0.2.1"]);
  });

  it("says nothing of name servers, which the directory does, but that there are some to see to", () => {
    const [c, b, a] = mesh.sites;
    const named = { ...c!, nameServer: "ns3.example", zones: [{ ...c!.zones[0]!, nameServers: "all" as const }] };
    const packet = welcomePacket({ ...mesh, sites: [named, b!, a!] }, "c", "CA");
    expect(packet.delegates).to.equal(true);
    expect(packet.site).to.deep.equal({ ...c!, zones: c!.zones.slice(0, 1) });
    expect(parseWelcomePacket(JSON.parse(JSON.stringify(packet)))).to.deep.equal(packet);
    expect(welcomePacket({ ...mesh, nameServers: "all" }, "b", "CA")).to.not.have.property("delegates");
    expect(welcomePacket({ ...mesh, nameServers: "all" }, "c", "CA").delegates).to.equal(true);
    expect(JSON.stringify(welcomePacket(mesh, "c", "CA").site)).to.equal(JSON.stringify(c));
  });

  it("names the primary catalog first", () => {
    expect(welcomePacket(mesh, "c", "CA").catalogs.map((catalog) => catalog.name)).to.deep.equal(["a", "b"]);
  });

  it("survives the journey as JSON", () => {
    for (const site of ["a", "b", "c"]) {
      const packet = welcomePacket(mesh, site, "CA");
      expect(parseWelcomePacket(JSON.parse(JSON.stringify(packet)))).to.deep.equal(packet);
    }
  });

  it("refuses a site that the list does not know, and says which there are", () => {
    expect(() => welcomePacket(mesh, "d", "CA")).to.throw(
      UserError,
      /site "d" is not in mesh\.sites \(there: c, b, a\); add it/,
    );
  });

  it("knows servers by their names in the directory", () => {
    expect(serverName("a", "dns.internal")).to.equal("a.dns.internal");
  });
});

describe("parseWelcomePacket", () => {
  const packet = () => JSON.parse(JSON.stringify(welcomePacket(mesh, "c", "CA"))) as Record<string, never>;

  for (const [what, spoil, expected] of [
    ["another version", { version: 2 }, /version must be 1, got 2/],
    ["a missing zone", { directoryZone: undefined }, /directoryZone must be a text/],
    ["no transport, as before there was any", { transport: undefined }, /transport must be tls.*shared stack up again/],
    ["no catalogs", { catalogs: [] }, /one primary catalog/],
    [
      "a catalog with a name for an address",
      { catalogs: [{ name: "a", role: "primary-catalog", addresses: ["a.example"], sources: [] }] },
      /catalogs\[0\]\.addresses must be IP/,
    ],
    [
      "a zone that would leave its folder",
      {
        site: {
          name: "c",
          role: "standard",
          addresses: ["192.0.2.3"],
          sources: [],
          zones: [{ name: "../x", dnssec: false }],
        },
      },
      /zones\[0\]\.name/,
    ],
    [
      "a parent's server that would break Knot's configuration",
      {
        site: {
          name: "c",
          role: "standard",
          addresses: ["192.0.2.3"],
          sources: [],
          zones: [{ name: "x", dnssec: { parents: ["192.0.2.53\n"] } }],
        },
      },
      /zones\[0\]\.dnssec\.parents\[0\] must be an IP address/,
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseWelcomePacket({ ...packet(), ...spoil })).to.throw(UserError, expected);
    });
  }

  it("refuses what is no object", () => {
    for (const json of [undefined, null, [], "x"]) expect(() => parseWelcomePacket(json)).to.throw(UserError);
  });
});

describe("addresses without a library", () => {
  it("tells IPv4, IPv6 and neither apart", () => {
    for (const text of ["0.0.0.0", "255.255.255.255", "192.0.2.1"]) expect(ipVersion(text), text).to.equal(4);
    for (const text of ["::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1"])
      expect(ipVersion(text), text).to.equal(6);
    for (const text of [
      "",
      "1.2.3",
      "256.1.1.1",
      "01.2.3.4",
      "1.2.3.4.",
      "1.2.3.4.5",
      "::1%lo",
      ":::",
      "1:2",
      "example",
      "fe80::g",
      "[::1]",
    ]) {
      expect(ipVersion(text), text).to.equal(undefined);
    }
  });

  it("knows a CIDR", () => {
    for (const text of ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/128"]) expect(isCidr(text), text).to.equal(true);
    for (const text of ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "::/129", "a/8", "10.0.0.0/8/8", "10.0.0.0/-1"])
      expect(isCidr(text), text).to.equal(false);
  });
});
