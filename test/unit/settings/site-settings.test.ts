import { expect } from "chai";
import { parseStackConfig, type SiteConfig } from "../../../src/settings/site-settings";
import type { SharedConfig } from "../../../src/settings/shared-settings";
import { UserError } from "../../../src/base/errors";
import { badSettings, minimal } from "./bad-settings";
import { exampleList } from "../components/example-mesh";

/** Settings as Pulumi keeps them: texts, structured ones as JSON. */
function settings(values: Record<string, unknown>): { get(key: string): string | undefined } {
  return {
    get: (key) => {
      const value = values[key];
      if (value === undefined) return undefined;
      return typeof value === "string" ? value : JSON.stringify(value);
    },
  };
}

function site(values: Record<string, unknown>): SiteConfig {
  const config = parseStackConfig(settings(values), "site-a");
  if (config.kind !== "site") throw new Error("not a site");
  return config.site;
}

function shared(values: Record<string, unknown>): SharedConfig {
  const config = parseStackConfig(settings({ mesh: exampleList, ...values }), "shared");
  if (config.kind !== "shared") throw new Error("not the shared stack");
  return config.shared;
}

describe("a stack's settings", () => {
  it("make it the shared stack when they hold the list", () => {
    const config = parseStackConfig(settings({ mesh: exampleList }), "shared");
    expect(config.kind === "shared" && config.shared.mesh.sites.map(({ name }) => name)).to.deep.equal([
      "site-a",
      "site-b",
      "site-c",
    ]);
  });

  it("have zones to ask for by their names inside, once each", () => {
    const { monitoring } = site({
      ...minimal,
      monitoring: {
        ...{ namespaceSelector: { a: "b" }, scrape: "operator" },
        probes: { prober: "b:9115", zones: ["Example.ORG.", "example.org", "example.net"] },
      },
    });
    expect(monitoring?.probes?.zones).to.deep.equal(["example.org", "example.net"]);
  });

  it("make it a site's stack when they name the shared one, with defaults for everything but the context", () => {
    const config = site(minimal);
    expect(config).to.deep.include({
      site: "site-a",
      namespace: "dns-system",
      replicas: 2,
      protect: true,
      remotePort: 53,
      listen: ["0.0.0.0"],
    });
    expect(config.service).to.deep.include({
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      split: false,
      verifyAddress: true,
    });
    expect(config.rateLimit).to.deep.equal({ perSecond: 200, burst: 500, exempt: [] });
    expect(config.images.knot).to.match(/:v3\.5\.[89]/);
  });

  it("take numbers and booleans as Pulumi stores them", () => {
    expect(site({ ...minimal, replicas: "3", protect: "false", remotePort: "5300" })).to.deep.include({
      replicas: 3,
      protect: false,
      remotePort: 5300,
    });
  });

  it("limit answers as set, or not at all", () => {
    const rateLimit = { perSecond: 1000, exempt: ["10.0.0.53/32"] };
    expect(site({ ...minimal, rateLimit }).rateLimit).to.deep.equal({ ...rateLimit, burst: 500 });
    expect(site({ ...minimal, rateLimit: false }).rateLimit).to.equal(false);
  });

  it("name the site where it is not called like its stack", () => {
    expect(site({ ...minimal, site: "site-z" }).site).to.equal("site-z");
  });

  it("leave keys and certificates to Pulumi without a Vault, and to Vault with one", () => {
    const alone = shared({});
    const one = { generation: 1, signing: 1, oldest: 1 };
    expect(alone).to.deep.include({ certificates: "pulumi", ca: one, keys: { generation: 1 } });
    expect(alone).to.not.have.any.keys("vault", "rotation");
    const address = "https://vault.example:8200";
    const withVault = shared({ vault: { address } });
    expect(withVault.certificates).to.equal("vault");
    expect(withVault.vault).to.deep.equal({ address, mount: "dns-mesh", createMount: true, audience: "vault" });
    expect(withVault.rotation).to.deep.equal({ every: 2_592_000, patience: 86_400, overlap: 86_400 });
    expect(shared({ vault: { address }, certificates: "cert-manager" }).certificates).to.equal("cert-manager");
  });

  it("give times of the rotation as texts, each with a default of its own", () => {
    const { rotation } = shared({
      vault: { address: "https://vault.example" },
      rotation: { every: "90d", overlap: "6h" },
    });
    expect(rotation).to.deep.equal({ every: 7_776_000, patience: 86_400, overlap: 21_600 });
  });

  it("trust a new root before it signs, unless told otherwise", () => {
    expect(shared({ ca: { generation: 3 } }).ca).to.deep.equal({ generation: 3, signing: 2, oldest: 2 });
    const last = { generation: 3, signing: 3, oldest: 3 };
    expect(shared({ ca: last }).ca).to.deep.equal(last);
  });

  for (const [what, values, message] of badSettings) {
    it(`are refused ${what}`, () => {
      expect(() => parseStackConfig(settings(values), "site-a")).to.throw(UserError, message);
    });
  }

  it("are refused with every problem at once", () => {
    const values = { shared: minimal.shared, replicas: "0", service: { type: "None" } };
    expect(() => parseStackConfig(settings(values), "site-a")).to.throw(
      UserError,
      /context[^]*replicas[^]*service\.type/,
    );
  });
});
