import { expect } from "chai";
import * as fc from "fast-check";
import { packCentralZones, unpackCentralZones } from "../../../src/mesh/central-parts";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import { memberId } from "../../../src/mesh/catalog";
import { renderOwnZone } from "../../../src/knot/config/own-zone";
import { findSerial, stampSerial } from "../../../src/dns/master-file";
import { parseMesh } from "../../../src/settings/parse";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    {
      name: "b",
      role: "standard",
      addresses: ["192.0.2.2", "2001:db8::2"],
      sources: ["10.1.0.0/16", "10.2.0.0/16"],
      zones: ["a.y", { name: "a.x", retired: "2026-12-31" }],
    },
    { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["z.example"], retired: "2027-01-01" },
  ],
});

describe("the directory zone", () => {
  it("names hubs where there are any", () => {
    expect(renderDirectory({ ...mesh, topology: "hub" })).to.contain(
      '_mesh TXT "version=1" "sites=2" "zones=3" "topology=hub"\n',
    );
  });

  it("is as the list says, name by name", () => {
    expect(renderDirectory(mesh)).to.equal(`$ORIGIN dns.internal.
$TTL 60
@ SOA a.dns.internal. hostmaster.dns.internal. 1 60 10 3628800 60
@ NS a.dns.internal.
_mesh TXT "version=1" "sites=2" "zones=3"
a A 192.0.2.1
a TXT "role=primary-catalog" "source=192.0.2.1/32" "retired=2027-01-01"
b A 192.0.2.2
b AAAA 2001:db8::2
b TXT "role=standard" "source=10.1.0.0/16" "source=10.2.0.0/16"
a.x._zone TXT "server=b.dns.internal" "retired=2026-12-31"
a.y._zone TXT "server=b.dns.internal"
z.example._zone TXT "server=a.dns.internal"
`);
  });

  it("does not show the order of the list", () => {
    const turned = {
      ...mesh,
      sites: [...mesh.sites].reverse().map((site) => ({ ...site, zones: [...site.zones].reverse() })),
    };
    expect(renderDirectory(turned)).to.equal(renderDirectory(mesh));
    expect(renderCatalog(turned)).to.equal(renderCatalog(mesh));
  });
});

describe("the catalog zone", () => {
  it("has version 2, and for each member a PTR and its owner as group (RFC 9432)", () => {
    const lines = renderCatalog(mesh).split("\n");
    expect(lines).to.include.members([
      "@ NS invalid.",
      'version TXT "2"',
      `${memberId("a.x")}.zones PTR a.x.`,
      `group.${memberId("a.x")}.zones TXT "b"`,
    ]);
  });

  it("keeps unique-ids for good: the known vector does not change", () => {
    expect(memberId("standard-1.internal.dns")).to.equal("57d49a4513016b5117fdc4ab767c511e");
  });
});

describe("stampSerial", () => {
  for (const [what, text, expected] of [
    ["one line", "@ 60 IN SOA a. b. 5 1 1 1 1\n", "@ 60 IN SOA a. b. 77 1 1 1 1\n"],
    [
      "parentheses and comments",
      "; SOA 1 2 3\n@ SOA a. b. ( ; serial 9\n  2026010101 ; now\n 1 1 1 1 )",
      "; SOA 1 2 3\n@ SOA a. b. ( ; serial 9\n  77 ; now\n 1 1 1 1 )",
    ],
    ["a parenthesis that touches", "@ soa a. b. (5 1 1 1 1)", "@ soa a. b. (77 1 1 1 1)"],
    [
      "a name of SOA and a quoted one before it",
      '$TTL 1\nSOA TXT "x SOA y" \n@ SOA a. b. 5 1 1 1 1',
      '$TTL 1\nSOA TXT "x SOA y" \n@ SOA a. b. 77 1 1 1 1',
    ],
    [
      "SOA among the data of other records",
      "@ 60 TXT SOA a b 7 d\nx CNAME soa\n@ SOA a. b. 5 1 1 1 1",
      "@ 60 TXT SOA a b 7 d\nx CNAME soa\n@ SOA a. b. 77 1 1 1 1",
    ],
    [
      "signatures and denials of SOA",
      "@ RRSIG SOA 8 2 60 1 2 3 b. AA==\n@ NSEC c. NS SOA 1 2 3\n@ 60 IN SOA a. b. 5 1 1 1 1",
      "@ RRSIG SOA 8 2 60 1 2 3 b. AA==\n@ NSEC c. NS SOA 1 2 3\n@ 60 IN SOA a. b. 77 1 1 1 1",
    ],
    [
      "an owner left out, and a number for the type",
      "$ORIGIN b.\n@ NS a.\n IN 60 TYPE6 a. b. 5 1 1 1 1",
      "$ORIGIN b.\n@ NS a.\n IN 60 TYPE6 a. b. 77 1 1 1 1",
    ],
    ["an escaped mailbox", "@ SOA a. j\\.doe.b. 5 1 1 1 1", "@ SOA a. j\\.doe.b. 77 1 1 1 1"],
  ] as const) {
    it(`replaces the serial, and only that: ${what}`, () => {
      expect(stampSerial(text, 77)).to.equal(expected);
    });
  }

  it("is found again, whatever serial was put in", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (serial) => {
        expect(findSerial(stampSerial(renderDirectory(mesh), serial))?.serial).to.equal(serial);
      }),
    );
  });

  it("throws for a text without SOA", () => {
    for (const text of ["", "@ NS a.\n", "SOA NS a.\n", "@ SOA a. b. x 1 1 1 1"])
      expect(() => stampSerial(text, 1)).to.throw("no SOA");
  });
});

describe("renderOwnZone", () => {
  const site = mesh.sites[0]!;

  it("gives a skeleton whose name server is the owner, and those named besides", () => {
    const text = renderOwnZone({
      zone: site.zones[0]!,
      site,
      directoryZone: "dns.internal",
      serial: 9,
      nameServers: ["a.dns.internal", "b.dns.internal"],
    });
    expect(text).to.contain("$ORIGIN a.y.\n").and.contain("@ SOA b.dns.internal. hostmaster.a.y. 9 ");
    expect(text.match(/@ NS .*/g)).to.deep.equal(["@ NS b.dns.internal.", "@ NS a.dns.internal."]);
  });

  it("puts the list's records behind the skeleton", () => {
    const zone = { name: "a.y", dnssec: false, records: ["www.a.y. 60 IN A 192.0.2.1"] };
    const text = renderOwnZone({ zone, site, directoryZone: "dns.internal", serial: 9 });
    expect(text).to.match(/\n@ NS b\.dns\.internal\.\nwww\.a\.y\. 60 IN A 192\.0\.2\.1\n$/);
  });

  it("takes a given zone file and stamps it", () => {
    const zone = { name: "a.y", dnssec: false, zoneFile: "@ SOA a. b. 5 1 1 1 1\n@ NS a.\n" };
    expect(renderOwnZone({ zone, site, directoryZone: "dns.internal", serial: 9 })).to.equal(
      "@ SOA a. b. 9 1 1 1 1\n@ NS a.\n",
    );
  });
});

describe("central zones in parts", () => {
  const files = (packed: ReturnType<typeof packCentralZones>) =>
    new Map<string, Buffer>([
      ...packed.parts.map((part, i) => [`part-${i}`, part] as const),
      ["manifest.json", Buffer.from(JSON.stringify(packed.manifest))],
    ]);
  /** Text that does not compress well. */
  const noise = (length: number) => {
    let state = 1;
    return Array.from({ length }, () => String.fromCharCode(33 + ((state = (state * 48271) % 2147483647) % 90))).join(
      "",
    );
  };
  const large = { directory: noise(1_600_000), catalog: "catalog" };

  it("come back as they were, from one part or several", () => {
    const small = { directory: renderDirectory(mesh), catalog: renderCatalog(mesh) };
    expect(packCentralZones(small).parts).to.have.length(1);
    expect(packCentralZones(large).parts).to.have.length(2);
    for (const zones of [small, large]) expect(unpackCentralZones(files(packCentralZones(zones)))).to.deep.equal(zones);
  });

  it("fit a ConfigMap each", () => {
    for (const part of packCentralZones(large).parts) expect(part.length).to.be.at.most(900 * 1024);
  });

  it("are not there while a part is missing, is another version's or is cut off", () => {
    const whole = files(packCentralZones(large));
    const other = files(packCentralZones({ ...large, directory: `new ${large.directory}` }));
    const part = whole.get("part-1")!;
    for (const [name, content] of [
      ["part-1", undefined],
      ["part-0", other.get("part-0")],
      ["part-1", part.subarray(0, 10)],
      ["manifest.json", other.get("manifest.json")],
      ["manifest.json", Buffer.from("{")],
      ["manifest.json", undefined],
    ] as const) {
      const mixed = new Map(whole);
      if (content === undefined) mixed.delete(name);
      else mixed.set(name, content);
      expect(unpackCentralZones(mixed), name).to.equal(undefined);
    }
  });

  it("ignores files besides", () => {
    const more = files(packCentralZones(large));
    more.set("..data", Buffer.from("x")).set("part-2", Buffer.from("old"));
    expect(unpackCentralZones(more)).to.deep.equal(large);
  });

  it("are the same octets for the same text", () => {
    expect(packCentralZones(large)).to.deep.equal(packCentralZones({ ...large }));
  });

  it("refuse to be larger than what a primary mounts", () => {
    expect(() => packCentralZones({ directory: noise(5_500_000), catalog: "" })).to.throw(/split the mesh/);
  });
});
