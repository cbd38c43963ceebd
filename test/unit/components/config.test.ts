import { expect } from "chai";
import { parseStackConfig, type SiteConfig } from "../../../components/config";
import { UserError } from "../../../src/errors";
import { exampleList } from "./example-mesh";

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

const minimal = { shared: "organization/dns-mesh/shared", context: "cluster-a" };

function site(values: Record<string, unknown>): SiteConfig {
  const config = parseStackConfig(settings(values), "site-a");
  if (config.kind !== "site") throw new Error("not a site");
  return config.site;
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

  it("make it a site's stack when they name the shared one, with defaults for everything but the context", () => {
    const config = site(minimal);
    expect(config).to.deep.include({
      site: "site-a",
      namespace: "dns-system",
      replicas: 1,
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

  it("limit answers as told, or not at all", () => {
    const rateLimit = { perSecond: 1000, exempt: ["10.0.0.53/32"] };
    expect(site({ ...minimal, rateLimit }).rateLimit).to.deep.equal({ ...rateLimit, burst: 500 });
    expect(site({ ...minimal, rateLimit: false }).rateLimit).to.equal(false);
  });

  it("name the site where it is not called like its stack", () => {
    expect(site({ ...minimal, site: "site-z" }).site).to.equal("site-z");
  });

  const refused: readonly [string, Record<string, unknown>, RegExp][] = [
    ["that are empty", {}, /"site-a" is not configured: set dns-mesh:mesh .* or dns-mesh:shared/],
    ["that are of both kinds", { ...minimal, mesh: exampleList }, /remove one of them/],
    ["without a context", { shared: minimal.shared }, /dns-mesh:context: is missing: name the kubeconfig context/],
    ["with an empty context", { ...minimal, context: "" }, /dns-mesh:context: must not be empty/],
    [
      "with an unknown service type",
      { ...minimal, service: { type: "ExternalName" } },
      /dns-mesh:service\.type: must be LoadBalancer, NodePort or ClusterIP/,
    ],
    ["with an unknown service setting", { ...minimal, service: { typ: "NodePort" } }, /dns-mesh:service: .*typ/],
    ["with no replica", { ...minimal, replicas: "0" }, /dns-mesh:replicas: must be at least 1/],
    ["with replicas that are no number", { ...minimal, replicas: "two" }, /dns-mesh:replicas: /],
    [
      "with a client that is no network",
      { ...minimal, clients: ["10.0.0.1/33"] },
      /dns-mesh:clients\[0\]: must be a CIDR/,
    ],
    [
      "with a host name to listen on",
      { ...minimal, listen: ["localhost"] },
      /dns-mesh:listen\[0\]: must be an IP address/,
    ],
    [
      "with a list that is a text",
      { ...minimal, clients: "10.0.0.0/8" },
      /dns-mesh:clients must be a list or an object/,
    ],
    [
      "with scrapers of every namespace",
      { ...minimal, monitoring: { namespaceSelector: {} } },
      /dns-mesh:monitoring\.namespaceSelector: must name at least one label/,
    ],
    [
      "with an API server that is no network",
      { ...minimal, apiServer: ["kubernetes.default"] },
      /dns-mesh:apiServer\[0\]: must be a CIDR/,
    ],
    [
      "with a Vault that answers from no network",
      { ...minimal, vault: { egress: [] } },
      /dns-mesh:vault\.egress: must have at least one network/,
    ],
    ["with a rate limit of nothing", { ...minimal, rateLimit: { perSecond: 0 } }, /dns-mesh:rateLimit.*at least 1/],
    [
      "with a rate limit that is true",
      { ...minimal, rateLimit: true },
      /dns-mesh:rateLimit: must be false, or an object/,
    ],
    [
      "with a burst that Knot does not take",
      { ...minimal, rateLimit: { perSecond: 5000, burst: 4 } },
      /dns-mesh:rateLimit.burst: must be at least a thousandth/,
    ],
    [
      "with an exempt address",
      { ...minimal, rateLimit: { exempt: ["10.0.0.1"] } },
      /dns-mesh:rateLimit.*(CIDR|networks)/,
    ],
    ["with a namespace that is no label", { ...minimal, namespace: "DNS" }, /dns-mesh:namespace: must be a DNS label/],
    [
      "with a reader's key that is named like one of the mesh",
      { ...minimal, readers: [{ name: "mesh-1", algorithm: "hmac-sha256", secret: "A".repeat(24) }] },
      /dns-mesh:readers\[0\]\.name: is a name that the mesh gives its own keys; choose another/,
    ],
    [
      "with a reader's key that is too short",
      { ...minimal, readers: [{ name: "bind", algorithm: "hmac-sha256", secret: "AAAA" }] },
      /dns-mesh:readers\[0\]\.secret: must be base64 of at least 16 octets/,
    ],
    [
      "with a Vault that is no URL",
      { mesh: exampleList, vault: { address: "vault:8200" } },
      /dns-mesh:vault\.address: must be an http or https URL/,
    ],
    [
      "with a list of sites without a primary",
      { mesh: { ...exampleList, sites: exampleList.sites.slice(1) } },
      /primary/,
    ],
  ];
  for (const [what, values, message] of refused) {
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
