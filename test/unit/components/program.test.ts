import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import program from "../../../index";
import { exampleList } from "./example-mesh";
import { runStack, type Run } from "./recorded-stack";

function up(stack: string, settings: Record<string, unknown>): Promise<Run> {
  const entries = Object.entries(settings).map(([key, value]) => {
    return [`dns-mesh:${key}`, typeof value === "string" ? value : JSON.stringify(value)] as const;
  });
  pulumi.runtime.setAllConfig(Object.fromEntries(entries));
  return runStack({ stack, stacks: {}, program: program as () => Promise<Record<string, unknown>> });
}

/** What Pulumi shows without a stack trace. */
async function shown(stack: string, settings: Record<string, unknown>): Promise<string> {
  const error: unknown = await up(stack, settings).catch((caught: unknown) => caught);
  if (!pulumi.RunError.isInstance(error)) throw new Error("no RunError", { cause: error });
  return error.message;
}

describe("the program", () => {
  afterEach(() => {
    pulumi.runtime.setAllConfig({});
  });

  it("brings the shared stack up from its settings", async () => {
    const run = await up("shared", { mesh: exampleList });
    expect(run.outputs).to.have.keys("directory", "catalog", "sites", "siteSecrets");
    expect(run.all("RandomPassword").map(({ name }) => name)).to.deep.equal(["mesh-key-ring-1", "mesh-key-ring-2"]);
  });

  it("shows what users can put right without a stack trace, before anything is planned", async () => {
    expect(await shown("site-a", {})).to.match(/is not configured/);
    expect(await shown("site-a", { shared: "organization/dns-mesh/shared" })).to.match(/dns-mesh:context: is missing/);
    expect(await shown("site-a", { shared: "organization/dns-mesh/shared", context: "a" })).to.match(
      /cannot be read: unknown stack/,
    );
    expect(await shown("shared", { mesh: { ...exampleList, sites: [] } })).to.match(/primary/);
  });
});
