import { expect } from "chai";
import fc from "fast-check";
import { parseAllowance } from "../../../../../src/agents/sidecar/guard/allowance";
import { isHarmless, judgeChange, type ZoneDifference } from "../../../../../src/agents/sidecar/guard/judge";
import { defaultZoneLimits } from "../../../../../src/mesh/limits";

const name = fc.integer({ min: 0, max: 40 }).map((n) => `n${n}.a.example`);
const counts = fc.uniqueArray(fc.tuple(name, fc.integer({ min: 1, max: 3 })), { selector: ([owner]) => owner });
const limits = fc.record({ least: fc.integer({ min: 1, max: 12 }), share: fc.constantFrom(0.1, 1 / 3, 0.5) });

/** A zone, and a change of it that can be made. */
const changed = fc
  .record({ zone: counts, kept: fc.array(fc.boolean(), { maxLength: 41 }), added: fc.uniqueArray(name), limits })
  .map(({ zone, kept, added, limits: most }) => {
    const records = new Map(zone);
    const removed = new Map(
      zone.flatMap(([owner, n], i) => (kept[i] === true ? [] : [[owner, i % 2 === 0 ? n : 1] as const])),
    );
    return { content: { records, apexServers: 2 }, removed, added: new Set(added), limits: most };
  });

const difference = (change: Partial<ZoneDifference>): ZoneDifference => ({
  ...{ isWhole: false, removed: new Map(), added: new Set<string>(), losesSoa: false },
  apexServers: { removed: 0, added: 0 },
  ...change,
});
const zoneOf = (n: number) => ({ records: new Map(Array.from({ length: n }, (_, i) => [`n${i}`, 1])), apexServers: 2 });
const taking = (n: number) => difference({ removed: new Map(Array.from({ length: n }, (_, i) => [`n${i}`, 1])) });
const kind = (change: ZoneDifference, of: number, recent: readonly string[] = []) =>
  judgeChange({ difference: change, recent: new Set(recent), limits: defaultZoneLimits }, zoneOf(of)).kind;

describe("the judge of changes of own zones", () => {
  it("lets a third go and ten names in any case, and holds what is more", () => {
    for (const [n, of, expected] of [
      [1, 2, "publish"],
      [10, 10, "publish"],
      [11, 11, "hold"],
      [11, 33, "publish"],
      [11, 32, "hold"],
      [100, 300, "publish"],
      [101, 300, "hold"],
    ] as const)
      expect(kind(taking(n), of), `${n} of ${of}`).to.equal(expected);
  });

  it("counts names that went shortly before, and are not back, with those that go", () => {
    expect(kind(taking(8), 20, ["gone-1", "gone-2"])).to.equal("publish");
    expect(kind(taking(8), 20, ["gone-1", "gone-2", "gone-3"])).to.equal("hold");
    expect(kind(taking(8), 20, ["n15", "n16", "n17"])).to.equal("publish");
  });

  it("takes no name for gone that has other records, or gets some", () => {
    const removed = new Map(Array.from({ length: 20 }, (_, i) => [`n${i}`, 1]));
    const content = { records: new Map([...removed.keys()].map((owner) => [owner, 2])), apexServers: 2 };
    const change = { difference: difference({ removed }), recent: new Set<string>(), limits: defaultZoneLimits };
    expect(judgeChange(change, content)).to.deep.include({ kind: "publish", names: [] });
    expect(kind(difference({ removed, added: new Set(removed.keys()) }), 20)).to.equal("publish");
  });

  it("holds what leaves the apex without NS records, or the zone without SOA record", () => {
    expect(kind(difference({ apexServers: { removed: 1, added: 0 } }), 5)).to.equal("publish");
    expect(kind(difference({ apexServers: { removed: 2, added: 0 } }), 5)).to.equal("hold");
    expect(kind(difference({ apexServers: { removed: 2, added: 1 } }), 5)).to.equal("publish");
    expect(kind(difference({ losesSoa: true }), 5)).to.equal("hold");
    expect(kind(difference({ isWhole: true, added: new Set(["n0", "n1"]) }), 2)).to.equal("hold");
  });

  it("holds just what takes away more names than may go, whatever the change and however it comes", () => {
    fc.assert(
      fc.property(changed, ({ content, removed, added, limits: most }) => {
        const after = new Set(
          [...content.records].filter(([owner, n]) => n > (removed.get(owner) ?? 0)).map(([owner]) => owner),
        );
        for (const owner of added) after.add(owner);
        const gone = [...content.records.keys()].filter((owner) => !after.has(owner)).length;
        const allowed = Math.max(most.least, Math.floor(content.records.size * most.share + 1e-9));
        const recent = new Set<string>();
        const expected = gone > allowed ? "hold" : "publish";
        const apexServers = { removed: 0, added: 2 };
        const parts = difference({ removed, added });
        const whole = difference({ isWhole: true, added: after, apexServers });
        for (const each of [parts, whole])
          expect(judgeChange({ difference: each, recent, limits: most }, content).kind).to.equal(expected);
      }),
    );
  });

  it("looks at the zone whenever it might be held", () => {
    fc.assert(
      fc.property(
        changed,
        fc.uniqueArray(name),
        fc.boolean(),
        ({ content, removed, added, limits: most }, gone, isKnown) => {
          const change = { difference: difference({ removed, added }), recent: new Set(gone), limits: most };
          fc.pre(isHarmless(change, isKnown ? content.records.size : 0));
          expect(judgeChange(change, content).kind).to.equal("publish");
        },
      ),
    );
  });
});

describe("the annotation that lets changes through", () => {
  const now = Date.parse("2026-11-29T10:00:00Z");

  it("names zones, each with a time within a day", () => {
    expect([...parseAllowance(" a.example=2026-11-29T10:15:00Z, b.example=2026-11-29T11:00Z", now)]).to.deep.equal([
      ["a.example", now + 900_000],
      ["b.example", now + 3_600_000],
    ]);
    expect(parseAllowance("", now).size).to.equal(0);
  });

  for (const text of [
    "a.example",
    "a.example=",
    "=2026-11-29T10:15:00Z",
    "a.example=tomorrow",
    "a.example=2026-11-29T10:15:00",
    "a b=2026-11-29T10:15:00Z",
    "*=2026-11-29T10:15:00Z",
  ])
    it(`is refused as ${JSON.stringify(text)}`, () => {
      expect(() => parseAllowance(text, now)).to.throw("is not a zone and a time");
    });

  it("is refused for more than a day ahead", () => {
    expect(() => parseAllowance("a.example=2026-11-30T10:00:01Z", now)).to.throw("more than a day");
  });
});
