import { expect } from "chai";
import * as fc from "fast-check";
import { isNewerSerial } from "../../../src/dns/serial";
import { defaultLimits, mostRemovals } from "../../../src/mesh/limits";
import { planMesh } from "../../../src/mesh/plan-mesh";
import type { DiscoveredMesh } from "../../../src/mesh/read-view";
import type { MeshView, SiteView, ZoneView } from "../../../src/mesh/view";

const today = "2026-11-23";
const dates = fc.option(fc.constantFrom("2026-11-01", "2026-11-23", "2026-12-24"), { nil: undefined });
const siteNames = Array.from({ length: 12 }, (_, i) => `s${i}`);
const zoneNames = Array.from({ length: 20 }, (_, i) => `z${i}.example`);

function withRetired<T extends object>(entry: T, retired: string | undefined): T & { retired?: string } {
  return retired === undefined ? entry : { ...entry, retired };
}

const sites: fc.Arbitrary<readonly SiteView[]> = fc
  .tuple(
    fc.subarray(siteNames.slice(1)),
    fc.array(fc.tuple(fc.constantFrom("x", "y"), dates), { minLength: 12, maxLength: 12 }),
  )
  .map(([names, facts]) =>
    ["s0", ...names].map((name, i) =>
      withRetired({ name, role: "standard" as const, addresses: [facts[i]![0]], sources: [] }, facts[i]![1]),
    ),
  );

/** Any view whose zones have owners in it. */
const anyView = (serial: fc.Arbitrary<number>): fc.Arbitrary<MeshView> =>
  fc
    .tuple(serial, sites, fc.subarray(zoneNames), fc.array(fc.tuple(fc.nat(), dates), { minLength: 20, maxLength: 20 }))
    .map(([at, known, names, facts]) => ({
      directorySerial: at,
      catalogSerial: at,
      sites: [...known].sort((a, b) => (a.name < b.name ? -1 : 1)),
      zones: names
        .map((name, i): ZoneView =>
          withRetired({ name, owner: known[facts[i]![0] % known.length]!.name, id: name }, facts[i]![1]),
        )
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }));

/** A view that was read, with some of what is in it or not in doubt. */
const anyDiscovery = (serial: fc.Arbitrary<number>): fc.Arbitrary<DiscoveredMesh> =>
  fc
    .tuple(anyView(serial), fc.subarray(siteNames, { maxLength: 2 }), fc.subarray(zoneNames, { maxLength: 3 }))
    .map(([view, doubtSites, doubtZones]) => {
      const sitesLeft = view.sites.filter((site) => !doubtSites.includes(site.name));
      const names = new Set(sitesLeft.map((site) => site.name));
      const zonesLeft = view.zones.filter((zone) => names.has(zone.owner) && !doubtZones.includes(zone.name));
      const lost = view.zones.filter((zone) => !names.has(zone.owner)).map((zone) => zone.name);
      return {
        kind: "view",
        view: { ...view, sites: sitesLeft, zones: zonesLeft },
        uncertain: { sites: doubtSites, zones: [...doubtZones, ...lost] },
        problems: [],
      };
    });

const known = anyView(fc.integer({ min: 1, max: 10 }));
const discovered = anyDiscovery(fc.integer({ min: 5, max: 20 }));
const plan = (before: MeshView, found: DiscoveredMesh, self = "s0") =>
  planMesh({ self, known: before, discovered: found, limits: defaultLimits, today });

const due = (entry: { readonly retired?: string }) => entry.retired !== undefined && entry.retired <= today;
const namesOf = (entries: readonly { readonly name: string }[]) => entries.map((entry) => entry.name);

describe("any plan", () => {
  it("loses at most the limit of what was not retired", () => {
    fc.assert(
      fc.property(known, discovered, (before, found) => {
        const { next } = plan(before, found);
        const lostSites = before.sites.filter((site) => !namesOf(next.sites).includes(site.name) && !due(site));
        const retiredOwners = namesOf(before.sites.filter(due));
        const lostZones = before.zones.filter(
          (zone) => !namesOf(next.zones).includes(zone.name) && !due(zone) && !retiredOwners.includes(zone.owner),
        );
        expect(lostSites.length).to.be.at.most(mostRemovals(defaultLimits, before.sites.length));
        expect(lostZones.length).to.be.at.most(mostRemovals(defaultLimits, before.zones.length));
      }),
    );
  });

  it("changes nothing when it is made again", () => {
    fc.assert(
      fc.property(known, discovered, (before, found) => {
        const first = plan(before, found);
        const again = plan(first.next, found);
        expect(again.changes).to.deep.equal([]);
        expect(again.next).to.deep.equal(first.next);
        expect(again.held).to.deep.equal(first.held);
      }),
    );
  });

  it("leaves what is known untouched when it refuses", () => {
    fc.assert(
      fc.property(known, discovered, fc.constantFrom("s0", "s1", "nobody"), (before, found, self) => {
        const result = plan(before, found, self);
        const older =
          !isNewerSerial(found.view.directorySerial, before.directorySerial) &&
          found.view.directorySerial !== before.directorySerial;
        if (older) expect(result.refusal?.kind).to.equal("older");
        if (result.refusal !== undefined) {
          expect(result.next).to.equal(before);
          expect(result.changes).to.deep.equal([]);
        }
      }),
    );
  });

  it("yields a view in which every zone has its owner, once, and all is sorted", () => {
    fc.assert(
      fc.property(known, discovered, (before, found) => {
        const { next } = plan(before, found);
        for (const entries of [next.sites, next.zones])
          expect(namesOf(entries)).to.deep.equal([...new Set(namesOf(entries))].sort());
        for (const zone of next.zones) expect(namesOf(next.sites)).to.include(zone.owner);
      }),
    );
  });

  it("holds only what is gone, keeps it, and loses nothing that was found", () => {
    fc.assert(
      fc.property(fc.array(discovered, { minLength: 1, maxLength: 4 }), known, (passes, start) => {
        let before = start;
        for (const found of passes) {
          const { next, refusal } = plan(before, found);
          before = next;
          if (refusal !== undefined) continue;
          for (const name of next.held?.sites ?? []) expect(namesOf(found.view.sites)).to.not.include(name);
          expect(namesOf(next.sites)).to.include.members([...(next.held?.sites ?? []), ...namesOf(found.view.sites)]);
          expect(namesOf(next.zones)).to.include.members([...(next.held?.zones ?? []), ...namesOf(found.view.zones)]);
        }
      }),
    );
  });
});
