import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors";
import { wholly } from "../../../components/run-error";
import { createDriver, type MeshDriver } from "../../../harness/pulumi/driver";

interface Settings {
  sites: { name: string; port: number; on: boolean }[];
}

/** Thirty resources, and a structured setting as an output; a stack with `from` reads another stack instead. */
function program(): Promise<Record<string, unknown>> {
  const config = new pulumi.Config("dns-mesh");
  const from = config.get("from");
  if (from !== undefined) {
    const reference = new pulumi.StackReference(from);
    return Promise.resolve({
      secret: reference.requireOutput("secret"),
      settings: reference.requireOutput("settings"),
    });
  }
  const settings = config.getObject<Settings>("mesh");
  if (!settings) throw new UserError("dns-mesh:mesh is missing: list the sites");
  const keepers = { epoch: config.get("epoch") ?? "1" };
  const names = Array.from({ length: 30 }, (_, index) => `password-${index}`);
  const [one] = names.map((name) => new random.RandomPassword(name, { length: 20, keepers }));
  return Promise.resolve({ secret: one?.result, settings });
}

/** URNs of a stack's resources, in order. */
async function heldBy(driver: MeshDriver, stack: string): Promise<readonly string[]> {
  const state = (await driver.exportState(stack)) as {
    readonly deployment: { readonly resources: readonly { readonly urn: string }[] };
  };
  return state.deployment.resources.map(({ urn }) => urn).sort();
}

/** A password, and one that needs the first; with `broken`, what the first needs cannot be had. */
function dependent(): Promise<Record<string, unknown>> {
  const isBroken = new pulumi.Config("dns-mesh").getBoolean("broken") === true;
  const length = isBroken ? pulumi.output(Promise.reject<number>(new Error("no length to be had"))) : 20;
  const first = new random.RandomPassword("first", { length });
  new random.RandomPassword("second", { length: 20 }, { dependsOn: first });
  return Promise.resolve({});
}

describe("the driver of the real engine", function () {
  this.timeout(60_000);
  const mesh: Settings = { sites: [{ name: "site-a", port: 53, on: true }] };
  let workDir: string;
  let driver: MeshDriver;

  before(async () => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-driver-"));
    driver = createDriver({ workDir, program });
    await driver.setConfig("shared", { "dns-mesh:mesh": mesh });
  });
  after(() => {
    rmSync(workDir, { recursive: true, force: true });
  });

  it("makes nothing in a preview", async () => {
    expect((await driver.preview("shared")).changes).to.deep.equal({ create: 31 });
    expect(await driver.outputs("shared")).to.deep.equal({});
  });

  it("brings a stack up, with structured settings as they are in a stack's file", async () => {
    expect((await driver.up("shared")).changes).to.deep.equal({ create: 31 });
    const outputs = await driver.outputs("shared");
    expect(outputs["settings"]).to.deep.equal({ value: mesh, secret: false });
    expect(outputs["secret"]).to.include({ secret: true });
  });

  it("keeps secrets out of the files", async () => {
    const { secret } = await driver.outputs("shared");
    const files = readdirSync(workDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).to.include("shared.json");
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name), "utf8"), name).to.not.contain(secret?.value);
    }
  });

  it("changes nothing on a second up", async () => {
    expect((await driver.up("shared")).changes).to.deep.equal({ same: 31 });
  });

  it("shows another stack's outputs through a reference, secrets as secrets", async () => {
    await driver.setConfig("site-a", { "dns-mesh:from": "organization/dns-mesh/shared" });
    await driver.up("site-a");
    const outputs = await driver.outputs("site-a");
    const shared = await driver.outputs("shared");
    expect(outputs["secret"]).to.deep.equal(shared["secret"]);
    expect(outputs["settings"]).to.deep.equal({ value: mesh, secret: false });
  });

  it("takes settings away that are no longer given", async () => {
    await driver.setConfig("shared", { "dns-mesh:mesh": mesh, "dns-mesh:epoch": "2" });
    expect((await driver.preview("shared")).changes).to.deep.equal({ same: 1, replace: 30 });
    await driver.setConfig("shared", { "dns-mesh:mesh": mesh });
    expect((await driver.preview("shared")).changes).to.deep.equal({ same: 31 });
  });

  it("reports an error that is meant for users without a stack, and drops no state", async () => {
    await driver.setConfig("shared", {});
    const failure = await driver.up("shared").catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error).with.property("message", "dns-mesh:mesh is missing: list the sites");
    await driver.setConfig("shared", { "dns-mesh:mesh": mesh });
    expect((await driver.refresh("shared")).changes).to.deep.equal({ same: 31 });
  });

  it("takes a stack away", async () => {
    expect((await driver.destroy("shared")).changes).to.deep.equal({ delete: 31 });
    expect(await driver.outputs("shared")).to.deep.equal({});
  });
});

describe("a program that fails after it returned", function () {
  this.timeout(60_000);

  it("takes nothing away, though what failed and what depends on it was not registered", async () => {
    const workDir = mkdtempSync(join(tmpdir(), "dns-mesh-whole-"));
    try {
      const driver = createDriver({ workDir, program: () => wholly(dependent) });
      await driver.setConfig("shared", {});
      expect((await driver.up("shared")).changes).to.deep.equal({ create: 3 });
      const held = await heldBy(driver, "shared");
      await driver.setConfig("shared", { "dns-mesh:broken": true });
      const failure = await driver.up("shared").catch((error: unknown) => error);
      expect(failure).to.be.an("error").with.property("message").that.contains("no length to be had");
      expect(await heldBy(driver, "shared")).to.deep.equal(held);
    } finally {
      rmSync(workDir, { recursive: true, force: true });
    }
  });
});
