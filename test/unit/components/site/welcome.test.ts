import { expect } from "chai";
import { UserError } from "../../../../src/errors";
import { fetchWelcome } from "../../../../components/site/welcome";
import { exampleSecrets, sharedName, sharedOutputs } from "../example-mesh";
import { runStack, type Run, type RunOptions } from "../recorded-stack";

interface Fetched extends Partial<RunOptions> {
  readonly site?: string;
}

function fetch({ site = "site-b", ...options }: Fetched): Promise<Run> {
  return runStack({
    program: async () => {
      const { packet, secrets, central } = await fetchWelcome({ shared: sharedName, site, vault: undefined });
      return { packet, secrets, directory: central.directory };
    },
    ...options,
  });
}

async function failure(options: Fetched): Promise<Error> {
  let caught: unknown;
  await runStack({
    program: async () => {
      caught = await fetchWelcome({ shared: sharedName, site: options.site ?? "site-b", vault: undefined }).catch(
        (error: unknown) => error,
      );
      return {};
    },
    ...options,
  });
  if (!(caught instanceof UserError)) throw new Error("no UserError", { cause: caught });
  return caught;
}

describe("a site's welcome", () => {
  it("is its own packet, and its secrets stay secret", async () => {
    const { outputs } = await fetch({ stacks: { [sharedName]: sharedOutputs() } });
    expect(outputs["packet"]?.value).to.have.nested.property("site.name", "site-b");
    expect(outputs["directory"]?.value).to.equal(sharedOutputs().outputs["directory"]);
    expect(outputs["secrets"]).to.deep.equal({ value: exampleSecrets("site-b"), secret: true });
  });

  it("comes from Vault where the shared stack put it there", async () => {
    const outputs = Object.fromEntries(
      Object.entries(sharedOutputs().outputs).filter(([name]) => name !== "siteSecrets"),
    );
    const paths = { address: "https://vault.example", mount: "dns-mesh", paths: { "site-b": "sites/site-b" } };
    const run = await fetch({
      stacks: { [sharedName]: { outputs: { ...outputs, vaultPaths: paths } } },
      vault: { "dns-mesh/sites/site-b": exampleSecrets("site-b") },
    });
    expect(run.outputs["secrets"]).to.deep.equal({ value: exampleSecrets("site-b"), secret: true });
    expect(run.one("pulumi:providers:vault").inputs).to.include({ address: "https://vault.example" });
  });

  it("says what to do when there is no such shared stack", async () => {
    expect((await failure({ stacks: {} })).message).to.match(
      /"organization\/dns-mesh\/shared" cannot be read: unknown stack.*check dns-mesh:shared, or bring it up first \(pulumi up -s shared\)/,
    );
  });

  it("says what to do when the shared stack was never brought up", async () => {
    expect((await failure({ stacks: { [sharedName]: { outputs: {} } } })).message).to.match(
      /was never brought up; bring it up first/,
    );
  });

  it("lists the sites that the shared stack knows when this one is not among them", async () => {
    const error = await failure({ site: "site-x", stacks: { [sharedName]: sharedOutputs() } });
    expect(error.message).to.match(/knows no site "site-x" \(it knows site-a, site-b, site-c\)/);
  });
});
