import { expect } from "chai";
import fc from "fast-check";

import { type Check, type Seen } from "../../../src/pools/model";
import {
  beatEveryMs,
  checkId,
  decodeTelling,
  encodeTold,
  isPoolZone,
  poolId,
  type Told,
  txtRecord,
} from "../../../src/pools/wire";

const zone = "_pools.site-a.internal.dns";
const pace = { intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2 };
const tcp: Check = { kind: "tcp", address: "192.0.2.1", port: 80, ...pace };
const web: Check = { kind: "https", address: "2001:db8::1", port: 443, path: "/health", host: "shop", ...pace };

const dns: Check = { kind: "dns", address: "192.0.2.1", port: 53, name: "a.example", recordType: "SOA", ...pace };

/** What is told, as it is read from what was written. */
function readBack(told: Told): Told {
  const checks = new Map<string, readonly Check[]>();
  const seen = new Map<string, ReadonlyMap<string, Seen>>();
  let beat: Told["beat"];
  for (const [name, strings] of encodeTold(told, zone)) {
    const record = txtRecord(name, strings);
    expect(record.type === "TXT" && record.strings.every((each) => each.length <= 255 && each.length > 0)).to.be.true;
    const telling = decodeTelling(name, strings, zone);
    if (telling?.kind === "checks") checks.set(telling.pool, telling.checks);
    if (telling?.kind === "seen") seen.set(telling.pool, telling.seen);
    if (telling?.kind === "beat") ({ beat } = telling);
  }
  return { checks, seen, ...(beat && { beat }) };
}

const checks = fc
  .record(
    {
      kind: fc.constantFrom("http" as const, "https" as const),
      address: fc.oneof(fc.ipV4(), fc.ipV6()),
      port: fc.integer({ min: 1, max: 65_535 }),
      path: fc.stringMatching(/^\/[!-~]{0,199}$/),
      host: fc.stringMatching(/^[a-z0-9]{1,60}(\.[a-z0-9]{1,60}){0,3}$/),
      status: fc.integer({ min: 100, max: 599 }),
      intervalMs: fc.integer({ min: 1000, max: 3_600_000 }),
      timeoutMs: fc.integer({ min: 100, max: 3_600_000 }),
      rise: fc.integer({ min: 1, max: 10 }),
      fall: fc.integer({ min: 1, max: 10 }),
    },
    {
      noNullPrototype: true,
      requiredKeys: ["kind", "address", "port", "path", "intervalMs", "timeoutMs", "rise", "fall"],
    },
  )
  .filter(({ address }) => !address.startsWith("::ffff"));
const id = fc.stringMatching(/^[0-9a-f]{16}$/);

describe("what sites tell one another of pools", () => {
  it("comes back as it was told", () => {
    const seen = fc.dictionary(id, fc.constantFrom<Seen>("up", "down"), {
      minKeys: 1,
      maxKeys: 3,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(
        fc.dictionary(id, fc.array(checks, { minLength: 1, maxLength: 6 }), { maxKeys: 3, noNullPrototype: true }),
        fc.dictionary(id, seen, { maxKeys: 3, noNullPrototype: true }),
        fc.option(fc.record({ text: fc.stringMatching(/^\d{1,14}$/), everyMs: fc.integer({ min: 1, max: 600_000 }) })),
        (pools, sights, beat) => {
          const told: Told = {
            checks: new Map(Object.entries(pools)),
            seen: new Map(Object.entries(sights).map(([pool, each]) => [pool, new Map(Object.entries(each))])),
            ...(beat && { beat }),
          };
          expect(readBack(told)).to.deep.equal(told);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("comes back with checks of DNS servers", () => {
    const told: Told = { checks: new Map([["0123456789abcdef", [dns, tcp]]]), seen: new Map() };
    expect(readBack(told)).to.deep.equal(told);
  });

  it("fits into a record's 65,535 octets at its largest", () => {
    const longest: Check = { ...web, path: `/${"p".repeat(199)}`, host: "h".repeat(253), status: 200 };
    const told = encodeTold(
      { checks: new Map([["0", Array.from({ length: 32 }, () => longest)]]), seen: new Map() },
      zone,
    );
    const octets = [...told.values()].flat().reduce((sum, each) => sum + each.length + 1, 0);
    expect(octets).to.be.below(30_000);
  });

  it("passes over names that another version may tell", () => {
    for (const name of ["x", "x.y", "a.b.c"]) expect(decodeTelling(`${name}.${zone}`, ["z"], zone)).to.be.undefined;
  });

  const bad: readonly [title: string, name: string, strings: readonly string[]][] = [
    ["text that is no JSON", "p.checks", ["["]],
    ["a check of an unknown kind", "p.checks", [JSON.stringify([{ ...tcp, kind: "icmp" }])]],
    ["an address that is a name", "p.checks", [JSON.stringify([{ ...tcp, address: "example.org" }])]],
    ["a port out of range", "p.checks", [JSON.stringify([{ ...tcp, port: 65_536 }])]],
    ["probes without a pause", "p.checks", [JSON.stringify([{ ...tcp, intervalMs: 1 }])]],
    ["a path with a line's end", "p.checks", [JSON.stringify([{ ...web, path: "/\r\nX: y" }])]],
    ["a host with a blank", "p.checks", [JSON.stringify([{ ...web, host: "a b" }])]],
    ["a name with an empty label", "p.checks", [JSON.stringify([{ ...dns, name: "a..b" }])]],
    ["a type that nobody may ask for", "p.checks", [JSON.stringify([{ ...dns, recordType: "ANY" }])]],
    ["a sign of life without a time", "beat", ["1"]],
    ["a sign of life for good", "beat", ["1", "999999999"]],
  ];
  for (const [title, name, strings] of bad)
    it(`does not take ${title}`, () => {
      expect(() => decodeTelling(`${name}.${zone}`, strings, zone)).to.throw();
    });

  it("leaves out of what is seen what it does not know", () => {
    const telling = decodeTelling(`p.seen.${zone}`, ["a=up", "b=odd", "c", "d=down"], zone);
    expect(telling).to.deep.equal({
      kind: "seen",
      pool: "p",
      seen: new Map([
        ["a", "up"],
        ["d", "down"],
      ]),
    });
  });

  it("knows its zones by their first label", () => {
    expect(isPoolZone(zone)).to.be.true;
    expect(isPoolZone("pools.internal.dns")).to.be.false;
    expect(isPoolZone("_pools")).to.be.false;
  });

  it("calls equal checks the same, and others otherwise", () => {
    expect(checkId({ ...tcp })).to.equal(checkId(tcp));
    const others: Check[] = [{ ...tcp, port: 81 }, { ...tcp, timeoutMs: 900 }, web, { ...web, path: "/" }];
    const asked: Check[] = [dns, { ...dns, name: "b.example" }, { ...dns, recordType: "A" }];
    expect(new Set([tcp, ...others, ...asked].map(checkId)).size).to.equal(8);
    const pool = { zone: "a.example", name: "www.a.example", type: "A" as const };
    expect(poolId(pool)).not.to.equal(poolId({ ...pool, type: "AAAA" }));
  });

  it("gives signs of life more rarely in a large mesh", () => {
    expect([1, 5, 20, 100].map(beatEveryMs)).to.deep.equal([2000, 2000, 8000, 40_000]);
  });
});
