import { expect } from "chai";
import fc from "fast-check";
import { parseMesh } from "../../../src/settings/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import {
  audienceOf,
  centralSourcesOf,
  homeOf,
  isHub,
  relayAudienceOf,
  sourcesOf,
  type KnownMesh,
} from "../../../src/mesh/topology";

const names = (sites: readonly { readonly name: string }[]) => sites.map(({ name }) => name);

/** A mesh of so many sites as one of them sees it: `s0` is the primary, the next are secondaries. */
function at(self: string, size: { sites: number; hubs: number; topology: "full" | "hub" }): KnownMesh {
  const mesh = parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    topology: size.topology,
    sites: Array.from({ length: size.sites }, (_, i) => ({
      name: `s${i}`,
      role: i === 0 ? "primary-catalog" : i < size.hubs ? "secondary-catalog" : "standard",
      addresses: [`10.0.${i >> 8}.${i & 255}`],
    })),
  });
  const sites = mesh.sites.map(({ name, role, addresses, sources }) => ({ name, role, addresses, sources }));
  const topology = size.topology === "hub" ? { topology: size.topology } : {};
  const view = { directorySerial: 1, catalogSerial: 1, sites, zones: [], ...topology };
  return { packet: welcomePacket(mesh, self, "CA"), view };
}

describe("the topology", () => {
  it("is full up to 50 sites, and has hubs beyond, unless the list says otherwise", () => {
    const topology = (sites: number, told?: "full" | "hub") =>
      parseMesh({
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        ...(told !== undefined && { topology: told }),
        sites: Array.from({ length: sites }, (_, i) => ({
          name: `s${i}`,
          role: i === 0 ? "primary-catalog" : "standard",
          addresses: [`10.0.0.${i}`],
        })),
      }).topology;
    expect([topology(50), topology(51), topology(51, "full"), topology(3, "hub")]).to.deep.equal([
      "full",
      "hub",
      "full",
      "hub",
    ]);
  });

  describe("full", () => {
    const full = { sites: 5, hubs: 2, topology: "full" } as const;
    it("lets a site notify every other, and relay nothing", () => {
      expect(names(audienceOf(at("s3", full)))).to.deep.equal(["s0", "s1", "s2", "s4"]);
      expect(names(audienceOf(at("s1", full)))).to.deep.equal(["s0", "s2", "s3", "s4"]);
      expect(isHub(at("s0", full))).to.equal(false);
      expect(relayAudienceOf(at("s0", full), ["s0", "s1"])).to.deep.equal([]);
    });

    it("has the owner asked first, then the catalog sites", () => {
      expect(sourcesOf(at("s3", full))("s4")).to.deep.equal(["s4", "s0", "s1"]);
      expect(centralSourcesOf(at("s3", full))).to.deep.equal(["s0", "s1"]);
    });
  });

  describe("hub", () => {
    const hub = { sites: 9, hubs: 3, topology: "hub" } as const;
    const standard = ["s3", "s4", "s5", "s6", "s7", "s8"];

    it("lets a standard site notify the hubs alone", () => {
      expect(names(audienceOf(at("s5", hub)))).to.deep.equal(["s0", "s1", "s2"]);
      expect(isHub(at("s5", hub))).to.equal(false);
    });

    it("gives every standard site one home, whose hub notifies it", () => {
      const told = ["s0", "s1", "s2"].map((name) => names(audienceOf(at(name, hub))));
      for (const [i, others] of [
        ["s1", "s2"],
        ["s0", "s2"],
        ["s0", "s1"],
      ].entries()) {
        expect(told[i]).to.include.members(others);
      }
      expect(told.flatMap((each) => each.filter((name) => standard.includes(name))).sort()).to.deep.equal(standard);
      for (const name of ["s0", "s1", "s2"]) {
        expect(names(relayAudienceOf(at(name, hub), [name]))).to.deep.equal(
          standard.filter((site) => homeOf(site, ["s0", "s1", "s2"]) === name),
        );
      }
      expect(names(relayAudienceOf(at("s0", hub), ["s0", "s1", "s2"]))).to.deep.equal(standard);
    });

    it("has the hub at home asked first and the owner last at a standard site, the owner first at a hub", () => {
      const home = homeOf("s5", ["s0", "s1", "s2"]);
      const sources = sourcesOf(at("s5", hub))("s7");
      expect(sources[0]).to.equal(home);
      expect([...sources].sort()).to.deep.equal(["s0", "s1", "s2", "s7"]);
      expect(sources.at(-1)).to.equal("s7");
      expect(sourcesOf(at("s1", hub))("s7")).to.deep.equal(["s7", "s0", "s2"]);
      expect(centralSourcesOf(at("s5", hub))[0]).to.equal(home);
    });

    it("spreads homes evenly, and moves few when a hub goes", () => {
      const hubs = ["a", "b", "c", "d"];
      const sites = Array.from({ length: 1000 }, (_, i) => `site-${i}`);
      const homes = sites.map((site) => homeOf(site, hubs));
      for (const hub of hubs) expect(homes.filter((home) => home === hub).length).to.be.within(200, 300);
      const moved = sites.filter((site, i) => homes[i] !== "d" && homeOf(site, ["a", "b", "c"]) !== homes[i]);
      expect(moved).to.deep.equal([]);
    });
  });

  it("never has a site ask or notify itself, and reaches every site from every owner", () => {
    fc.assert(
      fc.property(
        fc.record({
          sites: fc.integer({ min: 2, max: 12 }),
          hubs: fc.integer({ min: 1, max: 4 }),
          topology: fc.constantFrom("full" as const, "hub" as const),
        }),
        fc.nat(),
        (shape, pick) => {
          const all = Array.from({ length: shape.sites }, (_, i) => `s${i}`);
          const owner = all[pick % all.length] ?? "s0";
          for (const name of all.filter((each) => each !== owner)) {
            const sources = sourcesOf(at(name, shape))(owner);
            expect(sources).to.include(owner).and.not.include(name);
          }
          const told = new Set(names(audienceOf(at(owner, shape))));
          for (const hub of all.filter((name) => told.has(name) && isHub(at(name, shape)))) {
            for (const name of names(relayAudienceOf(at(hub, shape), [hub]))) told.add(name);
          }
          expect([...told].filter((name) => name !== owner).sort()).to.deep.equal(
            all.filter((name) => name !== owner).sort(),
          );
          expect(names(audienceOf(at(owner, shape)))).to.not.include(owner);
        },
      ),
      { numRuns: 60 },
    );
  });
});
