import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import program from "../../../program";
import { exampleList, sharedOutputs } from "./example-mesh";
import { parseMesh } from "../../../src/settings/parse";
import { publishedOf } from "../../../src/preflight/published";
import { runStack, type Run, type RunOptions } from "./recorded-stack";

type Others = Pick<RunOptions, "stacks" | "unreadable">;

function up(stack: string, settings: Record<string, unknown>, others: Others = {}): Promise<Run> {
  const entries = Object.entries(settings).map(([key, value]) => {
    return [`dns-mesh:${key}`, typeof value === "string" ? value : JSON.stringify(value)] as const;
  });
  pulumi.runtime.setAllConfig(Object.fromEntries(entries));
  return runStack({ stack, stacks: {}, ...others, program: program as () => Promise<Record<string, unknown>> });
}

/** What Pulumi shows without a stack trace. */
async function shown(stack: string, settings: Record<string, unknown>, others?: Others): Promise<string> {
  const error: unknown = await up(stack, settings, others).catch((caught: unknown) => caught);
  if (!pulumi.RunError.isInstance(error)) throw new Error("no RunError", { cause: error });
  return error.message;
}

describe("the program", () => {
  afterEach(() => {
    pulumi.runtime.setAllConfig({});
  });

  it("brings the shared stack up from its settings", async () => {
    const run = await up("shared", { mesh: exampleList });
    expect(run.outputs).to.have.keys("directory", "catalog", "epoch", "sites", "siteSecrets");
    expect(run.all("RandomPassword").map(({ name }) => name)).to.deep.equal(["mesh-key-ring-1", "mesh-key-ring-2"]);
  });

  describe("with sites whose load balancers have given them no address yet", () => {
    const [a, b, c] = exampleList.sites;
    const auto = (site: object | undefined) => ({ ...site, addresses: "auto" });
    const listOf = (...sites: unknown[]) => ({ ...exampleList, sites });

    it("tells of them, and gives them neither keys nor a place in the directory", async () => {
      const { outputs, resources } = await up("shared", { mesh: listOf(a, b, auto(c)) });
      expect(outputs["waiting"]?.value).to.deep.equal({ "site-c": { transport: "tls" } });
      expect(outputs["auto"]?.value).to.deep.equal(["site-c"]);
      expect(Object.keys(outputs["sites"]?.value as object)).to.deep.equal(["site-a", "site-b"]);
      expect(String(outputs["directory"]?.value)).not.to.match(/site-c|standard-1/);
      expect(JSON.stringify(resources)).not.to.contain("site-c");
    });

    it("publishes nothing before the primary has one", async () => {
      const { outputs, resources } = await up("shared", { mesh: listOf(auto(a), b, c) });
      expect(outputs).to.have.keys("waiting", "auto");
      expect(Object.keys(outputs["waiting"]?.value as object)).to.deep.equal(["site-a", "site-b", "site-c"]);
      expect(resources.map(({ type }) => type)).to.deep.equal(["pulumi:pulumi:Stack"]);
    });

    it("keeps one that is published: an address that is not said is not one that is gone", async () => {
      const stacks = { "organization/dns-mesh/shared": sharedOutputs() };
      expect(await shown("shared", { mesh: listOf(a, b, auto(c)) }, { stacks })).to.match(
        /site-c has addresses: auto.*write "found: \[203\.0\.113\.3\]"/,
      );
    });
  });

  it("shows what users can put right without a stack trace, before anything is planned", async () => {
    expect(await shown("site-a", {})).to.match(/is not configured/);
    expect(await shown("site-a", { shared: "organization/dns-mesh/shared" })).to.match(/dns-mesh:context: is missing/);
    expect(await shown("site-a", { shared: "organization/dns-mesh/shared", context: "a" })).to.match(
      /does not exist, or you may not see it/,
    );
    expect(await shown("shared", { mesh: { ...exampleList, sites: [] } })).to.match(/primary/);
  });

  it("does not go on when it cannot read what it said last: the guards go by it", async () => {
    const unreadable = { "organization/dns-mesh/shared": "getting the snapshot: 500 Internal Server Error" };
    const message = await shown("shared", { mesh: exampleList }, { unreadable });
    expect(message).to.match(/what stack "shared" said .* cannot be read: .*500 .*Nothing was changed/);
  });

  describe("with a list that has lost what it had", () => {
    const [a, b, c] = exampleList.sites;
    const today = new Date().toISOString().slice(0, 10);
    const listOf = (...sites: unknown[]) => ({ ...exampleList, sites });
    const retired = parseMesh(listOf(a, b, { ...c, zones: [{ name: "standard-1.internal.dns", retired: today }] }));
    const before = { "organization/dns-mesh/shared": sharedOutputs(retired) };
    const emptied = ["standard-1.internal.dns"];
    const mesh = listOf(a, b, { ...c, zones: [] });

    it("does not go on when the stack of a zone's owner is there and cannot be read, unless the user looked", async () => {
      const unreadable = { "organization/dns-mesh/site-c": "403 Forbidden" };
      const message = await shown("shared", { mesh }, { stacks: before, unreadable });
      expect(message).to.match(
        /"standard-1\.internal\.dns" of site-c is retired, but the stack "site-c" cannot be read/,
      );
      const run = await up("shared", { mesh, emptied }, { stacks: before, unreadable });
      expect(run.log).to.deep.equal([]);
    });

    it("warns when a zone's owner has no stack of its name", async () => {
      const { log } = await up("shared", { mesh }, { stacks: before });
      expect(log.map(({ message }) => message).join()).to.contain(
        'there is no stack "site-c" to say whether DnsRecords',
      );
    });

    it("says what every site would hold back, by what the primary published last", async () => {
      const many = listOf(a, b, { ...c, zones: ["c1.example", "c2.example", "c3.example"] });
      const shared = sharedOutputs(parseMesh(many));
      const stacks = (published: unknown) => ({
        "organization/dns-mesh/shared": shared,
        "organization/dns-mesh/site-a": { outputs: { published } },
      });
      const less = { mesh: listOf(a, b) };
      for (const published of [publishedOf(parseMesh(many)), undefined])
        expect(await shown("shared", less, { stacks: stacks(published) })).to.match(
          /zones c1\.example, c2\.example, c3\.example are gone from the list, 3 of 5, .* hold them back/,
        );
      const confirmed = publishedOf(parseMesh(listOf(a, b, { ...c, retired: today })));
      await up("shared", less, { stacks: stacks(confirmed) });
      await up("shared", less, { stacks: { "organization/dns-mesh/shared": shared } });
    });
  });
});
