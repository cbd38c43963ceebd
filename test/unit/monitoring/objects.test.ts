import { expect } from "chai";
import { podMonitorSpec, probeName, probeSpec, scrapeMarks } from "../../../src/monitoring/objects";
import { blackboxConfig, probeScrapeConfig, probesOf } from "../../../src/monitoring/probes";

const sites = [
  { name: "site-a", addresses: ["192.0.2.1", "2001:db8::1"] },
  { name: "site-b", addresses: ["192.0.2.2"] },
];

describe("probes from outside", () => {
  const probes = probesOf(["example.org", "example.net"], { sites, port: 53 });

  it("ask for each zone at every address of every site", () => {
    expect(probes.map(({ zone, site, targets }) => [zone, site, ...targets])).to.deep.equal([
      ["example.org", "site-a", "192.0.2.1:53", "[2001:db8::1]:53"],
      ["example.org", "site-b", "192.0.2.2:53"],
      ["example.net", "site-a", "192.0.2.1:53", "[2001:db8::1]:53"],
      ["example.net", "site-b", "192.0.2.2:53"],
    ]);
  });

  it("have a module each that the exporter's configuration has", () => {
    const { modules } = blackboxConfig(["example.org", "example.net"]);
    expect(new Set(probes.map(({ module }) => module))).to.deep.equal(new Set(Object.keys(modules)));
    expect(modules["dns-mesh-example.org"]?.dns).to.deep.include({
      query_name: "example.org.",
      query_type: "SOA",
      recursion_desired: false,
    });
  });

  it("are objects with names that Kubernetes takes, two of which are never one", () => {
    const names = [
      { zone: "example.org", site: "site-a" },
      { zone: "0/26.2.0.192.in-addr.arpa", site: "site-a" },
      { zone: "0-26.2.0.192.in-addr.arpa", site: "site-a" },
      { zone: "_tcp.example.org", site: "site-a" },
      { zone: `${"long.".repeat(50)}org`, site: "site-a" },
      { zone: `${"long.".repeat(50)}org`, site: "site-b" },
    ].map(probeName);
    expect(names[0]).to.equal("dns-example.org-at-site-a");
    expect(new Set(names).size).to.equal(names.length);
    for (const name of names) expect(name).to.match(/^[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?$/);
  });

  it("say whom they ask, by the labels that alerts go by", () => {
    const [first] = probes;
    expect(probeSpec(first!, { prober: "blackbox:9115", site: "site-b" })).to.deep.equal({
      jobName: "dns-mesh-probe",
      prober: { url: "blackbox:9115", path: "/probe" },
      module: "dns-mesh-example.org",
      targets: {
        staticConfig: {
          static: ["192.0.2.1:53", "[2001:db8::1]:53"],
          labels: { zone: "example.org", site: "site-a", prober_site: "site-b" },
        },
      },
    });
  });

  it("are a scrape job of a Prometheus without its operator, with the same labels", () => {
    const { job_name: job, static_configs: targets } = probeScrapeConfig(probes, "blackbox:9115") as {
      job_name: string;
      static_configs: readonly object[];
    };
    expect([job, targets[1]]).to.deep.equal([
      "dns-mesh-probe",
      { targets: ["192.0.2.2:53"], labels: { zone: "example.org", site: "site-b", module: "dns-mesh-example.org" } },
    ]);
  });
});

describe("what a Prometheus scrapes", () => {
  it("says of every series which site it is of", () => {
    const { podMetricsEndpoints } = podMonitorSpec("knot", "site-b") as {
      podMetricsEndpoints: readonly { relabelings: readonly object[]; port: string }[];
    };
    expect(podMetricsEndpoints.map(({ port }) => port)).to.deep.equal(["http"]);
    expect(podMetricsEndpoints[0]?.relabelings).to.deep.include({ targetLabel: "site", replacement: "site-b" });
  });

  it("is found by annotations of a Service otherwise, whose labels every series takes over", () => {
    expect(scrapeMarks("record-operator", { site: "site-b", port: 8053 })).to.deep.equal({
      annotations: {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8053",
        "prometheus.io/path": "/metrics",
      },
      labels: { site: "site-b", job: "dns-mesh-operator" },
    });
  });
});
