import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { zoneNames, type ListedSite, type RunningMesh } from "../../../harness/mesh/running-mesh";
import { sharedMesh } from "../../../harness/mesh/shared-mesh";

/** Names in a zone at the primary, its apex left out. What `kubectl exec` prints can come cut off: it is asked again then. */
function namesAtPrimary(mesh: RunningMesh, zone: string): Promise<ReadonlySet<string>> {
  return eventually(30, async () => {
    const listing = await mesh.knotc("site-a", "zone-read", zone);
    const owners = new Set<string>();
    for (const line of listing.split("\n")) {
      const [, owner, , type] = /^\[[^\]]*\] (\S+) (\d+) (\S+)/.exec(line) ?? [];
      if (owner !== undefined && type !== "SOA" && owner !== `${zone}.`) owners.add(owner);
    }
    if (owners.size < mesh.zones().length) throw new Error(`zone-read told of ${owners.size} names in ${zone}`);
    return owners;
  });
}

/** Empties a central zone at the primary behind everybody's back, SOA and NS apart, as a bad hand or a bug would. */
async function emptyAtPrimary(mesh: RunningMesh, zone: string): Promise<void> {
  const owners = await namesAtPrimary(mesh, zone);
  await mesh.knotc("site-a", "zone-begin", zone);
  for (const owner of owners) await mesh.knotc("site-a", "zone-unset", zone, owner);
  await mesh.knotc("site-a", "zone-commit", zone);
}

describe("central zones that break", function () {
  this.timeout(180_000);
  let mesh: RunningMesh;
  before(async () => {
    mesh = await sharedMesh();
  });

  for (const zone of ["dns.internal", "catalog.internal.dns"]) {
    describe(`${zone} emptied at the primary`, () => {
      const zonesBefore = new Map<string, number>();

      let seen = 0;

      before(async () => {
        seen = Date.now() - 1000;
        for (const [name, serial] of await mesh.converged(60)) zonesBefore.set(name, serial);
        await emptyAtPrimary(mesh, zone);
      });

      after(async () => {
        await mesh.knotc("site-a", "zone-reload", zone);
        await mesh.converged(60);
        // Finds all in order again, so that the next fault is a new one to tell.
        await eventually(30, () => mesh.reconcile("site-b"));
      });

      it("is refused and told by every site's agent", async () => {
        for (const site of mesh.sites) {
          await eventually(30, async () => {
            const { problems } = await mesh.status(site.name);
            const refused = problems.filter(({ kind }) => kind === "refused").map(({ message }) => message);
            expect(refused.join(), site.name).to.match(/empty|incomplete|malformed/);
          });
        }
      });

      it("costs no zone anywhere", async () => {
        const members = mesh.zones().filter((one) => one !== "dns.internal" && one !== "catalog.internal.dns");
        const serials = await mesh.converged(10, { zones: members });
        for (const member of members) expect(serials.get(member)).to.equal(zonesBefore.get(member));
      });

      it("fails the reconciler, with an Event that says why", async () => {
        const { failed, log } = await mesh.reconcile("site-b", { expectFailure: true });
        expect(failed).to.equal(true);
        expect(log).to.match(/refused/);
        expect(await mesh.agentLog("site-b")).to.match(/"kind":"refused"/);
        expect(await mesh.events("site-b", seen)).to.match(/empty|incomplete|malformed/);
      });

      it("is told by a metric", async () => {
        expect(await mesh.metrics("site-b")).to.match(/^dns_mesh_agent_problem\{kind="refused"\} 1$/m);
      });
    });
  }

  describe("a list that has lost two of three sites", () => {
    let whole: ListedSite[];

    before(async () => {
      whole = mesh.sites;
      await mesh.list(whole.slice(0, 1));
      for (const stack of ["shared", "site-a"]) await mesh.up(stack);
    });

    after(async () => {
      await mesh.list(whole);
      for (const stack of ["shared", "site-a"]) await mesh.up(stack);
      await mesh.converged(60);
    });

    it("is held by those that stay, with a word on how to confirm it", async () => {
      await eventually(30, async () => {
        const { held } = await mesh.status("site-a");
        expect(held.map(({ kind }) => kind)).to.include("sites");
        expect(held[0]?.reason).to.match(/retired/);
      });
    });

    it("costs no zone anywhere", async () => {
      const members = whole.flatMap(zoneNames);
      await mesh.converged(10, { sites: whole.map(({ name }) => name), zones: members });
    });
  });
});
