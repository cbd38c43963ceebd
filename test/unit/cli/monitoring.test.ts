import { expect } from "chai";
import { monitoringPart } from "../../../src/cli/monitoring";

const input = {
  port: 53,
  sites: [
    { name: "site-a", addresses: ["192.0.2.1"], zones: [{ name: "example.org", dnssec: false as const }] },
    { name: "site-b", addresses: ["192.0.2.2"], zones: [] },
  ],
};

describe("what mesh monitoring prints", () => {
  it("has an alert for each site of the list that is down", () => {
    const { groups } = monitoringPart("rules", input) as {
      groups: { rules: { alert: string; labels: object; annotations: { runbook_url: string } }[] }[];
    };
    const down = groups.flatMap(({ rules }) => rules.filter(({ alert }) => alert === "DnsMeshSiteDown"));
    expect(down.map(({ labels }) => labels)).to.deep.equal([
      { severity: "critical", site: "site-a" },
      { severity: "critical", site: "site-b" },
    ]);
    expect(down[0]?.annotations.runbook_url).to.equal("docs/runbooks/site-down.md");
  });

  it("has links to where runbooks are said to be", () => {
    const text = JSON.stringify(monitoringPart("rules", { ...input, runbooks: "https://git.example.com/runbooks" }));
    expect(text).to.contain('"https://git.example.com/runbooks/site-down.md"').and.not.to.contain('"docs/runbooks');
  });

  it("has a module for each zone, and a target for each zone at each site", () => {
    const { modules } = monitoringPart("blackbox", input) as { modules: object };
    expect(Object.keys(modules)).to.deep.equal(["dns-mesh-example.org"]);
    const { scrape_configs: jobs } = monitoringPart("probes", { ...input, prober: "b:9115", port: 5300 }) as {
      scrape_configs: { static_configs: { targets: string[] }[]; relabel_configs: { replacement?: string }[] }[];
    };
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).to.deep.equal([
      "192.0.2.1:5300",
      "192.0.2.2:5300",
    ]);
    expect(jobs[0]?.relabel_configs.at(-1)?.replacement).to.equal("b:9115");
  });
});
