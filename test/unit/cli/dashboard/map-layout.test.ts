import { expect } from "chai";
import fc from "fast-check";
import { layoutSites, neighbour } from "../../../../src/cli/dashboard/page/map-layout";

const sitesOf = (count: number, hubs: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `site-${i}`,
    role: i === 0 ? "primary-catalog" : i <= hubs ? "secondary-catalog" : "standard",
  }));
const list = fc
  .record({ count: fc.integer({ min: 1, max: 320 }), hubs: fc.integer({ min: 0, max: 12 }) })
  .map(({ count, hubs }) => sitesOf(count, hubs));

describe("the map's layout", () => {
  it("puts every site at a place of its own, apart from the others and within the picture", () => {
    fc.assert(
      fc.property(list, fc.constantFrom(1, 1.9), (sites, stretch) => {
        const { places, box, radius } = layoutSites(sites, { stretch });
        expect([...places.keys()]).to.have.members(sites.map(({ name }) => name));
        const all = [...places.values()];
        const isWithin = all.every(
          ({ x, y }) =>
            x - radius > box.x &&
            x + radius < box.x + box.width &&
            y - radius > box.y &&
            y + radius < box.y + box.height,
        );
        const apart = all.flatMap((a, i) => all.slice(i + 1).map((b) => Math.hypot(a.x - b.x, a.y - b.y)));
        expect([isWithin, apart.every((distance) => distance > 2 * radius)]).to.deep.equal([true, true]);
      }),
      { numRuns: 20 },
    );
  });

  it("is the same for the same list, with the primary in the middle and catalog sites nearest to it", () => {
    const sites = sitesOf(100, 3);
    const { places } = layoutSites(sites, { stretch: 1 });
    expect([...layoutSites(sites, { stretch: 1 }).places]).to.deep.equal([...places]);
    expect(places.get("site-0")).to.deep.equal({ x: 0, y: 0 });
    const distance = (name: string): number => Math.hypot(places.get(name)!.x, places.get(name)!.y);
    const far = Math.max(...["site-1", "site-2", "site-3"].map(distance));
    expect(Math.min(...sites.slice(4).map(({ name }) => distance(name)))).to.be.above(far);
  });

  it("lets the arrow keys reach every site", () => {
    for (const count of [2, 3, 4, 9, 25, 300]) {
      const { places } = layoutSites(sitesOf(count, 2), { stretch: 1.9 });
      const reached = new Set(["site-0"]);
      for (const name of reached)
        for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
          const next = neighbour(places, name, key);
          if (next !== undefined) reached.add(next);
        }
      expect(reached.size, `${count} sites`).to.equal(count);
    }
    expect(neighbour(layoutSites(sitesOf(3, 1), { stretch: 1 }).places, "site-0", "Enter")).to.equal(undefined);
  });
});
