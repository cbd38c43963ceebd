import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { checkOut, type Checkout } from "../../../harness/docs/checkout";
import { Reader } from "../../../harness/docs/reader";
import { ensureTools } from "../../../harness/tools";
import { parseStackConfig } from "../../../src/settings/site-settings";
import { up } from "../../unit/components/site/site-run";

describe("monitoring, by its guide", function () {
  this.timeout(120_000);
  let checkout: Checkout;
  let reader: Reader;

  before(async () => {
    await ensureTools(["prometheus"]);
    checkout = await checkOut();
    reader = new Reader({ folder: checkout.folder, env: checkout.env });
  });
  after(() => {
    checkout[Symbol.dispose]();
  });

  /** What a site's stack makes of a block of settings. */
  const made = async (block: string): Promise<string[]> => {
    const { config } = parse(block) as { config: Record<string, unknown> };
    const settings = config["dns-mesh:monitoring"];
    const all: Record<string, string> = { shared: "s", context: "c", monitoring: JSON.stringify(settings) };
    expect(parseStackConfig({ get: (key) => all[key] }, "site-a").kind).to.equal("site");
    const run = await up("site-a", { config: { monitoring: settings } });
    return run.resources
      .filter(({ type }) => type.includes("monitoring.coreos.com") || type.endsWith(":ConfigMap"))
      .map(({ inputs }) => inputs as { kind?: string; metadata: { name: string } })
      .map(({ kind = "", metadata }) => `${kind} ${metadata.name}`.trim());
  };

  it("makes what it says for the Prometheus operator", async () => {
    reader.open("docs/guides/monitoring.md#with-the-prometheus-operator");
    expect(await made(reader.next("yaml"))).to.include.members([
      "PodMonitor knot",
      "PodMonitor record-operator",
      "PrometheusRule dns-mesh",
    ]);
    reader.close();
  });

  it("prints rules, modules, probes and dashboard for a Prometheus of one's own, which takes them", async () => {
    reader.open("docs/guides/monitoring.md#a-prometheus-of-your-own");
    expect(await reader.run()).to.match(/SUCCESS: \d+ rules found/);
    reader.write("monitoring/prometheus.yml");
    expect(await reader.run()).to.match(/SUCCESS: .*prometheus\.yml is valid/);
    reader.close();
    const file = (name: string) => readFileSync(join(checkout.folder, "monitoring", name), "utf8");
    const { groups } = parse(file("dns-mesh.rules.yml")) as {
      groups: { rules: { alert: string; labels: { site?: string } }[] }[];
    };
    const down = groups.flatMap(({ rules }) => rules.filter(({ alert }) => alert === "DnsMeshSiteDown"));
    const { config } = parse(readFileSync(join(checkout.folder, "Pulumi.shared.yaml"), "utf8")) as {
      config: { "dns-mesh:mesh": { sites: { name: string }[] } };
    };
    expect(down.map(({ labels }) => labels.site)).to.deep.equal(config["dns-mesh:mesh"].sites.map(({ name }) => name));
    expect(JSON.parse(file("dns-mesh.json"))).to.include({ uid: "dns-mesh" });
    expect(file("blackbox.yml")).to.contain("query_type: SOA");
  });

  it("probes each zone at each site", async () => {
    reader.open("docs/guides/monitoring.md#from-outside");
    const objects = await made(reader.next("yaml"));
    expect(objects.filter((object) => object.startsWith("Probe "))).to.have.length.above(2);
    reader.close();
  });
});
