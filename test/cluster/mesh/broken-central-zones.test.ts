import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { zoneNames, type ListedSite, type RunningMesh } from "../../../harness/mesh/running-mesh";
import { sharedMesh } from "../../../harness/mesh/shared-mesh";
import { centralZonesName } from "../../../src/contract/names";
import { manifestFile, packCentralZones, partFile } from "../../../src/mesh/central-parts";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import { parseMesh } from "../../../src/settings/parse";

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

interface ConfigMap {
  readonly metadata: { readonly managedFields: { manager: string; operation: string }[]; [field: string]: unknown };
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData: Readonly<Record<string, string>>;
}

/** The first ConfigMap of the primary's central zones, which holds all of them in a small mesh. */
async function configMap(mesh: RunningMesh): Promise<string> {
  const name = centralZonesName(0);
  return mesh
    .cluster("site-a")
    .kubectl(["-n", "dns-system", "get", "configmap", name, "-o", "json", "--show-managed-fields"]);
}

/** The same ConfigMap for a mesh with other sites. */
function withSites(text: string, sites: readonly ListedSite[]): string {
  const listed = parseMesh({ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns", sites });
  const { parts, manifest } = packCentralZones({ directory: renderDirectory(listed), catalog: renderCatalog(listed) });
  const binaryData = Object.fromEntries(parts.map((part, i) => [partFile(i), part.toString("base64")]));
  const data = { [manifestFile]: JSON.stringify(manifest) };
  return JSON.stringify({ ...(JSON.parse(text) as ConfigMap), data, binaryData });
}

/** Applies it as Pulumi does, so that nothing of it belongs to anybody else, and lets the kubelet look at once. */
async function apply(mesh: RunningMesh, text: string): Promise<void> {
  const { metadata, ...object } = JSON.parse(text) as ConfigMap;
  const { name, namespace, labels, annotations } = metadata;
  const manager = metadata.managedFields.find(({ operation }) => operation === "Apply")?.manager;
  if (manager === undefined) throw new Error("nobody applied the ConfigMap");
  const desired = JSON.stringify({ ...object, metadata: { name, namespace, labels, annotations } });
  const cluster = mesh.cluster("site-a");
  const force = ["--server-side", "--force-conflicts", `--field-manager=${manager}`];
  await cluster.kubectl(["apply", ...force, "-f", "-"], desired);
  await cluster.kubectl(["-n", "dns-system", "annotate", "--overwrite", "pod", "knot-0", `looked-at=${Date.now()}`]);
}

describe("central zones that break", function () {
  this.timeout(400_000);
  let mesh: RunningMesh;
  before(async () => {
    mesh = await sharedMesh({ sites: 3, withoutApiServer: true });
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

      it("is refused and reported by every site's agent", async () => {
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

      it("is shown by a metric", async () => {
        expect(await mesh.metrics("site-b")).to.match(/^dns_mesh_agent_problem\{kind="refused"\} 1$/m);
      });
    });
  }

  describe("a list that has lost two of three sites", () => {
    let whole: ListedSite[];

    before(() => {
      whole = mesh.sites;
    });

    it("is refused by up, which says what every site would hold back, and changes nothing", async () => {
      await mesh.list(whole.slice(0, 1));
      const said = await mesh.up("shared").catch((error: unknown) => String(error));
      await mesh.list(whole);
      expect(said).to.match(/the sites site-b, site-c are gone from the list, .*hold them back.*"retired: /);
      expect(Object.keys((await mesh.up("shared")).changes)).to.deep.equal(["same"]);
    });
  });

  describe("central zones that have lost two of three sites, published past the program", () => {
    let whole: ListedSite[];
    let published: string;

    before(async () => {
      whole = mesh.sites;
      published = await configMap(mesh);
      await apply(mesh, withSites(published, whole.slice(0, 1)));
    });

    after(async () => {
      await apply(mesh, published);
      await mesh.converged(60);
      expect(Object.keys((await mesh.up("site-a")).changes)).to.deep.equal(["same"]);
    });

    it("are held by those that stay, with a word on how to confirm it", async () => {
      await eventually(30, async () => {
        const { held } = await mesh.status("site-a");
        expect(held.map(({ kind }) => kind)).to.include("sites");
        expect(held[0]?.reason).to.match(/retired/);
      });
    });

    it("cost no zone anywhere", async () => {
      const members = whole.flatMap(zoneNames);
      await mesh.converged(10, { sites: whole.map(({ name }) => name), zones: members });
    });
  });
});
