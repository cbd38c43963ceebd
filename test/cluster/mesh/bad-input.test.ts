import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunningMesh, type ListedSite } from "../../../harness/mesh/running-mesh";
import { sharedMesh } from "../../../harness/mesh/shared-mesh";

describe("bad input is reported before anything is planned", function () {
  this.timeout(120_000);
  let mesh: RunningMesh;
  let good: ListedSite[];
  before(async () => {
    mesh = await sharedMesh();
    good = mesh.sites;
  });

  const change = (index: number, changes: Partial<ListedSite>) => (sites: ListedSite[]) =>
    sites.map((site, at) => (at === index ? { ...site, ...changes } : site));
  const cases: { what: string; list: (sites: ListedSite[]) => ListedSite[]; message: RegExp }[] = [
    { what: "no primary catalog", list: change(0, { role: "standard" }), message: /primary/ },
    { what: "two primary catalogs", list: change(1, { role: "primary-catalog" }), message: /primary/ },
    { what: "a site twice", list: change(1, { name: "site-a" }), message: /sites\[1\]\.name/ },
    {
      what: "a zone twice",
      list: change(1, { zones: ["catalog-primary.internal.dns"] }),
      message: /sites\[1\]\.zones\[0\]/,
    },
    {
      what: "an address twice",
      list: (sites) => change(1, { addresses: sites[0]!.addresses })(sites),
      message: /sites\[1\]\.addresses\[0\]/,
    },
    {
      what: "a host name where an address belongs",
      list: change(2, { addresses: ["ns.example.org"] }),
      message: /sites\[2\]\.addresses\[0\]/,
    },
    { what: "a bad zone name", list: change(2, { zones: ["bad..name"] }), message: /sites\[2\]\.zones\[0\]/ },
    {
      what: "a zone inside a central zone",
      list: change(2, { zones: ["x.dns.internal"] }),
      message: /sites\[2\]\.zones\[0\]/,
    },
  ];

  describe("in the list", () => {
    after(async () => {
      await mesh.list(good);
    });
    for (const { what, list, message } of cases) {
      it(what, async () => {
        const before = await mesh.driver.exportState("shared");
        await mesh.list(list(good));
        expect(await failure(mesh.up("shared"))).to.match(message);
        await mesh.list(good);
        expect(resourcesOf(await mesh.driver.exportState("shared"))).to.deep.equal(resourcesOf(before));
      });
    }
  });

  it("a site that the shared stack does not know", async () => {
    const { name } = mesh.cluster("site-d");
    const before = mesh.settings(name);
    await mesh.configureSite(mesh.cluster(name), { "dns-mesh:site": "site-x" });
    const text = await failure(mesh.up(name));
    await mesh.configureSite(mesh.cluster(name), before);
    expect(text).to.contain("site-x").and.to.contain("site-a");
  });

  it("a shared stack that was never brought up", async () => {
    const fresh = new RunningMesh({ clusters: [mesh.cluster("site-b")] });
    await fresh.list(good);
    await fresh.configureSite(mesh.cluster("site-b"));
    expect(await failure(fresh.up("site-b"))).to.match(/shared.*never|up -s shared/s);
    await fresh[Symbol.asyncDispose]();
  });

  it("a context that the kubeconfig does not have", async () => {
    await mesh.configureSite(mesh.cluster("site-b"), { "dns-mesh:context": "nowhere" });
    try {
      expect(await failure(mesh.up("site-b"))).to.contain("nowhere");
    } finally {
      await mesh.configureSite(mesh.cluster("site-b"));
    }
  });

  it("an unreachable cluster fails fast and drops no state", async () => {
    const cluster = mesh.cluster("site-b");
    const folder = mkdtempSync(join(tmpdir(), "dns-mesh-unreachable-"));
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(
      kubeconfig,
      readFileSync(cluster.kubeconfig, "utf8").replace(/https:\/\/[^"]+/, "https://127.0.0.1:1"),
      { mode: 0o600 },
    );
    const before = resourcesOf(await mesh.driver.exportState("site-b"));
    await mesh.configureSite(cluster, { "dns-mesh:kubeconfig": kubeconfig });
    try {
      const started = Date.now();
      expect(await failure(mesh.up("site-b"))).to.contain("unreachable");
      expect(Date.now() - started).to.be.below(30_000);
      expect(resourcesOf(await mesh.driver.exportState("site-b"))).to.deep.equal(before);
    } finally {
      await mesh.configureSite(cluster);
      rmSync(folder, { recursive: true, force: true });
    }
    expect(Object.keys((await mesh.up("site-b")).changes)).to.deep.equal(["same"]);
  });
});

async function failure(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(Error);
  return (error as Error).message;
}

/** The URNs in a stack's state, apart from the stack itself. */
function resourcesOf(state: unknown): string[] {
  const { deployment } = state as { deployment: { resources?: { urn: string }[] } };
  return (deployment.resources ?? []).map((resource) => resource.urn).sort();
}
