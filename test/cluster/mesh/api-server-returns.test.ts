import { expect } from "chai";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { identityBefore, podIdentity, sharedMesh, stopApiServerFor } from "../../../harness/mesh/shared-mesh";
import { eventually } from "../../../harness/eventually";

describe("an API server that was away for five minutes", function () {
  this.timeout(420_000);
  let mesh: RunningMesh;
  before(async function () {
    // Beside the five minutes, alone it makes its mesh and has a site join and leave.
    this.timeout(600_000);
    // Another file may have stopped it, had a site leave meanwhile, and others may have had it start again since.
    if (identityBefore("site-c") === undefined) {
      await stopApiServerFor(await sharedMesh({ sites: 4 }), "site-c", 300);
      await sharedMesh({ sites: 3, withoutApiServer: true });
    }
    mesh = await sharedMesh();
  });

  it("finds its site answering every zone, with the changes made meanwhile", async () => {
    await mesh.converged(30);
  });

  it("finds the pod that it left, restarted by nobody", async () => {
    expect(await podIdentity(mesh.cluster("site-c"))).to.deep.equal(identityBefore("site-c"));
  });

  it("gets the network policy that it missed from the next pass of the reconciler", async () => {
    await eventually(150, async () => {
      await mesh.reconcile("site-c");
      const policy = await mesh
        .cluster("site-c")
        .kubectl(["-n", "dns-system", "get", "networkpolicy", "knot-peers", "-o", "json"]);
      expect(policy).not.to.contain(mesh.cluster("site-d").spareAddress);
      expect(policy).not.to.contain(`${mesh.cluster("site-d").nodeAddress}/32`);
      expect(policy).to.contain(mesh.cluster("site-b").siteAddress);
    });
  });
});
