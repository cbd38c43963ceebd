import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../../../harness/eventually";
import { centralZones, type RunningMesh, withAuto } from "../../../harness/mesh/running-mesh";
import { podIdentity, sharedMesh } from "../../../harness/mesh/shared-mesh";
import { readList } from "../../../src/cli/list/list-file";
import { addressFinder, configsBeside } from "../../../src/cli/site-addresses";
import { bringUpFollowing } from "../../../src/cli/up/following";

const listFile = (mesh: RunningMesh): string => join(mesh.workDir, "Pulumi.shared.yaml");

/** What `mesh up --site` does, with the engine that drives the mesh. Returns the stacks that it brought up. */
async function followAddresses(mesh: RunningMesh, site: string): Promise<readonly string[]> {
  const file = listFile(mesh);
  const outcome = await bringUpFollowing({
    ...{ file, choice: { sites: [site] }, width: 1, patienceMs: 60_000, signal: new AbortController().signal },
    engine: { up: (stack) => mesh.up(stack).then(() => ({ steps: [], warnings: [] })) },
    find: addressFinder({ directoryZone: centralZones[0], configOf: configsBeside(file) }),
    now: () => performance.now(),
    pause: (ms) => delay(ms),
    print: () => undefined,
  });
  expect(outcome).to.deep.include({ failed: [], interrupted: [], left: [] });
  return outcome.done.map(({ stack }) => stack);
}

/** Asks sites for every zone, again and again, until it is disposed of. A question that is lost is asked once more. */
function askAllTheTime(mesh: RunningMesh, sites: readonly string[]): AsyncDisposable & { readonly lost: string[] } {
  const lost: string[] = [];
  const zones = mesh.zones();
  let isOver = false;
  const asking = Promise.all(
    sites.map(async (site) => {
      for (let i = 0; !isOver; i++) {
        const zone = zones[i % zones.length]!;
        await mesh
          .soa(site, zone)
          .catch(() => mesh.soa(site, zone))
          .catch((error: unknown) => lost.push(`${site}: ${zone}: ${String(error)}`));
        await delay(50);
      }
    }),
  );
  return {
    lost,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await asking;
    },
  };
}

describe("a site whose load balancer gets another address", function () {
  this.timeout(900_000);
  let mesh: RunningMesh;
  let lost: readonly string[];
  let stacks: readonly string[];
  const others = ["site-a", "site-b"];
  const identities = new Map<string, unknown>();
  const moved = (): string => mesh.cluster("site-c").spareAddress;

  before(async () => {
    mesh = await sharedMesh({ sites: 3 });
    await mesh.converged(60);
    for (const { name } of mesh.sites) identities.set(name, await podIdentity(mesh.cluster(name)));
    await mesh.list(mesh.sites.map((site) => (site.name === "site-c" ? withAuto(site) : site)));
    await mesh.configureSite(mesh.cluster("site-c"), { "dns-mesh:service": { loadBalancerIP: moved() } });
    await using asked = askAllTheTime(mesh, others);
    lost = asked.lost;
    stacks = await followAddresses(mesh, "site-c");
    mesh.sites = mesh.sites.map((site) => (site.name === "site-c" ? { ...site, found: [moved()] } : site));
  });

  it("has it in the list, and the directory, by one mesh up", () => {
    const { mesh: listed } = readList("Pulumi.shared.yaml", readFileSync(listFile(mesh), "utf8"));
    expect(listed.sites.find(({ name }) => name === "site-c")).to.deep.include({ addresses: [moved()], auto: true });
    expect(stacks).to.deep.equal(["shared", "site-a", "site-c", "shared", "site-a", "site-c"]);
  });

  it("costs none of the others an answer", () => {
    expect(lost).to.deep.equal([]);
  });

  it("is asked there by every other site, its old address forgotten", async () => {
    await mesh.converged(60);
    await eventually(90, async () => {
      await Promise.all(others.map((site) => mesh.reconcile(site)));
      for (const site of others) {
        const policy = ["-n", "dns-system", "get", "networkpolicy", "knot-peers", "-o", "json"];
        const text = (await mesh.knotFiles(site)) + (await mesh.cluster(site).kubectl(policy));
        expect(text, site).to.contain(moved());
        expect(text, site).not.to.contain(mesh.cluster("site-c").siteAddress);
      }
    });
  });

  it("restarts no pod, and changes nothing when run once more", async () => {
    expect(await followAddresses(mesh, "site-c")).to.deep.equal(["shared", "site-a", "site-c"]);
    for (const { name } of mesh.sites)
      expect(await podIdentity(mesh.cluster(name)), name).to.deep.equal(identities.get(name));
  });
});
