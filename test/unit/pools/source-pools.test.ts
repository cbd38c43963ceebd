import { expect } from "chai";
import { poolOf } from "../../../src/pools/spec";
import { poolClaimsOf, poolNameOf } from "../../../src/pools/source-pools";
import { claimsOfSource, type SourceObject } from "../../../src/records/sources/claims";
import { sourceSurroundings } from "../../../harness/records/source-cases";

type Annotations = Readonly<Record<string, string>>;

const web = JSON.stringify({ type: "HTTPS", port: 443, path: "/healthz", fall: 3 });

function service(ingress: readonly object[], annotations: Annotations): SourceObject {
  const hostname = { "external-dns.alpha.kubernetes.io/hostname": "front.example.org,*.apps.example.org" };
  return {
    metadata: { name: "front", uid: "uid", annotations: { ...hostname, ...annotations } },
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress } },
  };
}

function made(annotations: Annotations, ...ingress: readonly object[]) {
  const object = service(ingress, annotations);
  const settings = { zones: ["example.org"], ttl: 300 };
  const claims = claimsOfSource({ kind: "Service", object }, settings, sourceSurroundings);
  const asked = poolClaimsOf(object.metadata ?? {}, claims);
  const stays = [...asked.kept, ...claims.kept.flatMap((name) => [name, poolNameOf(name)])];
  return { ...asked, stays };
}

const pool = { "dns.mesh.io/pool": "failover", "dns.mesh.io/pool-check": web };

describe("pools of other objects", () => {
  it("are made where an annotation says so, of every name, with what may be asked for", () => {
    const { pools, records, kept, problems } = made(pool, { ip: "192.0.2.1" }, { ip: "192.0.2.2" });
    expect([records, problems]).to.deep.equal([[], []]);
    expect(kept.filter((name) => pools.some((each) => each.name === name))).to.deep.equal([]);
    const check = { type: "HTTPS", port: 443, path: "/healthz", fall: 3 };
    const targets = ["192.0.2.1", "192.0.2.2"].map((value) => ({ value, priority: 0 }));
    const common = { zone: "example.org", type: "A", ttl: 30, strategy: "failover", minHealthy: 1, targets };
    expect(pools.map(({ spec }) => spec)).to.deep.equal([
      { ...common, name: "front", check: { ...check, host: "front.example.org" } },
      { ...common, name: "*.apps", check },
    ]);
    for (const { spec, name } of pools) {
      expect(poolOf(spec).kind).to.equal("pool");
      expect(name).to.match(/^service-front-[0-9a-f]{10}-pool$/);
    }
  });

  it("have further addresses of the family after the object's own, in their order", () => {
    const further = { "dns.mesh.io/pool-targets": "198.51.100.9, 192.0.2.1,198.51.100.1,2001:db8::9" };
    const { pools, problems } = made({ ...pool, ...further }, { ip: "192.0.2.1" }, { ip: "2001:db8::1" });
    expect(problems).to.deep.equal([]);
    expect(
      pools.slice(0, 2).map(({ spec }) => spec.targets.map(({ value, priority }) => [value, priority])),
    ).to.deep.equal([
      [
        ["192.0.2.1", 0],
        ["198.51.100.9", 1],
        ["198.51.100.1", 2],
      ],
      [
        ["2001:db8::1", 0],
        ["2001:db8::9", 1],
      ],
    ]);
  });

  it("have the object's own TTL, a pool's without, and not that of the settings for records", () => {
    const ttl = { "external-dns.alpha.kubernetes.io/ttl": "5s" };
    expect(made({ ...pool, ...ttl }, { ip: "192.0.2.1" }).pools[0]?.spec.ttl).to.equal(5);
  });

  for (const [what, annotations, says] of [
    [
      "another strategy",
      { ...pool, "dns.mesh.io/pool": "weighted" },
      /dns\.mesh\.io\/pool is "weighted"; use failover or all/,
    ],
    ["no check", { "dns.mesh.io/pool": "all" }, /dns\.mesh\.io\/pool-check is missing: without a check/],
    ["a check that is no JSON", { ...pool, "dns.mesh.io/pool-check": "tcp:443" }, /is no JSON object/],
    [
      "a check with another field",
      { ...pool, "dns.mesh.io/pool-check": '{"type":"TCP","prot":1}' },
      /has the field "prot"/,
    ],
    [
      "a check with an address",
      { ...pool, "dns.mesh.io/pool-check": '{"address":"192.0.2.9"}' },
      /has the field "address"/,
    ],
    [
      "a check with a text for a number",
      { ...pool, "dns.mesh.io/pool-check": '{"type":"TCP","port":"443"}' },
      /in "port" no number/,
    ],
    ["a check without a port", { ...pool, "dns.mesh.io/pool-check": '{"type":"TCP"}' }, /has no "port"/],
    [
      "a check that cannot be",
      { ...pool, "dns.mesh.io/pool-check": '{"type":"TCP","port":443,"path":"/"}' },
      /front\.example\.org cannot be: spec\.check\.path/,
    ],
    [
      "a further target that is a name",
      { ...pool, "dns.mesh.io/pool-targets": "lb.example" },
      /has "lb\.example", which is no IP address/,
    ],
  ] as const)
    it(`are not made with ${what}, and what there was stays`, () => {
      const { pools, records, kept, problems } = made(annotations, { ip: "192.0.2.1" });
      expect([pools, records]).to.deep.equal([[], []]);
      expect(problems.join("\n")).to.match(says);
      const all = made({}, { ip: "192.0.2.1" }).records.flatMap(({ name }) => [name, poolNameOf(name)]);
      expect(kept).to.include.members(all);
    });

  it("are not made of names, and not with further addresses of a family that the object has not", () => {
    expect(made(pool, { hostname: "lb.test" }).problems.join()).to.match(
      /front\.example\.org leads to lb\.test: a pool is made of addresses/,
    );
    const further = { ...pool, "dns.mesh.io/pool-targets": "2001:db8::9" };
    const { pools, problems } = made(further, { ip: "192.0.2.1" });
    expect(problems.join()).to.match(/has 2001:db8::9, and the object has no address of that family/);
    expect(pools).to.have.lengthOf(2);
  });

  it("stay while the object has no address", () => {
    const before = made(pool, { ip: "192.0.2.1" }).pools.map(({ name }) => name);
    expect(made(pool).kept).to.include.members(before);
  });

  it("stay of a family of which the object has no address for a while", () => {
    const before = made(pool, { ip: "192.0.2.1" }, { ip: "2001:db8::1" }).pools.map(({ name, spec }) => [
      spec.type,
      name,
    ]);
    const { pools, kept } = made(pool, { ip: "192.0.2.1" });
    const sixes = before.flatMap(([type, name]) => (type === "AAAA" ? [name] : []));
    expect(sixes).to.have.lengthOf(2);
    expect([pools.length, kept]).to.deep.equal([2, sixes]);
  });

  for (const [what, ingress, target] of [
    ["its load balancer has a name", [{ hostname: "lb.test" }], {}],
    ["its load balancer has two names", [{ hostname: "a.lb.test" }, { hostname: "b.lb.test" }], {}],
    ["its target is a name", [{ ip: "192.0.2.1" }], { "external-dns.alpha.kubernetes.io/target": "lb.test" }],
  ] as const)
    it(`stay, and what they stand in the place of, when the object leads to names: ${what}`, () => {
      const addresses = [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }];
      const before = [...made(pool, ...addresses).pools, ...made({}, ...addresses).records].map(({ name }) => name);
      expect(before).to.have.lengthOf(8);
      const { records, pools, stays } = made({ ...pool, ...target }, ...ingress);
      expect([records, pools]).to.deep.equal([[], []]);
      expect(stays).to.include.members(before);
    });

  it("are not made without the annotation that asks for them, which is said", () => {
    const { pools, records, problems } = made({ "dns.mesh.io/pool-check": web }, { ip: "192.0.2.1" });
    expect([pools.length, records.length]).to.deep.equal([0, 2]);
    expect(problems).to.deep.equal([
      "the annotation dns.mesh.io/pool-check has no effect without dns.mesh.io/pool: failover",
    ]);
  });

  it("leave other types of a DNSEndpoint records", () => {
    const endpoints = [
      { dnsName: "a.example.org", recordType: "A", targets: ["192.0.2.1"] },
      { dnsName: "a.example.org", recordType: "TXT", targets: ["text"] },
    ];
    const object = { metadata: { name: "names", uid: "uid", annotations: pool }, spec: { endpoints } };
    const settings = { zones: ["example.org"], ttl: 300 };
    const claims = claimsOfSource({ kind: "DNSEndpoint", object }, settings, sourceSurroundings);
    const { pools, records } = poolClaimsOf(object.metadata, claims);
    expect([pools.length, records.map(({ spec }) => spec.type)]).to.deep.equal([1, ["TXT"]]);
  });
});
