import { expect } from "chai";
import { listedSite, type RunningMesh } from "../../../harness/mesh/running-mesh";
import { podIdentity, previewed, sharedMesh, type Previewed } from "../../../harness/mesh/shared-mesh";

describe("a fourth site joins", function () {
  this.timeout(400_000);
  let mesh: RunningMesh;
  let existing: string[];
  const identities = new Map<string, unknown>();
  /** Everything of ours that runs all the time. */
  const running = "app.kubernetes.io/name in (knot, record-operator)";
  const pending = new Map<string, Previewed>();

  before(async () => {
    mesh = await sharedMesh({ sites: 3 });
    existing = mesh.sites.map((site) => site.name);
    for (const site of existing) identities.set(site, await podIdentity(mesh.cluster(site), running));
    await mesh.list([...mesh.sites, listedSite(mesh.cluster("site-d"), 3)]);
    for (const stack of ["shared", "site-a", "site-d"]) {
      pending.set(stack, await previewed(mesh, stack));
      await mesh.up(stack);
    }
  });

  it("is previewed in each stack before, which changes nothing", () => {
    for (const [stack, { changes, differing }] of pending) {
      expect(changes, stack).to.have.any.keys("create", "update");
      expect(differing, stack).to.deep.equal([]);
    }
  });

  it("serves its zone at every existing site and serves theirs", async () => {
    const serials = await mesh.converged(60);
    expect(serials.has("standard-2.internal.dns")).to.equal(true);
  });

  it("leaves the pods of the existing sites alone", async () => {
    for (const site of existing)
      expect(await podIdentity(mesh.cluster(site), running), site).to.deep.equal(identities.get(site));
  });

  it("changes nothing when the three stacks are run once more", async () => {
    for (const stack of ["shared", "site-a", "site-d"]) {
      expect(Object.keys((await mesh.up(stack)).changes), stack).to.deep.equal(["same"]);
    }
  });

  it("lets each reconciler find nothing wrong", async () => {
    await Promise.all(mesh.sites.map((site) => mesh.reconcile(site.name)));
  });

  it("writes nothing to the API in a reconciler's pass without a change", async () => {
    const runs = await Promise.all(mesh.sites.map((site) => mesh.reconcile(site.name)));
    for (const { counters, log } of runs) {
      expect(counters.apiWrites, log).to.equal(0);
      expect(counters.dnsQueries, log).to.equal(2);
    }
  });
});
