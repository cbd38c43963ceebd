import { expect } from "chai";
import { inspect } from "node:util";
import { UserError } from "../../../../src/base/errors";
import { fetchWelcome } from "../../../../components/site/welcome";
import type { WelcomeTrust } from "../../../../src/mesh/trust";
import {
  exampleIssued,
  exampleSecrets,
  sharedName,
  sharedOutputs,
  sharedVaultOutputs,
  vaultByJwt,
} from "../example-mesh";
import { RawText, runStack, type Run, type RunOptions } from "../recorded-stack";

interface Fetched extends Partial<RunOptions> {
  readonly site?: string;
  /** Where the site reaches Vault. */
  readonly reach?: { readonly address?: string; readonly engineAddress?: string };
  readonly namespace?: string;
}

function settings({ site, namespace, reach }: Fetched): Parameters<typeof fetchWelcome>[0] {
  return { shared: sharedName, site: site ?? "site-b", namespace: namespace ?? "dns-system", vault: reach };
}

function fetch(options: Fetched): Promise<Run> {
  return runStack({
    program: async () => {
      const { packet, central, ring, issued } = await fetchWelcome(settings(options));
      return { packet, directory: central.directory, ...(ring && { ring }), ...(issued && { issued }) };
    },
    ...options,
  });
}

async function failure(options: Fetched): Promise<Error> {
  let caught: unknown;
  await runStack({
    program: async () => {
      caught = await fetchWelcome(settings(options)).catch((error: unknown) => error);
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
    const { keyRing, ...issued } = exampleSecrets("site-b");
    expect(outputs["ring"]).to.deep.equal({ value: keyRing, secret: true });
    expect(outputs["issued"]).to.deep.equal({ value: issued, secret: true });
  });

  it("is public as a whole, without a way into Vault, where pods fetch keys and certificates themselves", async () => {
    const run = await fetch({ stacks: { [sharedName]: sharedVaultOutputs() } });
    expect(run.outputs).to.have.keys("packet", "directory");
    expect(run.all("pulumi:providers:vault")).to.be.empty;
  });

  for (const [certificates, folder] of [
    ["pulumi", "sites"],
    ["cert-manager", "issuers"],
  ] as const) {
    it(`has its certificate from Vault where the shared stack put it there, with ${certificates}`, async () => {
      const trust: WelcomeTrust = { ...vaultByJwt, certificates };
      const issued = exampleIssued("site-b");
      const run = await fetch({
        stacks: { [sharedName]: sharedVaultOutputs(trust) },
        vault: { [`dns-mesh/${folder}/site-b`]: issued },
      });
      expect(run.outputs["issued"]).to.deep.equal({ value: issued, secret: true });
      expect(run.one("pulumi:providers:vault").inputs).to.include({ address: "https://vault.example" });
    });
  }

  for (const [what, answer] of [
    ["that is cut off", new RawText('{"certificate": "PEM", "privateKey": "hush-hush')],
    ["that is no JSON at all", new RawText("hush-hush")],
    ["that is a text", "hush-hush"],
    ["that is a list", ["hush-hush"]],
    ["without a certificate", { privateKey: "hush-hush" }],
    ["whose key is no text", { certificate: "hush-hush", privateKey: { pem: "hush-hush" } }],
  ] as const)
    it(`shows nothing of an answer of Vault ${what}`, async () => {
      const error = await fetch({
        stacks: { [sharedName]: sharedVaultOutputs({ ...vaultByJwt, certificates: "pulumi" }) },
        vault: { "dns-mesh/sites/site-b": answer },
      }).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      expect(error).to.be.instanceOf(Error);
      expect(inspect(error, { depth: 10 }))
        .to.contain("site-b")
        .and.not.to.contain("hush");
    });

  const reached = [
    ["where the pods reach it, unless it is said otherwise", {}, "http://vault.vault.svc:8200"],
    [
      "where up reaches it, when that is elsewhere",
      { engineAddress: "https://vault.outside" },
      "https://vault.outside",
    ],
  ] as const;
  for (const [where, more, address] of reached) {
    it(`comes from Vault ${where}`, async () => {
      const run = await fetch({
        stacks: { [sharedName]: sharedVaultOutputs({ ...vaultByJwt, certificates: "pulumi" }) },
        vault: { "dns-mesh/sites/site-b": exampleIssued("site-b") },
        reach: { address: "http://vault.vault.svc:8200", ...more },
      });
      expect(run.one("pulumi:providers:vault").inputs).to.include({ address });
    });
  }

  it("names the cure when Vault expects the pods in another namespace", async () => {
    const { message } = await failure({ namespace: "dns", stacks: { [sharedName]: sharedVaultOutputs() } });
    expect(message).to.match(
      /"dns-system", but dns-mesh:namespace is "dns"; set "vault: \{ namespace: dns \}" for the site/,
    );
  });

  it("says what to do when there is no such shared stack", async () => {
    expect((await failure({ stacks: {} })).message).to.match(
      /"organization\/dns-mesh\/shared" does not exist, or you may not see it; check dns-mesh:shared, or bring it up first \(pulumi up -s shared\)/,
    );
  });

  it("gives the reason when the shared stack is there and cannot be read", async () => {
    const { message } = await failure({ stacks: {}, unreadable: { [sharedName]: "incorrect passphrase" } });
    expect(message).to.match(/"organization\/dns-mesh\/shared" cannot be read: incorrect passphrase; make it readable/);
    expect(message).not.to.contain("bring it up");
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
