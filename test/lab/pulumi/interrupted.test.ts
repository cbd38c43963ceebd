import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import program from "../../../program";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import { standInForPods } from "../../../harness/plugins/pod-stand-in";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { type Interruption, recoverFromKill, upInterrupted } from "../../../harness/pulumi/interruption";

/** Where a site's first `up` is interrupted: an early, a middle and a late operation of some sixty. */
const interruptions: readonly Interruption[] = [
  { how: "SIGINT", at: 30 },
  { how: "SIGKILL", at: 9 },
  { how: "SIGKILL", at: 40 },
  { how: "SIGKILL", at: 56 },
];

/** Each in a site of its own, all of them in one cluster. */
const sites = interruptions.map((interruption, i) => ({ name: `site-${i + 1}`, ...interruption }));

describe("an up that is interrupted, of sites in one cluster", function () {
  this.timeout(300_000);
  let plane: ControlPlane;
  let pods: AsyncDisposable;
  let workDir: string;
  let driver: MeshDriver;

  before(async () => {
    plane = await startControlPlane();
    pods = await standInForPods(plane, { address: "192.0.2.1" });
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-interrupted-"));
    driver = createDriver({ workDir, program: program as () => Promise<Record<string, unknown>> });
    await driver.setConfig("shared", {
      "dns-mesh:mesh": {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: sites.map(({ name }, i) => ({
          ...{ name, role: i === 0 ? "primary-catalog" : "standard", addresses: [`192.0.2.${i + 1}`] },
          zones: [`${name}.example`],
        })),
      },
    });
    for (const { name } of sites) await configure(name);
    await driver.up("shared");
  });
  after(async () => {
    await pods[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  const configure = (site: string, changes: Record<string, unknown> = {}): Promise<void> =>
    driver.setConfig(site, {
      "dns-mesh:shared": "organization/dns-mesh/shared",
      "dns-mesh:context": "plane",
      "dns-mesh:kubeconfig": plane.kubeconfig,
      "dns-mesh:namespace": site,
      "dns-mesh:service": { verifyAddress: false },
      "dns-mesh:protect": "false",
      "dns-mesh:replicas": "2",
      ...changes,
    });
  const settled = async (site: string, refresh = false): Promise<void> => {
    const { changes } = await driver.up(site, { refresh });
    expect(Object.keys(changes).filter((kind) => kind !== "read" && kind !== "refresh")).to.deep.equal(["same"]);
  };

  for (const { name, how, at } of sites) {
    it(`is finished by the next after ${how} at operation ${at}, and one more changes nothing`, async () => {
      expect(await upInterrupted(driver, name, { how, at })).to.be.at.least(at);
      if (how === "SIGKILL") await recoverFromKill(driver, name, workDir);
      expect((await driver.up(name)).changes["create"]).to.be.greaterThan(0);
      await settled(name);
    });
  }

  for (const { how, at, serves } of [
    { how: "SIGINT", at: 2, serves: "default" },
    { how: "SIGKILL", at: 1, serves: "kube-public" },
    { how: "SIGKILL", at: 4, serves: "default" },
  ] as const) {
    it(`is finished by the next when ${how} ends a change at its operation ${at}`, async () => {
      const name = sites[0]?.name ?? "";
      await configure(name, {
        "dns-mesh:clients": [`10.${at}.0.0/16`],
        "dns-mesh:drainSeconds": String(40 + at),
        "dns-mesh:rateLimit": { perSecond: at + (how === "SIGINT" ? 100 : 200) },
        "dns-mesh:records": { namespaces: [serves] },
      });
      expect(await upInterrupted(driver, name, { how, at })).to.be.at.least(at);
      if (how === "SIGKILL") await recoverFromKill(driver, name, workDir);
      await driver.up(name);
      await settled(name);
      await settled(name, true);
    });
  }

  it("leaves the other sites of the cluster as they are, and so does a site that goes and comes back", async () => {
    const [first, second] = sites.map(({ name }) => name);
    await driver.destroy(second ?? "");
    await driver.up(second ?? "");
    await settled(second ?? "");
    await settled(first ?? "", true);
  });
});
