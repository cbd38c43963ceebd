import { expect } from "chai";
import { claimsOfSource, recordsOfSource, type SourceObject } from "../../../src/records/sources";
import { recordSetOf } from "../../../src/records/record-set";
import { sourceCases } from "../../../harness/records/source-cases";

const zones = ["example.org", "apps.example.org"];
const settings = { zones, ttl: 300 };

function service(hostname: string, ...ingress: object[]): SourceObject {
  return {
    metadata: { name: "front", uid: "uid", annotations: { "external-dns.alpha.kubernetes.io/hostname": hostname } },
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress } },
  };
}

describe("records of Services and Ingresses", () => {
  for (const { what, kind, annotations = {}, spec, ingress = [], records } of sourceCases)
    it(`are those that external-dns makes of ${what}`, () => {
      const status = { loadBalancer: { ingress } };
      const made = recordsOfSource(kind, { metadata: { annotations }, spec, status });
      const lines = made.map(({ name, type, targets, ttl }) => [name, type, targets, ...(ttl ? [ttl] : [])]);
      expect(lines).to.have.deep.members(records.map((record) => [...record]));
    });

  it("are DnsRecords in the nearest zone, that can be served", () => {
    const { claims, kept, problems } = claimsOfSource(
      "Service",
      service("WWW.apps.example.org.,apps.example.org,*.example.org,elsewhere.test", { ip: "192.0.2.1" }),
      settings,
    );
    expect(problems).to.deep.equal([]);
    expect(kept).to.have.lengthOf(1);
    expect(claims.map(({ spec }) => [spec.zone, spec.name, spec.ttl, spec.values])).to.deep.equal([
      ["apps.example.org", "www", 300, ["192.0.2.1"]],
      ["apps.example.org", "@", 300, ["192.0.2.1"]],
      ["example.org", "*", 300, ["192.0.2.1"]],
    ]);
    for (const { name, spec } of claims) {
      expect(recordSetOf(spec).kind).to.equal("set");
      expect(name).to.match(/^service-front-[0-9a-f]{10}$/);
    }
    expect(new Set([...claims.map(({ name }) => name), ...kept]).size).to.equal(4);
  });

  it("are called the same as long as source, name and type are", () => {
    const named = (...ingress: object[]) => claimsOfSource("Service", service("a.example.org", ...ingress), settings);
    const [one] = named({ ip: "192.0.2.1" }).claims;
    const [other] = named({ ip: "192.0.2.2" }).claims;
    expect(other?.name).to.equal(one?.name);
    expect(named({ ip: "2001:db8::1" }).claims[0]?.name).not.to.equal(one?.name);
  });

  for (const [what, hostname, ingress, says] of [
    ["an alias at a zone's own name", "example.org", [{ hostname: "lb.test" }], /a CNAME cannot stand there/],
    ["two aliases at one name", "a.example.org", [{ hostname: "a.test" }, { hostname: "b.test" }], /has one CNAME/],
    ["a name that is none", "a..example.org", [{ ip: "192.0.2.1" }], /has an empty label/],
    ["a target that is no name", "a.example.org", [{ hostname: "no name" }], /the target "no name"/],
  ] as const)
    it(`are not made of ${what}, and what there was of it stays`, () => {
      const { claims, kept, problems } = claimsOfSource("Service", service(hostname, ...ingress), settings);
      expect(claims).to.deep.equal([]);
      expect(kept).to.have.lengthOf(1);
      expect(problems.join()).to.match(says);
    });
});
