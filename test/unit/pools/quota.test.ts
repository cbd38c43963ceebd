import { expect } from "chai";

import { type CountedPool, poolsOverQuota } from "../../../src/pools/quota";
import type { Tenant } from "../../../src/records/tenants";

const pool = (uid: string, more: Partial<CountedPool> = {}): CountedPool => ({
  ...{ uid, namespace: "shop", targets: 2, isServed: false, createdAt: "2026-11-28T12:00:00Z" },
  ...more,
});
const tenant = (mostTargets?: number, ...namespaces: string[]): Tenant => ({
  namespaces: namespaces.length === 0 ? ["shop"] : namespaces,
  allow: [],
  mostTargets,
});
const refused = (pools: readonly CountedPool[], ...tenants: Tenant[]) =>
  [...poolsOverQuota(pools, { tenants, own: "dns-system" }).keys()].toSorted();

describe("targets of a namespace's pools", () => {
  it("may be as many as the settings say, and whose pool is one too many is told", () => {
    const three = [pool("a"), pool("b"), pool("c")];
    expect(refused(three, tenant(6))).to.deep.equal([]);
    expect(refused(three, tenant(5))).to.deep.equal(["c"]);
    const found = poolsOverQuota(three, { tenants: [tenant(5)], own: "dns-system" }).get("c");
    expect(found?.reason).to.equal("NotAllowed");
    expect(found?.message).to.match(/^pools of namespace shop may have 5 targets together; .*records\.tenants$/);
  });

  it("count of pools that are served first, then of the older", () => {
    const young = { createdAt: "2026-11-28T13:00:00Z" };
    expect(refused([pool("a", young), pool("b")], tenant(2))).to.deep.equal(["a"]);
    expect(refused([pool("a", { ...young, isServed: true }), pool("b")], tenant(2))).to.deep.equal(["b"]);
  });

  it("leave room for a small pool beside one that is too large", () => {
    expect(refused([pool("a", { targets: 5 }), pool("b")], tenant(3))).to.deep.equal(["a"]);
  });

  it("are counted for each namespace, as its tenant has it, and not at all without a number", () => {
    const pools = [pool("a"), pool("b", { namespace: "blog" }), pool("c", { namespace: "dns-system" })];
    expect(refused(pools, tenant(1, "*"))).to.deep.equal(["a", "b"]);
    expect(refused(pools, tenant(1, "blog"), tenant(undefined, "*"))).to.deep.equal(["b"]);
    expect(refused(pools, tenant())).to.deep.equal([]);
    expect([...poolsOverQuota(pools, undefined)]).to.deep.equal([]);
  });
});
