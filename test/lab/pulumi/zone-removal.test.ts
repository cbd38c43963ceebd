import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import program from "../../../program";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";
import { exampleList } from "../../unit/components/example-mesh";

/** Steps of one list, in order: each starts from what the one before left. */
describe("a zone that leaves the one list", function () {
  this.timeout(120_000);
  const zone = "standard-1.internal.dns";
  const today = new Date().toISOString().slice(0, 10);
  const [a, b, c] = exampleList.sites;
  let workDir: string;
  let driver: MeshDriver;

  before(() => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-removal-"));
    driver = createDriver({
      workDir,
      program: program as () => Promise<Record<string, unknown>>,
      writes: "at the end",
    });
  });
  after(() => {
    rmSync(workDir, { recursive: true, force: true });
  });

  const list = (...sites: unknown[]): Promise<void> =>
    driver.setConfig("shared", { "dns-mesh:mesh": { ...exampleList, sites } });
  const directory = async (): Promise<string> => String((await driver.outputs("shared"))["directory"]?.value);
  /** What the owner's stack says of its zones that retire. */
  const ownerTold = (retiring: Record<string, string[]>) =>
    createDriver({ workDir, program: () => Promise.resolve({ retiring }) }).up("site-c");
  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "",
      (error: unknown) => String(error),
    );

  it("is refused by preview and up, again and again, unless it was retired, and nothing changes", async () => {
    await list(a, b, c);
    expect(await failure(driver.preview("shared"))).to.equal("");
    await driver.up("shared");
    const before = await directory();
    await list(a, b, { ...c, zones: ["new.example"] });
    for (const operation of ["preview", "up", "up"] as const) {
      const said = await failure(driver[operation]("shared"));
      expect(said).to.contain(`the zone "${zone}" of site-c is gone from the list and was not retired`);
      expect(said).to.contain(`put it back with "retired: ${today}"`);
    }
    expect(await directory()).to.equal(before);
  });

  it("goes after an up with its mark, which the directory publishes, once its owner's stack saw no DnsRecord in it", async () => {
    await list(a, b, { ...c, zones: [{ name: zone, dnssec: true, retired: today }] });
    await driver.up("shared");
    expect(await directory()).to.contain(`"retired=${today}"`);
    await ownerTold({});
    await list(a, b, { ...c, zones: ["new.example"] });
    expect(await failure(driver.up("shared"))).to.contain("site-c was not brought up since");
    await ownerTold({ [zone]: ["dns-system/www"] });
    expect(await failure(driver.up("shared"))).to.contain("still has DnsRecords: dns-system/www");
    await ownerTold({ [zone]: [] });
    await driver.up("shared");
    expect(await directory()).not.to.contain(zone);
  });

  it("stays while its owner's stack is there and cannot be read, until the user says that he looked", async () => {
    await list(a, b, { ...c, zones: ["new.example", { name: "old.example", retired: today }] });
    await driver.up("shared");
    await ownerTold({ "old.example": [] });
    const state = join(workDir, "state/.pulumi/stacks/dns-mesh/site-c.json");
    const sound = readFileSync(state, "utf8");
    writeFileSync(state, "damaged");
    await list(a, b, { ...c, zones: ["new.example"] });
    expect(await failure(driver.up("shared"))).to.match(
      /"old\.example" of site-c .* the stack "site-c" cannot be read/,
    );
    await driver.setConfig("shared", {
      "dns-mesh:mesh": { ...exampleList, sites: [a, b, { ...c, zones: ["new.example"] }] },
      "dns-mesh:emptied": ["old.example"],
    });
    await driver.up("shared");
    writeFileSync(state, sound);
    expect(await directory()).not.to.contain("old.example");
  });

  it("is refused with many others, which every site would hold back, until the primary has published their marks", async () => {
    const many = ["m1.example", "m2.example", "m3.example"];
    /** The primary's stack, as far as the shared one looks at it. */
    const publish = async () => {
      const published: unknown = (await driver.outputs("shared"))["sites"]?.value;
      await createDriver({ workDir, program: () => Promise.resolve({ published }) }).up("site-a");
    };
    await list(a, b, { ...c, zones: [...many, "new.example"] });
    await driver.up("shared");
    await publish();
    const held =
      /the zones m1\.example, m2\.example, m3\.example.* are gone from the list, [34] of 6, and every site would hold/;
    await list(a, b);
    expect(await failure(driver.preview("shared"))).to.match(held);
    await list(a, b, { ...c, zones: [...many.map((name) => ({ name, retired: today })), "new.example"] });
    await driver.up("shared");
    await ownerTold(Object.fromEntries(many.map((name) => [name, []])));
    await list(a, b, { ...c, zones: ["new.example"] });
    expect(await failure(driver.up("shared"))).to.match(held);
    await list(a, b, { ...c, zones: [...many.map((name) => ({ name, retired: today })), "new.example"] });
    await driver.up("shared");
    await publish();
    await list(a, b, { ...c, zones: ["new.example"] });
    await driver.up("shared");
  });

  it("moves to another site without a mark", async () => {
    await list(a, { ...b, zones: [...(b?.zones ?? []), "new.example"] }, { ...c, zones: [] });
    await driver.up("shared");
    expect(await directory()).to.match(/new\.example\._zone TXT "server=site-b\./);
  });

  it("goes with its site, which is reported", async () => {
    await list(a, { ...c, zones: b?.zones });
    const { events } = await driver.up("shared");
    const warnings = events.flatMap(({ diagnosticEvent }) => diagnosticEvent?.message ?? []);
    expect(warnings.join("\n")).to.contain('the zone "new.example" leaves the mesh with site-b');
    expect(await directory()).not.to.contain("new.example");
  });
});
