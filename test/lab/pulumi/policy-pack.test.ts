import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blocksOf } from "../../../harness/docs/blocks";
import program from "../../../program";
import { createDriver, type MeshDriver, type UpOptions } from "../../../harness/pulumi/driver";
import { warningsIn } from "../../../src/cli/stacks/engine-events";
import { exampleList } from "../../unit/components/example-mesh";

const pack = join(__dirname, "../../../policy");

/** Steps of one list, in order: each starts from what the one before left. */
describe("the policy pack in the real engine", function () {
  this.timeout(180_000);
  const today = new Date().toISOString().slice(0, 10);
  const [a, b, c] = exampleList.sites;
  let workDir: string;
  let driver: MeshDriver;

  before(() => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-policy-"));
    driver = createDriver({
      workDir,
      program: program as () => Promise<Record<string, unknown>>,
      writes: "at the end",
    });
  });
  after(() => {
    rmSync(workDir, { recursive: true, force: true });
  });

  const settings = (mesh: object, more: object = {}): Promise<void> =>
    driver.setConfig("shared", { "dns-mesh:mesh": { ...exampleList, ...mesh }, ...more });
  const judged = (options: UpOptions = {}): UpOptions => ({ ...options, policyPacks: [pack] });
  /** What is said of a preview that does not pass; empty for one that does. */
  const failure = (options: UpOptions = {}): Promise<string> =>
    driver.preview("shared", judged(options)).then(
      () => "",
      (error: unknown) => String(error),
    );

  /** The pack's configuration as a file. */
  function configured(config: object): UpOptions {
    const file = join(workDir, "policies.json");
    writeFileSync(file, JSON.stringify(config));
    return { policyConfigs: [file] };
  }

  it("has nothing against a new mesh, and says what a preview cannot know yet", async () => {
    await settings({});
    const { events } = await driver.preview("shared", judged());
    expect(warningsIn(events).join("\n")).to.match(/policy dns-mesh\/mesh-coherent: .*during preview/);
    await driver.up("shared", judged());
    expect(warningsIn((await driver.preview("shared", judged())).events)).to.deep.equal([]);
  });

  it("refuses transfers that anybody on the way can read, and takes them where its configuration allows them", async () => {
    await settings({ transport: "tcp" });
    expect(await failure()).to.match(/policy dns-mesh\/transfers-encrypted: .*site-b takes zones over plain TCP/);
    expect(await failure(configured({ "transfers-encrypted": "advisory" }))).to.equal("");
  });

  it("takes the settings that the guide writes", async () => {
    const [block = ""] = blocksOf("docs/guides/pull-requests.md#the-policy-pack", "sh");
    const [, text = ""] = /<<'END'\n([\s\S]*?)\nEND\n/.exec(block) ?? [];
    await settings({ transport: "tcp" });
    expect(await failure(configured(JSON.parse(text) as object))).to.equal("");
  });

  it("refuses an up too, before anything changes", async () => {
    await settings({}, { "dns-mesh:protect": "false" });
    const refused: unknown = await driver.up("shared", judged()).catch((error: unknown) => error);
    expect(String(refused)).to.match(/policy dns-mesh\/data-protected: safeguard: .*not protected/);
    await settings({});
    expect((await driver.up("shared", judged())).changes).to.have.all.keys("same");
  });

  it("limits removals, beside what the mesh itself refuses", async () => {
    await settings({ sites: [a, b, { ...c, retired: today }] });
    await driver.up("shared");
    await settings({ sites: [a, b] });
    expect(await failure()).to.match(
      /removals-limited: mesh: .*2 sites and zones leave the mesh \(site-c, standard-1\.internal\.dns\), and 1 may/,
    );
    expect(await failure(configured({ "removals-limited": { most: 2 } }))).to.equal("");
  });
});
