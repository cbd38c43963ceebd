import { expect } from "chai";
import { claimsOfSource, readSource, type SourceObject } from "../../../src/records/sources/claims";
import { recordSetOf } from "../../../src/records/record-set";
import { sourceCases, sourceSurroundings } from "../../../harness/records/source-cases";

const zones = ["example.org", "apps.example.org"];
const settings = { zones, ttl: 300 };

function service(hostname: string, ...ingress: object[]): SourceObject {
  return {
    metadata: { name: "front", uid: "uid", annotations: { "external-dns.alpha.kubernetes.io/hostname": hostname } },
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress } },
  };
}

const claimsOf = (object: SourceObject) => claimsOfSource({ kind: "Service", object }, settings, sourceSurroundings);

describe("records of other objects", () => {
  for (const { what, kind, namespace = "default", annotations = {}, spec, status = {}, records } of sourceCases)
    it(`are those that external-dns makes of ${what}`, () => {
      const object = { metadata: { namespace, annotations }, spec, status };
      const { records: made } = readSource(kind, object, sourceSurroundings);
      const lines = made.map(({ name, type, targets, ttl }) => [name, type, targets, ...(ttl ? [ttl] : [])]);
      expect(lines).to.have.deep.members(records.map((record) => [...record]));
    });

  it("are DnsRecords in the nearest zone, that can be served", () => {
    const { claims, kept, problems } = claimsOf(
      service("WWW.apps.example.org.,apps.example.org,*.example.org,elsewhere.test", { ip: "192.0.2.1" }),
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
    const named = (...ingress: object[]) => claimsOf(service("a.example.org", ...ingress));
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
      const { claims, kept, problems } = claimsOf(service(hostname, ...ingress));
      expect(claims).to.deep.equal([]);
      // Of an alias also what its addresses were before.
      expect(kept).to.have.lengthOf("hostname" in ingress[0] ? 3 : 1);
      expect(problems.join()).to.match(says);
    });

  const endpoint = (dnsName: string, recordType: string, ...targets: string[]) => {
    const object = { metadata: { name: "e", uid: "uid" }, spec: { endpoints: [{ dnsName, recordType, targets }] } };
    return claimsOfSource({ kind: "DNSEndpoint", object }, settings, sourceSurroundings);
  };

  for (const [type, target, value] of [
    ["CNAME", "Elsewhere.test", "elsewhere.test."],
    ["NS", "ns1.elsewhere.test", "ns1.elsewhere.test."],
    ["PTR", "host.elsewhere.test", "host.elsewhere.test."],
    ["MX", "10 mx.elsewhere.test", "10 mx.elsewhere.test."],
    ["SRV", "10 5 5060 sip.elsewhere.test", "10 5 5060 sip.elsewhere.test."],
    ["TXT", 'he said "x" and é', '"he said \\"x\\" and \\195\\169"'],
    ["TXT", '"in quotes" "and two"', '"in quotes" "and two"'],
    ["TXT", "x".repeat(300), `"${"x".repeat(255)}" "${"x".repeat(45)}"`],
    ["NAPTR", '100 10 "u" "sip+E2U" "" a.elsewhere.test.', '100 10 "u" "sip+E2U" "" a.elsewhere.test.'],
    ["CAA", '0 issue "ca.test"', '0 issue "ca.test"'],
    ["HTTPS", "1 svc.elsewhere.test alpn=h2", "1 svc.elsewhere.test. alpn=h2"],
    ["HTTPS", "1 . alpn=h2", "1 . alpn=h2"],
  ] as const)
    it(`of type ${type} have the value ${value.slice(0, 60)} for ${target.slice(0, 60)}`, () => {
      const { claims, problems } = endpoint("a.example.org", type, target);
      expect(problems).to.deep.equal([]);
      expect(claims.map(({ spec }) => spec.values)).to.deep.equal([[value]]);
    });

  for (const [what, name, type, target, says] of [
    ["a type that is none", "a.example.org", "SPF", "v=spf1", /has the type "SPF"; a DnsRecord has one of A, /],
    ["an address that is none", "a.example.org", "A", "elsewhere.test", /^A of a\.example\.org: /],
    ["an MX without preference", "a.example.org", "MX", "mx.elsewhere.test", /^MX of a\.example\.org: /],
    ["an NS at the zone's own name", "example.org", "NS", "ns1.elsewhere.test", /the zone's own/],
    ["a target with a dot", "a.example.org", "MX", "10 mx.elsewhere.test.", /has a dot at its end; leave it out/],
  ] as const)
    it(`are not made of a DNSEndpoint with ${what}`, () => {
      const { claims, kept, problems } = endpoint(name, type, target);
      expect([claims.length, kept.length, problems.length]).to.deep.equal([0, 1, 1]);
      expect(problems[0]).to.match(says);
    });

  it("say nothing of a DNSEndpoint's parts outside of the zones, and make nothing without a target", () => {
    expect(endpoint("a.elsewhere.test", "MX", "none.").problems).to.deep.equal([]);
    expect(endpoint("a.example.org", "A")).to.deep.equal({
      claims: [],
      kept: [],
      bare: [],
      problems: [],
      isUnknown: false,
    });
  });

  for (const [what, gateway, cure] of [
    ["are not listed yet", "pending", ""],
    ["are where nobody looks", "elsewhere", "add infra to records.sources.gatewayNamespaces"],
  ] as const)
    it(`are left as they are while the Gateways of a route ${what}`, () => {
      const accepted = sourceCases.filter(({ kind, records }) => kind === "HTTPRoute" && records.length > 0);
      expect(accepted.length).to.be.greaterThan(10);
      for (const { kind, annotations = {}, spec, status = {} } of accepted) {
        const object = { metadata: { namespace: "shop", annotations }, spec, status };
        const surroundings = { ...sourceSurroundings, gateway: () => gateway };
        const { claims, problems, isUnknown } = claimsOfSource({ kind, object }, settings, surroundings);
        expect([claims, isUnknown]).to.deep.equal([[], true]);
        if (cure !== "" && JSON.stringify(spec).includes("infra")) expect(problems.join()).to.contain(cure);
      }
    });

  it("are left as they are while a namespace's labels are not known, where a listener goes by them", () => {
    const found = sourceCases.find(({ what }) => what.includes("chooses by label"));
    const { spec = {}, status = {} } = found ?? {};
    const object = { metadata: { namespace: "shop" }, spec, status };
    const surroundings = { ...sourceSurroundings, labels: () => undefined };
    const { isUnknown, problems } = claimsOfSource({ kind: "HTTPRoute", object }, settings, surroundings);
    expect([isUnknown, problems]).to.deep.equal([true, []]);
  });
});
