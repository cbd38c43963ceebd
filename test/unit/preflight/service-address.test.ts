import { expect } from "chai";
import { addressProblem, type ServiceState } from "../../../src/preflight/service-address";

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
