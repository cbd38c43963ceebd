import { expect } from "chai";

import { decide, freshMemory } from "../../../src/pools/decision";
import type { Check, Pool } from "../../../src/pools/model";
import {
  decodeIndex,
  decodePublished,
  encodePublished,
  indexNames,
  type PublishedPool,
  publishedName,
  publishedOf,
} from "../../../src/pools/published";
import { checkId, encodeTold, poolId } from "../../../src/pools/wire";

const zone = "_pools.site-a.internal.dns";
const check = (address: string): Check => ({
  kind: "tcp",
  address,
  port: 80,
  ...{ intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2 },
});
const pool: Pool = {
  zone: "a.example",
  name: "shop.a.example",
  type: "A",
  ttl: 5,
  strategy: "failover",
  minHealthy: 1,
  targets: [
    { value: "192.0.2.1", priority: 0, check: check("192.0.2.1") },
    { value: "192.0.2.2", priority: 1 },
  ],
};
const checkIds = pool.targets.map((target) => target.check && checkId(target.check));

describe("what a site publishes of its pools", () => {
  const told = (pools: ReadonlyMap<string, PublishedPool>) =>
    encodeTold({ checks: new Map(), seen: new Map(), pools }, zone);

  it("comes back with what was decided", () => {
    const sights = [{ site: "site-b", seen: ["down" as const, undefined] }];
    const decision = decide(pool, { memory: freshMemory(["192.0.2.1"]), sights, now: 0 });
    const id = poolId(pool);
    const texts = told(new Map([[id, publishedOf(pool, { checkIds, decision })]]));
    expect(decodePublished(texts.get(publishedName(id, zone)) ?? [])).to.deep.equal({
      ...{ name: "shop.a.example", zone: "a.example", type: "A", strategy: "failover", minHealthy: 1 },
      verdict: "Healthy",
      answer: ["192.0.2.2"],
      targets: [
        { value: "192.0.2.1", priority: 0, check: checkIds[0], healthy: false },
        { value: "192.0.2.2", priority: 1, healthy: true },
      ],
      distrusted: [],
    });
  });

  it("says nothing of a decision that was not made", () => {
    const published = publishedOf(pool, { checkIds, decision: undefined });
    expect(published).to.not.have.property("verdict");
    expect(published.targets.every((target) => !("healthy" in target))).to.equal(true);
  });

  it("lists every pool in an index that can be asked for, however many there are", () => {
    const published = publishedOf(pool, { checkIds, decision: undefined });
    const ids = Array.from({ length: 1000 }, (_, i) => poolId({ ...pool, name: `p${i}.a.example` }));
    const texts = told(new Map(ids.map((id) => [id, published])));
    const listed = indexNames(zone).flatMap((name) => decodeIndex(texts.get(name) ?? []));
    expect(listed.toSorted()).to.deep.equal(ids.toSorted());
    for (const strings of texts.values()) expect(strings.every((each) => each.length <= 255)).to.equal(true);
    expect([...encodePublished(new Map(), zone)]).to.deep.equal([]);
  });

  it("is refused where it is not what it should be", () => {
    expect(() => decodePublished(['{"name":"x"}'])).to.throw("pool.zone");
    expect(decodeIndex(["nonsense 0123456789abcdef ../x"])).to.deep.equal(["0123456789abcdef"]);
  });
});
