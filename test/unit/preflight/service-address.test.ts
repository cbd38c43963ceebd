import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import type { KubeObject } from "../../../src/kube/answer";
import {
  addressProblem,
  givenAddresses,
  movedText,
  requireAutoService,
  type ServiceState,
} from "../../../src/preflight/service-address";
import { serviceSchema } from "../../../src/settings/site-parts";

const base: ServiceState = {
  name: "knot",
  type: "LoadBalancer",
  clusterIPs: ["10.96.0.9"],
  externalIPs: [],
  loadBalancer: ["192.0.2.1"],
};

function problem(service: Partial<ServiceState>, addresses: string[] = ["192.0.2.1"]): string | undefined {
  return addressProblem({ name: "site-a", addresses }, { ...base, ...service });
}

describe("the address that a Service got", () => {
  it("is fine when it is the one in the list", () => {
    expect(problem({})).to.equal(undefined);
    expect(problem({ loadBalancer: ["2001:db8::1", "192.0.2.1"] }, ["192.0.2.1", "2001:db8::1"])).to.equal(undefined);
  });

  it("is the listed one however the load balancer writes it", () => {
    const listed = ["192.0.2.1", "2001:db8::1"];
    expect(problem({ loadBalancer: ["192.0.2.1", "2001:DB8:0:0::1"] }, listed)).to.equal(undefined);
    expect(problem({ externalIPs: ["2001:0db8::0001"] }, listed)).to.equal(undefined);
  });

  it("is reported when it is another one, with both addresses and the cure", () => {
    expect(problem({ loadBalancer: ["192.0.2.7"] })).to.match(
      /^site "site-a": Service knot answers at 192\.0\.2\.7, but the mesh's list says 192\.0\.2\.1\. Put the address.*"addresses"/,
    );
  });

  it("is reported when a listed one is missing: others would ask there in vain", () => {
    expect(problem({}, ["192.0.2.1", "2001:db8::1"])).to.match(/says 192\.0\.2\.1, 2001:db8::1/);
  });

  it("may be an external one beside a load balancer's", () => {
    expect(problem({ externalIPs: ["2001:db8::1"] }, ["192.0.2.1", "2001:db8::1"])).to.equal(undefined);
  });

  it("is an external one where there is no load balancer", () => {
    expect(problem({ type: "ClusterIP", externalIPs: ["192.0.2.1"], loadBalancer: [] })).to.equal(undefined);
    expect(problem({ type: "NodePort", externalIPs: ["192.0.2.2"], loadBalancer: [] })).to.match(/192\.0\.2\.2/);
  });

  it("cannot be told from a host name or a node port", () => {
    expect(problem({ loadBalancer: [] })).to.equal(undefined);
    expect(problem({ type: "NodePort", loadBalancer: [] })).to.equal(undefined);
  });
});

describe("the addresses of a site that has them from its load balancer", () => {
  const service = (ingress: readonly object[], spec: object = {}, metadata: object = {}): KubeObject => ({
    metadata,
    spec: { type: "LoadBalancer", clusterIPs: ["10.96.0.9"], ipFamilies: ["IPv4"], ...spec },
    status: { loadBalancer: { ...(ingress.length > 0 && { ingress }) } },
  });
  const given = (found: KubeObject | undefined, known: readonly string[] = []) =>
    givenAddresses(new Map([["knot", found]]), known);
  const reasonOf = (found: KubeObject | undefined, known: readonly string[] = []): string => {
    const each = given(found, known);
    return each.kind === "given" ? "given" : `${each.kind}: ${each.reason}`;
  };
  const known = ["192.0.2.1"];

  it("are what the Service got, in canonical form", () => {
    expect(given(service([{ ip: "192.0.2.1" }, { ip: "2001:DB8::1" }]))).to.deep.equal({
      kind: "given",
      addresses: ["192.0.2.1", "2001:db8::1"],
    });
    expect(given(service([], { type: "ClusterIP" }))).to.deep.equal({ kind: "given", addresses: ["10.96.0.9"] });
    expect(given(service([], { type: "NodePort", externalIPs: ["192.0.2.7"] }))).to.deep.equal({
      kind: "given",
      addresses: ["192.0.2.7"],
    });
  });

  it("are the very ones that are known when none differs, in whatever order", () => {
    const two = ["2001:db8::1", "192.0.2.1"];
    const found = given(service([{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }]), two);
    expect(found.kind === "given" && found.addresses).to.equal(two);
  });

  it("are never taken for gone: no Service, one that goes, no address yet", () => {
    expect(reasonOf(undefined, known)).to.equal("none: Service knot is not there yet");
    const leaving = service([{ ip: "192.0.2.9" }], {}, { deletionTimestamp: "2026-11-29T12:00:00Z" });
    expect(reasonOf(leaving, known)).to.match(/^none: Service knot is on its way out/);
    for (const empty of [service([]), { metadata: {}, spec: { type: "LoadBalancer" } }, service([{}])])
      expect(reasonOf(empty, known)).to.match(/^none: the load balancer .* no address/);
    // Beside an external address, that of the balancer stays.
    expect(reasonOf(service([], { externalIPs: ["192.0.2.7"] }), ["192.0.2.7", "192.0.2.1"])).to.match(
      /^none: .*no address at present/,
    );
  });

  it("are whole: a family that the Service asks for is waited for, unless it never had it", () => {
    const dual = { ipFamilies: ["IPv4", "IPv6"] };
    const only4 = service([{ ip: "192.0.2.9" }], dual);
    expect(reasonOf(only4)).to.match(/^none: .*no IPv6 address at present/);
    expect(reasonOf(only4, ["192.0.2.1", "2001:db8::1"])).to.match(/^none: .*no IPv6 address/);
    expect(given(only4, known)).to.deep.equal({ kind: "given", addresses: ["192.0.2.9"] });
    // It asks for IPv4 alone now: what it had of IPv6 is given up on purpose.
    expect(given(service([{ ip: "192.0.2.9" }]), ["192.0.2.1", "2001:db8::1"])).to.have.property("kind", "given");
  });

  it("are for a person to decide: host names, two Services at two places, a Service that gets none", () => {
    expect(reasonOf(service([{ hostname: "a.elb.example" }]), known)).to.match(
      /^unusable: .*host name \(a\.elb\.example\).*Elastic IPs.*instead of auto/,
    );
    expect(reasonOf(service([], { type: "NodePort" }))).to.match(/^unusable: Service knot is a NodePort/);
    expect(reasonOf(service([{ ip: "not-an-address" }]))).to.match(/^unusable: .*no IP address/);
    const two = (tcp: string) =>
      givenAddresses(
        new Map([
          ["knot", service([{ ip: "192.0.2.1" }])],
          ["knot-tcp", service([{ ip: tcp }])],
        ]),
        [],
      );
    expect(two("192.0.2.1")).to.deep.equal({ kind: "given", addresses: ["192.0.2.1"] });
    expect(two("192.0.2.2")).to.have.property("kind", "unusable");
  });

  it("need settings that give any, which is said before anything changes", () => {
    const settings = (changes: object) => ({ site: "site-a", service: serviceSchema.parse(changes) });
    requireAutoService(settings({}));
    requireAutoService(settings({ type: "NodePort", externalIPs: ["192.0.2.7"] }));
    for (const [changes, message] of [
      [{ type: "NodePort" }, /type is NodePort.*Nothing was changed/],
      [{ verifyAddress: false }, /verifyAddress is false.*instead of auto\. Nothing was changed/],
    ] as const)
      expect(() => {
        requireAutoService(settings(changes));
      }).to.throw(UserError, message);
  });

  it("are what the list is to follow when up finds other ones", () => {
    const site = { name: "site-a", addresses: known };
    expect(movedText(site, base)).to.equal(undefined);
    expect(movedText(site, { ...base, loadBalancer: ["192.0.2.9"] })).to.match(
      /answers at 192\.0\.2\.9.*asks it at 192\.0\.2\.1.*mesh up.*"found: \[192\.0\.2\.9\]"/,
    );
  });
});
