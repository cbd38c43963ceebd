import { expect } from "chai";

import type { PoolSpec } from "../../../src/pools/model";
import { poolOf } from "../../../src/pools/spec";

const tcp = { type: "TCP", port: 80 } as const;
const good: PoolSpec = {
  zone: "a.example",
  name: "www",
  type: "A",
  targets: [
    { value: "192.0.2.1", check: tcp },
    { value: "192.0.2.2", priority: 1, check: tcp },
  ],
};

describe("a pool's spec", () => {
  it("is read with its defaults", () => {
    const check = { kind: "tcp", port: 80, intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2 };
    expect(poolOf(good)).to.deep.equal({
      kind: "pool",
      pool: {
        ...{ zone: "a.example", name: "www.a.example", type: "A", ttl: 30, strategy: "failover", minHealthy: 1 },
        targets: [
          { value: "192.0.2.1", priority: 0, check: { ...check, address: "192.0.2.1" } },
          { value: "192.0.2.2", priority: 1, check: { ...check, address: "192.0.2.2" } },
        ],
      },
    });
  });

  it("has one check for targets without one of their own, each at its own address", () => {
    const check = { type: "HTTPS", port: 443, host: "shop.example", path: "/up", status: 204, fall: 3 } as const;
    const reading = poolOf({ ...good, check, targets: [{ value: "192.0.2.1" }, { value: "192.0.2.2", check: tcp }] });
    expect(reading.kind === "pool" && reading.pool.targets.map((target) => target.check)).to.deep.equal([
      {
        ...{ kind: "https", address: "192.0.2.1", port: 443, host: "shop.example", path: "/up", status: 204 },
        ...{ intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 3 },
      },
      { kind: "tcp", address: "192.0.2.2", port: 80, intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2 },
    ]);
  });

  it("may have DNS servers that are asked for a name, an A record where it does not say", () => {
    const dns = { type: "DNS", port: 53, name: "Health.Example." } as const;
    const reading = poolOf({
      ...good,
      targets: [
        { value: "192.0.2.1", check: { ...dns, recordType: "SOA" } },
        { value: "192.0.2.2", check: dns },
      ],
    });
    const asked = {
      kind: "dns",
      port: 53,
      name: "health.example",
      intervalMs: 1000,
      timeoutMs: 1000,
      rise: 2,
      fall: 2,
    };
    expect(reading.kind === "pool" && reading.pool.targets.map((target) => target.check)).to.deep.equal([
      { ...asked, recordType: "SOA", address: "192.0.2.1" },
      { ...asked, recordType: "A", address: "192.0.2.2" },
    ]);
  });

  it("may have targets without any check", () => {
    const reading = poolOf({ ...good, targets: [{ value: "192.0.2.1" }] });
    expect(reading.kind === "pool" && reading.pool.targets).to.deep.equal([{ value: "192.0.2.1", priority: 0 }]);
  });

  it("may have CNAMEs, each with the address that is probed", () => {
    const targets = [
      { value: "a.example.org.", check: { ...tcp, address: "192.0.2.1" } },
      { value: "b.example.org.", check: { ...tcp, address: "192.0.2.2" } },
    ];
    expect(poolOf({ ...good, type: "CNAME", targets }).kind).to.equal("pool");
  });

  const one = good.targets[0]!;
  const bad: readonly [title: string, spec: object, says: string][] = [
    ["no targets", { targets: [] }, "spec.targets is empty"],
    ["33 targets", { targets: Array.from({ length: 33 }, (_, i) => ({ value: `192.0.2.${i}` })) }, "more than 32"],
    ["a target twice", { targets: [one, one] }, "spec.targets[1].value says the same as spec.targets[0].value"],
    ["a value of another type", { targets: [{ value: "2001:db8::1" }] }, "spec.targets[0].value"],
    ["a type without pools", { type: "MX" }, 'spec.type "MX" is not supported'],
    ["an unknown strategy", { strategy: "best" }, 'spec.strategy "best" is not known'],
    ["weights", { strategy: "weighted" }, "no answers by weight that every site could give and sign alike; use one of"],
    ["a name elsewhere", { name: "www.example.org." }, "is not within the zone"],
    ["a negative TTL", { ttl: -1 }, "spec.ttl must be whole seconds"],
    ["too many that must be healthy", { minHealthy: 3 }, "spec.minHealthy must be from 1 to 2"],
    ["a priority with a fraction", { targets: [{ ...one, priority: 0.5 }] }, "priority must be a whole number"],
    [
      "a check without a port",
      { check: { type: "TCP" }, targets: [{ value: "192.0.2.1" }] },
      "spec.check.port must be",
    ],
    [
      "a check that is never still",
      { targets: [{ ...one, check: { ...tcp, intervalSeconds: 0.1 } }] },
      "from 1 to 3600",
    ],
    ["a timeout beyond the interval", { targets: [{ ...one, check: { ...tcp, timeoutSeconds: 2 } }] }, "from 0.1 to 1"],
    ["an unknown check", { targets: [{ ...one, check: { ...tcp, type: "ICMP" } }] }, "use TCP, HTTP, HTTPS or DNS"],
    ["a path of TCP", { targets: [{ ...one, check: { ...tcp, path: "/" } }] }, "check.path is of HTTP and HTTPS alone"],
    ["a name of TCP", { targets: [{ ...one, check: { ...tcp, name: "x" } }] }, "check.name is of DNS alone"],
    [
      "a path of DNS",
      { targets: [{ ...one, check: { type: "DNS", port: 53, name: "x", path: "/" } }] },
      "path is of HTTP",
    ],
    [
      "a DNS check without a name",
      { targets: [{ ...one, check: { type: "DNS", port: 53 } }] },
      'check.name "" is no name',
    ],
    [
      "a name with an empty label",
      { targets: [{ ...one, check: { type: "DNS", port: 53, name: "a..b" } }] },
      "is no name",
    ],
    [
      "a type that is no answer",
      { targets: [{ ...one, check: { type: "DNS", port: 53, name: "x", recordType: "AXFR" } }] },
      'recordType "AXFR" is not known',
    ],
    [
      "a path that would be two lines",
      { targets: [{ ...one, check: { type: "HTTP", port: 80, path: "/ HTTP/1.1\r\nX: y" } }] },
      "check.path must begin with a slash",
    ],
    [
      "a host with a blank",
      { targets: [{ ...one, check: { type: "HTTP", port: 80, host: "a b" } }] },
      "not a host's name",
    ],
    [
      "a status that is none",
      { targets: [{ ...one, check: { type: "HTTP", port: 80, status: 199 } }] },
      "from 200 to 599",
    ],
    [
      "one address for all",
      { check: { ...tcp, address: "192.0.2.9" }, targets: [{ value: "192.0.2.1" }] },
      "one target",
    ],
    [
      "a name that is probed",
      { targets: [{ ...one, check: { ...tcp, address: "example.org" } }] },
      "is not an IP address",
    ],
    [
      "a CNAME to nowhere",
      { type: "CNAME", targets: [{ value: "a.example.org.", check: tcp }] },
      "a name is not looked up",
    ],
    ["all CNAMEs", { type: "CNAME", strategy: "all", targets: [{ value: "b" }] }, "a name has one CNAME at most"],
    ["a CNAME twice", { type: "CNAME", targets: [{ value: "b" }, { value: "b" }] }, "has the same value twice"],
    ["a CNAME at the apex", { type: "CNAME", name: "@", targets: [{ value: "b" }] }, "at the zone's apex"],
  ];
  for (const [title, spec, says] of bad)
    it(`is refused for ${title}`, () => {
      const reading = poolOf({ ...good, ...spec });
      expect(reading.kind).to.equal("refused");
      if (reading.kind === "refused") expect(reading.problems.join("; ")).to.include(says);
    });
});
