import { expect } from "chai";

import type { KubeObject } from "../../../src/kube/answer";
import { otherFirstFamily } from "../../../src/preflight/service-families";

const service = (name: string, ...ipFamilies: string[]): KubeObject => ({ metadata: { name }, spec: { ipFamilies } });

describe("the first family of a running site's Services", () => {
  it("may be what it is, whatever the second is to be", () => {
    expect(otherFirstFamily("IPv4", [service("knot", "IPv4"), service("knot-0", "IPv4", "IPv6")])).to.deep.equal([]);
  });

  it("cannot be another one, and each such Service is named", () => {
    const services = [service("knot", "IPv4", "IPv6"), service("knot-tcp", "IPv6"), service("knot-10", "IPv4")];
    expect(otherFirstFamily("IPv6", services)).to.deep.equal(["knot (IPv4)", "knot-10 (IPv4)"]);
  });

  it("is no matter of others' Services, nor of what has none yet", () => {
    const services = [
      service("knot-metrics", "IPv4"),
      service("web", "IPv4"),
      { metadata: { name: "knot" }, spec: {} },
    ];
    expect(otherFirstFamily("IPv6", services)).to.deep.equal([]);
  });
});
