import { expect } from "chai";

import { KubeError, type KubeObject } from "../../../src/kube/answer";
import { kindsFor, requireMonitoringKinds } from "../../../src/preflight/monitoring-kinds";
import type { MonitoringConfig } from "../../../src/settings/site-parts";

const plain: MonitoringConfig = {
  namespaceSelector: { team: "monitoring" },
  scrape: "operator",
  labels: {},
  rules: true,
  dashboard: false,
};

describe("what a site makes for a Prometheus operator", () => {
  const asked: string[] = [];
  const look = (monitoring: MonitoringConfig | undefined, answer: () => Promise<KubeObject | undefined>) =>
    requireMonitoringKinds(
      { context: "site-a", ...(monitoring && { monitoring }) },
      {
        get: (path) => {
          asked.push(path);
          return answer();
        },
      },
    ).then(
      () => "",
      (error: unknown) => String(error),
    );
  const has =
    (...kinds: string[]) =>
    (): Promise<KubeObject> =>
      Promise.resolve({ resources: kinds.map((kind) => ({ kind })) });

  beforeEach(() => {
    asked.length = 0;
  });

  it("is what its settings say", () => {
    expect(kindsFor(plain)).to.deep.equal(["PodMonitor", "PrometheusRule"]);
    expect(kindsFor({ ...plain, rules: false, probes: { prober: "b:1" } })).to.deep.equal(["PodMonitor", "Probe"]);
    expect(kindsFor({ ...plain, scrape: "annotations" })).to.deep.equal([]);
  });

  it("goes where the cluster has the definitions", async () => {
    expect(await look(plain, has("PodMonitor", "PrometheusRule", "ServiceMonitor"))).to.equal("");
    expect(asked).to.deep.equal(["/apis/monitoring.coreos.com/v1"]);
  });

  it("is refused where the cluster has none of them, or not all, with the cure", async () => {
    expect(await look(plain, () => Promise.resolve(undefined))).to.match(
      /context "site-a" has no PodMonitor, PrometheusRule of monitoring\.coreos\.com\/v1\. Nothing was changed; install .*or set scrape to "annotations"/,
    );
    expect(await look({ ...plain, probes: { prober: "b:1" } }, has("PodMonitor", "PrometheusRule"))).to.match(
      /has no Probe of/,
    );
  });

  it("is refused where the cluster does not say", async () => {
    const refused = () => Promise.reject(new KubeError("GET: 403: no", { status: 403 }));
    expect(await look(plain, refused)).to.match(/does not say which kinds .*: GET: 403: no\. Nothing was changed/);
  });

  it("is not asked about where nothing is made", async () => {
    expect(await look(undefined, has())).to.equal("");
    expect(await look({ ...plain, scrape: "annotations" }, has())).to.equal("");
    expect(asked).to.deep.equal([]);
  });
});
