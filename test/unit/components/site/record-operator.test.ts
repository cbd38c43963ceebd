import { expect } from "chai";
import { gatewayRules, operatorRules, recordRules, sourceRules } from "../../../../src/contract/operator-rules";
import { nameOf, type Registered, type Run } from "../recorded-stack";
import { environment, liveSettingsOf, podSpecs, up } from "./site-run";

interface Inputs {
  readonly metadata: { readonly namespace?: string };
  readonly rules: unknown;
  readonly subjects: unknown;
  readonly data: Record<string, string>;
  readonly spec: { replicas: number; template: { metadata: { labels: Record<string, string> } } };
}

function inputsOf(resource: Registered | undefined): Inputs {
  return resource?.inputs as Inputs;
}

const off = { config: { records: false } };

function operatorEnvironment(run: Run): Record<string, string> {
  return environment(podSpecs(run).at(-1)?.containers[0]);
}

describe("a site's record operator", () => {
  it("has two replicas, which find every file that they read, and the site's pods in one of them", async () => {
    const run = await up("site-a", { config: { replicas: "3" } });
    expect(inputsOf(run.one("Deployment")).spec.replicas).to.equal(2);
    const pod = podSpecs(run).at(-1);
    const addresses = ["10.96.0.0", "10.96.0.1", "10.96.0.2"];
    expect(liveSettingsOf(run).pods.addresses).to.deep.equal(addresses);
    expect(JSON.stringify(pod)).not.to.contain("10.96.0");
    expect(operatorEnvironment(run)).not.to.have.any.keys("DNS_MESH_NAMESPACES");
    expect(pod?.containers[0]?.livenessProbe.httpGet).to.deep.include({ path: "/live" });
    expect(pod?.containers[0]?.readinessProbe.httpGet).to.deep.include({ path: "/ready" });
    const mounted = (pod?.containers[0]?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
    const values = Object.values<string | undefined>(operatorEnvironment(run));
    const files = values.filter((value) => value?.startsWith("/") === true);
    expect(files).to.have.length(3);
    for (const file of files) expect(mounted).to.include(file?.replace(/\/[^/]+$/, ""));
  });

  it("changes zones with a key of its own, which agents know and Knot's container does not see", async () => {
    const run = await up("site-a");
    const [knot, agent] = podSpecs(run)[0]?.containers ?? [];
    expect(environment(agent)).to.include({ DNS_MESH_RECORDS_KEY: "/etc/dns-mesh-records-key/key.json" });
    expect(JSON.stringify(knot)).not.to.contain("records-key");
    const key = (secret: string): string => Object.values(inputsOf(run.one("Secret", secret)).data)[0] ?? "";
    const read = (secret: string): string => Buffer.from(key(secret), "base64").toString();
    expect(read("tsig-records")).to.contain('"name":"records"');
    expect(run.one("Secret", "tsig-records").wire).to.match(/^\{"apiVersion":"v1","data":\{"[0-9a-f]{32}":/);
    expect(run.all("RandomPassword").map(({ name }) => name)).to.have.members([
      "site-a-secrets-local",
      "site-a-secrets-records",
      "site-a-secrets-zone-keys-seal",
    ]);
  });

  it("sees DnsRecords of its own namespace, of those that are listed, or of all, and nothing else", async () => {
    const own = await up("site-a");
    expect(inputsOf(own.one("Role", "record-operator")).rules).to.deep.equal(operatorRules);
    expect(own.all("ClusterRoleBinding")).to.deep.equal([]);

    const listed = await up("site-a", { config: { records: { namespaces: ["shop"] } } });
    const roles = listed.all("Role").filter((role) => nameOf(role) === "record-operator");
    const rules = Object.fromEntries(
      roles.map((role) => [inputsOf(role).metadata.namespace ?? "", inputsOf(role).rules]),
    );
    expect(rules).to.deep.equal({ "dns-system": operatorRules, shop: recordRules });
    expect(operatorEnvironment(listed)["DNS_MESH_NAMESPACES"]).to.equal("shop");

    const all = await up("site-a", { config: { records: { namespaces: ["*"] } } });
    expect(inputsOf(all.one("ClusterRole", "dns-mesh-record-operator-dns-system")).rules).to.deep.equal(recordRules);
    expect(inputsOf(all.one("ClusterRoleBinding")).subjects).to.deep.equal([
      { kind: "ServiceAccount", name: "record-operator", namespace: "dns-system" },
    ]);
  });

  it("sees what its settings make DnsRecords of, and Gateways alone where these are", async () => {
    const zones = ["catalog-primary.internal.dns"];
    const sources = { zones, kinds: ["HTTPRoute", "DNSEndpoint"], gatewayNamespaces: ["infra", "shop"] };
    const rolesOf = async (records: object): Promise<Record<string, unknown>> => {
      const run = await up("site-a", { config: { records } });
      const roles = [...run.all("Role"), ...run.all("ClusterRole")].filter((role) => nameOf(role).includes("operator"));
      return Object.fromEntries(
        roles.map((role) => [inputsOf(role).metadata.namespace ?? nameOf(role), inputsOf(role).rules]),
      );
    };
    const more = sourceRules(["HTTPRoute", "DNSEndpoint"]);
    expect(JSON.stringify(more)).to.contain('"namespaces"],"verbs":["get"]').and.not.to.contain("ingresses");
    expect(await rolesOf({ namespaces: ["shop"], sources })).to.deep.equal({
      "dns-system": [...operatorRules, ...more],
      shop: [...recordRules, ...more],
      infra: gatewayRules,
    });
    const anywhere = { ...sources, gatewayNamespaces: ["*"] };
    expect(await rolesOf({ namespaces: [], sources: anywhere })).to.deep.equal({
      "dns-system": [...operatorRules, ...more],
      "dns-mesh-record-operator-gateways-dns-system": gatewayRules,
    });
    const everywhere = sourceRules(["HTTPRoute", "DNSEndpoint"], { everywhere: true });
    expect(JSON.stringify(everywhere)).to.contain('"namespaces"],"verbs":["list","watch"]');
    expect(await rolesOf({ namespaces: ["*"], sources })).to.deep.equal({
      "dns-system": [...operatorRules, ...more],
      "dns-mesh-record-operator-dns-system": [...recordRules, ...everywhere],
    });
  });

  it("comes with the definitions of DnsRecord and DnsPool and their roles, which stay when the site goes", async () => {
    const run = await up("site-a");
    const definitions = run.all("CustomResourceDefinition");
    const roles = run.all("ClusterRole");
    expect(definitions.map(nameOf)).to.have.members(["dnsrecords.dns.mesh.io", "dnspools.dns.mesh.io"]);
    expect(roles.map(nameOf)).to.have.members(["dns-mesh-record-viewer", "dns-mesh-record-editor"]);
    for (const { retainOnDelete } of [...definitions, ...roles]) expect(retainOnDelete).to.be.true;
  });

  it("starts anew with other keys of its own or another program, and with nothing else", async () => {
    const hash = (run: Run): string =>
      inputsOf(run.one("Deployment")).spec.template.metadata.labels["dns-mesh/restart-hash"] ?? "";
    const before = hash(await up("site-a"));
    expect(hash(await up("site-a", { config: { replicas: "3" }, agent: "another()" }))).to.equal(before);
    expect(hash(await up("site-c"))).to.equal(before);
    expect(hash(await up("site-a", { operator: "another()" }))).not.to.equal(before);
  });

  it("is not there when it is turned off, and neither is its key", async () => {
    const run = await up("site-a", { config: { ...off.config, replicas: "1" } });
    for (const type of ["Deployment", "CustomResourceDefinition", "ClusterRole"]) expect(run.all(type)).to.be.empty;
    const names = run.resources.map(nameOf).join(" ");
    expect(names)
      .to.contain("tsig-readers")
      .and.not.to.match(/record/);
    const [knot, ...others] = podSpecs(run);
    expect(JSON.stringify(others)).not.to.match(/record/i);
    const key = knot?.volumes.find(({ name }) => /record/i.test(name));
    expect(key?.secret, "there when the key comes, so that no pod restarts").to.include({ optional: true });
  });

  it("refuses settings that mean nothing", async () => {
    for (const records of [true, { namespaces: ["Shop!"] }, { spaces: [] }]) {
      const error: unknown = await up("site-a", { config: { records } }).catch((reason: unknown) => reason);
      expect(String(error)).to.match(/dns-mesh:records.*(must be|namespaces|spaces)/s);
    }
  });
});
