import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import program from "../../../program";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { exampleList } from "../../unit/components/example-mesh";

describe("the shared stack", function () {
  this.timeout(60_000);
  let workDir: string;
  let driver: MeshDriver;

  before(async () => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-destroy-"));
    driver = createDriver({
      workDir,
      program: program as () => Promise<Record<string, unknown>>,
      writes: "at the end",
    });
    await driver.setConfig("shared", { "dns-mesh:mesh": exampleList });
    await driver.up("shared");
  });
  after(() => {
    rmSync(workDir, { recursive: true, force: true });
  });

  /** Every resource in the state, but for a provider that the engine makes for itself and that has nothing in it. */
  async function resources(): Promise<string[]> {
    const state: unknown = await driver.exportState("shared");
    return ((state as { deployment: { resources?: { urn: string }[] } }).deployment.resources ?? [])
      .map(({ urn }) => urn)
      .filter((urn) => !urn.endsWith("pulumi:providers:pulumi::default"))
      .sort();
  }

  it("cannot be destroyed in passing: its authority and keys stay, all of them", async () => {
    const before = await resources();
    const refused: unknown = await driver.destroy("shared").catch((error: unknown) => error);
    expect(String(refused)).to.match(/safeguard.*protect/s);
    expect(await resources()).to.deep.equal(before);
    expect((await driver.up("shared")).changes).to.have.all.keys("same");
  });

  it("still lets an authority and keys go whose time has come", async () => {
    const settings = { "dns-mesh:ca": { generation: 2, signing: 2, oldest: 2 }, "dns-mesh:keys": { generation: 3 } };
    await driver.setConfig("shared", { "dns-mesh:mesh": exampleList, ...settings });
    expect((await driver.up("shared")).changes).to.include.any.keys("delete");
  });

  it("goes once its protection was lifted", async () => {
    await driver.setConfig("shared", { "dns-mesh:mesh": exampleList, "dns-mesh:protect": "false" });
    await driver.up("shared");
    await driver.destroy("shared");
    expect(await resources()).to.deep.equal([]);
  });
});
