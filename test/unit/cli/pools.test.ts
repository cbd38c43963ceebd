import { expect } from "chai";

import type { PoolsLook, SeenPool } from "../../../src/cli/pools-look";
import { lookAtPools } from "../../../src/cli/pools-look";
import { poolsReport, wouldBe } from "../../../src/cli/pools-report";
import { outlookTable, poolsTable } from "../../../src/cli/pools-text";
import type { DnsClient } from "../../../src/dns/client/dns-client";
import { rcodes } from "../../../src/dns/types";
import type { Check, Seen } from "../../../src/pools/model";
import { type PublishedPool, publishedName } from "../../../src/pools/published";
import { checkId, encodeTold } from "../../../src/pools/wire";
import { parseMesh } from "../../../src/settings/parse";

const now = Date.parse("2026-11-29T12:00:00Z");
const names = ["site-a", "site-b", "site-c"];
const zoneOf = (site: string): string => `_pools.${site}.internal.dns`;
const check = (address: string): Check => ({
  kind: "tcp",
  address,
  port: 80,
  ...{ intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2 },
});
const values = ["192.0.2.1", "192.0.2.2"];
const checks = new Map(values.map((value) => [checkId(check(value)), check(value)]));
const ids = [...checks.keys()];
const id = "0123456789abcdef";

/** A pool of two targets, of which each site sees what is said. */
function seenPool(
  seen: Readonly<Record<string, readonly (Seen | undefined)[]>>,
  more: Partial<PublishedPool> = {},
): SeenPool {
  const sights = Object.entries(seen).map(([site, all]): [string, ReadonlyMap<string, Seen>] => [
    site,
    new Map(all.flatMap((what, i): [string, Seen][] => (what === undefined ? [] : [[ids[i] ?? "", what]]))),
  ]);
  const pool: PublishedPool = {
    ...{ name: "shop.a.example", zone: "a.example", type: "A", strategy: "failover", minHealthy: 1 },
    verdict: "Healthy",
    answer: ["192.0.2.1"],
    targets: values.map((value, priority) => ({ value, priority, check: ids[priority] ?? "", healthy: true })),
    distrusted: [],
    ...more,
  };
  return { id, owner: "site-a", pool, checks, seen: new Map(sights) };
}

const sites = (ages: Readonly<Record<string, number>> = {}): PoolsLook["sites"] =>
  names.map((site) => ({
    site,
    zone: zoneOf(site),
    beat: { text: String(now - (ages[site] ?? 1) * 1000), everyMs: 2000 },
  }));
const look = (pools: readonly SeenPool[], more: Partial<PoolsLook> = {}): PoolsLook => ({
  ...{ sites: sites(), pools, left: 0, failures: [] },
  ...more,
});
const allUp = { "site-a": ["up", "up"], "site-b": ["up", "up"], "site-c": ["up", "up"] } as const;

describe("pools in mesh status", () => {
  it("have each target as each site sees it, and nothing is wrong while enough are healthy", () => {
    const { pools, findings } = poolsReport(look([seenPool({ ...allUp, "site-c": ["down", "up"] })]), now);
    expect(findings).to.deep.equal([]);
    expect(pools[0]?.targets[0]).to.deep.equal({
      ...{ value: "192.0.2.1", priority: 0, healthy: "True", answered: true },
      ...{ up: ["site-a", "site-b"], down: ["site-c"] },
    });
    expect(poolsTable(pools).split("\n")[2]).to.match(
      /^shop.a.example +A +site-a +Healthy +192.0.2.1 +yes +site-a,site-b +site-c/,
    );
  });

  for (const [verdict, severity, why] of [
    ["NoneHealthy", "wrong", "no site sees a healthy target"],
    ["TooFewHealthy", "wrong", "fewer targets are healthy than it asks for"],
    ["NotProbed", "unknown", "not every target is probed yet, or may be"],
  ] as const)
    it(`are ${severity} where the last answer stays: ${verdict}`, () => {
      const { findings } = poolsReport(look([seenPool(allUp, { verdict })]), now);
      expect(findings).to.deep.equal([
        {
          ...{ severity, site: "site-a", zone: "a.example" },
          message: `the pool shop.a.example A keeps its last answer (192.0.2.1): ${why}`,
        },
      ]);
    });

  it("name a site whose signs of life are old, and do not count what it saw", () => {
    const report = poolsReport(look([seenPool(allUp)], { sites: sites({ "site-b": 120 }) }), now);
    expect(report.findings.map(({ site, severity }) => [site, severity])).to.deep.equal([["site-b", "wrong"]]);
    expect(report.findings[0]?.message).to.contain("2026-11-29T11:58:00.000Z");
    expect(report.pools[0]?.targets[0]?.up).to.deep.equal(["site-a", "site-c"]);
  });

  it("believe a sign of life that is older by less than clocks may differ, one that is no time, and none at all", () => {
    const [a, b] = sites({ "site-a": 35 });
    const odd = { site: "site-b", zone: b?.zone ?? "", beat: { text: "7", everyMs: 2000 } };
    const report = poolsReport(look([], { sites: [a!, odd, { site: "site-c", zone: zoneOf("site-c") }] }), now);
    expect(report.findings).to.deep.equal([]);
    expect(report.probes.map(({ stale }) => stale)).to.deep.equal([false, false, false]);
  });

  it("are unknown where a zone cannot be read", () => {
    const failures = [{ site: "site-c", message: "no answer" }];
    expect(poolsReport(look([], { failures }), now).findings).to.deep.equal([
      { severity: "unknown", site: "site-c", message: "no answer" },
    ]);
  });
});

describe("what pools would lead to", () => {
  const probes = poolsReport(look([]), now).probes;
  const would = (pool: SeenPool, sitesGone: string[], targets: string[] = []) =>
    wouldBe(pool, { sites: sitesGone, targets }, probes);

  it("without a target that every site sees is the next one", () => {
    expect(would(seenPool(allUp), [], ["192.0.2.1"])).to.deep.equal({ answer: ["192.0.2.2"], verdict: "Healthy" });
  });

  it("without a site follows the majority of the others", () => {
    const seen = { "site-a": ["up", "up"], "site-b": ["down", "up"], "site-c": ["up", "up"] } as const;
    expect(would(seenPool(seen), ["site-b"])).to.deep.equal({ answer: ["192.0.2.1"], verdict: "Healthy" });
    const close = { "site-a": ["up", "up"], "site-b": ["down", "up"], "site-c": ["down", "up"] } as const;
    const now = seenPool(close, { answer: ["192.0.2.2"] });
    expect(would(now, ["site-b"])?.answer).to.deep.equal(["192.0.2.1"]);
  });

  it("stays where nothing healthy is left, and where the site that decides is gone", () => {
    expect(would(seenPool(allUp), [], [...values])).to.deep.equal({ answer: ["192.0.2.1"], verdict: "NoneHealthy" });
    expect(would(seenPool(allUp), ["site-a"])?.note).to.equal("site-a decides on it: it stays as it is");
  });

  it("says of a target without a check that nobody would see it go", () => {
    const [first] = values;
    const targets = [{ value: first ?? "", priority: 0, healthy: true }];
    expect(would(seenPool(allUp, { targets }), [], [first ?? ""])?.note).to.contain("nobody would see it go");
  });

  it("is not known where a check could not be read", () => {
    const then = would({ ...seenPool(allUp), checks: new Map() }, ["site-b"]);
    expect(then).to.equal(undefined);
    const [pool] = poolsReport(look([seenPool(allUp)]), now).pools;
    expect(outlookTable([pool!], ["site-b"])).to.contain("could not be read");
  });
});

describe("zones of pools that are asked", () => {
  const mesh = parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: names.map((name, i) => ({
      name,
      role: i === 0 ? "primary-catalog" : "standard",
      addresses: [`192.0.2.${i + 1}`],
      zones: [zoneOf(name)],
    })),
  });
  const access = {
    mesh,
    ports: { dns: 53, secure: 853 },
    from: "",
    isLab: true,
    keyOf: () => undefined,
    ca: undefined,
    pods: [],
  };
  const { pool } = seenPool(allUp);
  const texts = new Map<string, readonly string[]>();
  for (const site of names) {
    const seen = new Map([[id, new Map(ids.map((each) => [each, "up" as const]))]]);
    const beat = { text: String(now), everyMs: 2000 };
    const own =
      site === "site-a"
        ? { checks: new Map([[id, [...checks.values()]]]), pools: new Map([[id, pool]]) }
        : { checks: new Map() };
    for (const [name, strings] of encodeTold({ seen, beat, ...own }, zoneOf(site))) texts.set(name, strings);
  }
  const dns = (silent: readonly string[] = [], changed = texts): Pick<DnsClient, "query"> => ({
    query: ({ address }, name) => {
      if (silent.includes(address)) return Promise.reject(new Error(`${address} is silent`));
      const strings = changed.get(name);
      const answers = strings === undefined ? [] : [{ name, class: "IN", ttl: 60, type: "TXT", strings }];
      return Promise.resolve({ rcode: strings === undefined ? rcodes.NXDOMAIN : rcodes.NOERROR, answers } as never);
    },
  });

  it("have all pools with what each site sees", async () => {
    const found = await lookAtPools(access, { dns: dns() });
    expect(found.failures).to.deep.equal([]);
    expect(found.sites.map(({ site, beat }) => [site, beat?.text])).to.deep.equal(
      names.map((name) => [name, String(now)]),
    );
    expect(found.pools).to.deep.equal([seenPool(allUp)]);
  });

  it("are asked for at another site where their own is silent", async () => {
    const found = await lookAtPools(access, { dns: dns(["192.0.2.1"]) });
    expect([found.failures, found.pools.length]).to.deep.equal([[], 1]);
  });

  it("are named where nobody answers, or what stands there is not understood", async () => {
    const nobody = await lookAtPools(access, { dns: dns(["192.0.2.1", "192.0.2.2", "192.0.2.3"]) });
    expect(nobody.failures.map(({ site }) => site)).to.have.members(names);
    const broken = new Map([...texts, [publishedName(id, zoneOf("site-a")), ["{}"]]]);
    const found = await lookAtPools(access, { dns: dns([], broken) });
    expect([found.pools.length, found.failures.map(({ site }) => site)]).to.deep.equal([0, ["site-a"]]);
  });

  it("says how many pools were left out", async () => {
    expect((await lookAtPools(access, { dns: dns(), most: 0 })).left).to.equal(1);
  });
});
