import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import program from "../../../program";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { exampleList } from "../../unit/components/example-mesh";

/** Steps of one list, in order: each starts from what the one before left. */
describe("a zone that stops being signed, in the one list", function () {
  this.timeout(120_000);
  let workDir: string;
  let driver: MeshDriver;

  before(() => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-dnssec-"));
    driver = createDriver({
      workDir,
      program: program as () => Promise<Record<string, unknown>>,
      writes: "at the end",
    });
  });
  after(() => {
    rmSync(workDir, { recursive: true, force: true });
  });

  const list = async (dnssec: unknown): Promise<void> => {
    const [a, b, c] = exampleList.sites;
    const sites = [a, b, { ...c, zones: [{ name: "standard-1.internal.dns", dnssec }] }];
    await driver.setConfig("shared", { "dns-mesh:mesh": { ...exampleList, sites } });
  };
  const stored = async (): Promise<unknown> => {
    const sites = (await driver.outputs("shared"))["sites"]?.value as Record<string, { site: { zones: object[] } }>;
    return sites["site-c"]?.site.zones[0];
  };
  const failure = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "",
      (error: unknown) => String(error),
    );

  it("is refused by preview and up, and nothing changes, as long as it was not withdrawn", async () => {
    await list({ nsec3: true });
    await driver.up("shared");
    const before = await stored();
    await list(false);
    for (const operation of ["preview", "up"] as const) {
      const said = await failure(driver[operation]("shared"));
      expect(said).to.contain('mesh.sites[2].zones[0].dnssec: "standard-1.internal.dns" is signed');
      expect(said).to.contain('write "dnssec: { withdraw: true }"');
    }
    expect(await stored()).to.deep.equal(before);
  });

  it("is still refused in the run after that", async () => {
    expect(await failure(driver.up("shared"))).to.contain("is signed");
  });

  it("is let go after it was withdrawn", async () => {
    await list({ nsec3: true, withdraw: true });
    await driver.up("shared");
    await list(false);
    await driver.up("shared");
    expect(await stored()).to.deep.equal({ name: "standard-1.internal.dns", dnssec: false });
  });
});
