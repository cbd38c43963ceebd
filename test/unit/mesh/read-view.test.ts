import { expect } from "chai";
import type { ResourceRecord } from "../../../src/dns/record";
import { memberId } from "../../../src/mesh/catalog";
import { areNameServersSaid } from "../../../src/mesh/name-servers";
import { readMeshView, type DiscoveredMesh } from "../../../src/mesh/read-view";
import type { RefusalKind } from "../../../src/mesh/view";

const directoryZone = "dns.internal";
const catalogZone = "catalog.internal.dns";

const base = (name: string) => ({ name, class: "IN" as const, ttl: 60 });
const txt = (name: string, ...strings: string[]): ResourceRecord => ({ ...base(name), type: "TXT", strings });
const a = (name: string, address: string): ResourceRecord => ({ ...base(name), type: "A", address });
const ptr = (name: string, target: string): ResourceRecord => ({ ...base(name), type: "PTR", target });
const soa = (name: string, serial: number): ResourceRecord => ({
  ...base(name),
  type: "SOA",
  mname: "a",
  rname: "b",
  serial,
  refresh: 1,
  retry: 1,
  expire: 1,
  minimum: 1,
});

interface Zones {
  directory: ResourceRecord[];
  catalog: ResourceRecord[];
}

/** Two sites with two zones, as records; `counts` replaces what the directory says of itself. */
function zones(counts = ["sites=2", "zones=2"]): Zones {
  const member = (name: string, group: string) => [
    ptr(`${memberId(name)}.zones.${catalogZone}`, name),
    txt(`group.${memberId(name)}.zones.${catalogZone}`, group),
  ];
  return {
    directory: [
      soa(directoryZone, 7),
      txt(`_mesh.${directoryZone}`, "version=1", ...counts),
      a(`b.${directoryZone}`, "192.0.2.9"),
      a(`b.${directoryZone}`, "192.0.2.2"),
      txt(`b.${directoryZone}`, "role=standard", "source=10.0.0.0/8", "source=10.0.0.0/8", "later=ignored"),
      a(`a.${directoryZone}`, "192.0.2.1"),
      txt(`a.${directoryZone}`, "role=primary-catalog", "source=192.0.2.1/32", "retired=2026-12-31"),
      txt(`y.example._zone.${directoryZone}`, `server=b.${directoryZone}`, "retired=2027-01-01"),
      txt(`x.example._zone.${directoryZone}`, `server=A.${directoryZone}`),
    ],
    catalog: [
      soa(catalogZone, 8),
      txt(`version.${catalogZone}`, "2"),
      ...member("y.example", "b"),
      ...member("x.example", "a"),
    ],
  };
}

function read(z: Zones): ReturnType<typeof readMeshView> {
  return readMeshView({ directoryZone, catalogZone, ...z });
}

function discovered(z: Zones): DiscoveredMesh {
  const found = read(z);
  if (found.kind === "refused") expect.fail(found.refusal.reason);
  return found;
}

function without(records: ResourceRecord[], name: string): ResourceRecord[] {
  return records.filter((record) => record.name !== name);
}

describe("readMeshView", () => {
  it("reads how zones travel, and takes what it does not know for full", () => {
    const told = (...facts: string[]) => {
      const z = zones();
      z.directory[1] = txt(`_mesh.${directoryZone}`, "version=1", "sites=2", "zones=2", ...facts);
      return discovered(z).view.topology;
    };
    expect([told(), told("topology=hub"), told("topology=ring")]).to.deep.equal([undefined, "hub", undefined]);
  });

  it("says nothing of the name servers of a zone whose own list it cannot read", () => {
    const z = zones();
    z.directory[1] = txt(`_mesh.${directoryZone}`, "version=1", "sites=2", "zones=2", "nameservers=all");
    const text = txt(`x.example._zone.${directoryZone}`, `server=a.${directoryZone}`, "nameserver=*nearest");
    z.directory = z.directory.map((known) => (known.name === text.name ? text : known));
    const { view } = discovered(z);
    expect(view.zones.map((zone) => [zone.name, areNameServersSaid(zone, view)])).to.deep.equal([
      ["x.example", false],
      ["y.example", true],
    ]);
  });

  it("reads sites, zones and serials, sorted", () => {
    expect(discovered(zones())).to.deep.equal({
      kind: "view",
      view: {
        directorySerial: 7,
        catalogSerial: 8,
        sites: [
          {
            name: "a",
            role: "primary-catalog",
            addresses: ["192.0.2.1"],
            sources: ["192.0.2.1/32"],
            retired: "2026-12-31",
          },
          { name: "b", role: "standard", addresses: ["192.0.2.2", "192.0.2.9"], sources: ["10.0.0.0/8"] },
        ],
        zones: [
          { name: "x.example", owner: "a", id: memberId("x.example") },
          { name: "y.example", owner: "b", id: memberId("y.example"), retired: "2027-01-01" },
        ],
      },
      uncertain: { sites: [], zones: [] },
      problems: [],
    });
  });

  const uncertainties: readonly [string, (z: Zones) => void, { sites?: string[]; zones: string[] }, RegExp][] = [
    [
      "only the catalog has",
      (z) => (
        (z.directory = without(z.directory, `x.example._zone.${directoryZone}`)),
        (z.directory[1] = txt(`_mesh.${directoryZone}`, "version=1", "sites=2", "zones=1"))
      ),
      { zones: ["x.example"] },
      /x\.example is in the catalog .* not in the directory/,
    ],
    [
      "only the directory has",
      (z) => (z.catalog = without(z.catalog, `${memberId("x.example")}.zones.${catalogZone}`)),
      { zones: ["x.example"] },
      /not in the catalog/,
    ],
    [
      "the two give to different owners",
      (z) =>
        (z.catalog = z.catalog.map((r) => (r.type === "TXT" && r.strings[0] === "a" ? { ...r, strings: ["b"] } : r))),
      { zones: ["x.example"] },
      /at a in the directory and of b/,
    ],
    [
      "belongs to a site with a bad entry",
      (z) => (z.directory = without(z.directory, `a.${directoryZone}`).concat(txt(`a.${directoryZone}`, "role=king"))),
      { sites: ["a"], zones: ["x.example"] },
      /no role/,
    ],
    [
      "belongs to a site without address",
      (z) => (z.directory = z.directory.filter((r) => r.type !== "A" || r.name !== `a.${directoryZone}`)),
      { sites: ["a"], zones: ["x.example"] },
      /site a has no address/,
    ],
    [
      "belongs to a site with a source that is none",
      (z) =>
        (z.directory = z.directory.map((r) =>
          r.name === `a.${directoryZone}` && r.type === "TXT"
            ? { ...r, strings: ["role=standard", "source=everywhere"] }
            : r,
        )),
      { sites: ["a"], zones: ["x.example"] },
      /no CIDR/,
    ],
    [
      "has a server elsewhere",
      (z) =>
        (z.directory = z.directory.map((r) =>
          r.name.startsWith("x.example") ? txt(r.name, "server=a.example.org") : r,
        )),
      { zones: ["x.example"] },
      /no server below/,
    ],
    [
      "stands under two ids",
      (z) => z.catalog.push(ptr(`second.zones.${catalogZone}`, "x.example")),
      { zones: ["x.example"] },
      /two ids/,
    ],
    [
      "shares its id",
      (z) => (z.catalog = z.catalog.concat(ptr(`${memberId("x.example")}.zones.${catalogZone}`, "z.example"))),
      { zones: ["x.example", "z.example"] },
      /shares the id/,
    ],
    [
      "has an invalid retirement date",
      (z) =>
        (z.directory = z.directory.map((r) =>
          r.name.startsWith("x.example") ? txt(r.name, `server=a.${directoryZone}`, "retired=soon") : r,
        )),
      { zones: ["x.example"] },
      /invalid retirement date/,
    ],
  ];
  for (const [what, spoil, uncertain, problem] of uncertainties) {
    it(`is not sure of a zone that ${what}, and takes the rest`, () => {
      const z = zones();
      spoil(z);
      const found = discovered(z);
      expect(found.view.zones.map((zone) => zone.name)).to.deep.equal(["y.example"]);
      expect(found.view.sites.map((site) => site.name)).to.include("b");
      expect(found.uncertain).to.deep.equal({ sites: [], ...uncertain });
      expect(found.problems.join("\n")).to.match(problem);
    });
  }

  const refusals: readonly [string, (z: Zones) => void, RefusalKind, RegExp][] = [
    ["an empty directory", (z) => (z.directory = []), "empty", /no records/],
    ["an empty catalog", (z) => (z.catalog = []), "empty", /no records/],
    [
      "a catalog without members beside a directory with zones",
      (z) => (z.catalog = z.catalog.slice(0, 2)),
      "empty",
      /lists no zone, while the directory knows 2/,
    ],
    ["a directory without sites", (z) => (z.directory = z.directory.slice(0, 2)), "empty", /no site/],
    ["a directory without SOA", (z) => (z.directory = z.directory.slice(1)), "malformed", /no SOA/],
    [
      "a directory without version",
      (z) => (z.directory = without(z.directory, `_mesh.${directoryZone}`)),
      "malformed",
      /does not say its version/,
    ],
    [
      "a directory of a later version",
      (z) => (z.directory[1] = txt(`_mesh.${directoryZone}`, "version=2")),
      "malformed",
      /version 2; this release/,
    ],
    [
      "a directory without counts",
      (z) => (z.directory[1] = txt(`_mesh.${directoryZone}`, "version=1", "sites=2")),
      "malformed",
      /number of zones/,
    ],
    [
      "a directory that lacks a site",
      (z) => (z.directory = without(z.directory, `b.${directoryZone}`)),
      "incomplete",
      /1 sites and 2 zones, but says that it has 2 and 2/,
    ],
    [
      "a directory that lacks a zone",
      (z) => (z.directory = without(z.directory, `x.example._zone.${directoryZone}`)),
      "incomplete",
      /2 sites and 1 zones/,
    ],
    [
      "a catalog without version",
      (z) => (z.catalog = without(z.catalog, `version.${catalogZone}`)),
      "malformed",
      /version 2/,
    ],
    ["a catalog of version 1", (z) => (z.catalog[1] = txt(`version.${catalogZone}`, "1")), "malformed", /version 2/],
  ];
  for (const [what, spoil, kind, reason] of refusals) {
    it(`refuses ${what}`, () => {
      const z = zones();
      spoil(z);
      const found = read(z);
      expect(found).to.have.property("kind", "refused");
      if (found.kind === "refused") {
        expect(found.refusal.kind).to.equal(kind);
        expect(found.refusal.reason).to.match(reason);
      }
    });
  }

  it("takes a mesh that has no zone yet", () => {
    const z = zones(["sites=2", "zones=0"]);
    z.directory = z.directory.filter((record) => !record.name.includes("_zone"));
    z.catalog = z.catalog.slice(0, 2);
    expect(discovered(z).view.zones).to.deep.equal([]);
  });
});
