import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { metricsDocument, metricTables, withMetrics } from "../../../../harness/docs/metrics-table";

describe("the document of all metrics", () => {
  it("has the tables that npm run reference writes", () => {
    const text = readFileSync(join(__dirname, "../../../..", metricsDocument), "utf8");
    expect(withMetrics(text)).to.equal(text);
  });

  it("has names as Prometheus wants them, each once, and says what each means", () => {
    const all = Object.values(metricTables).flatMap((metrics) => Object.entries(metrics));
    expect(new Set(all.map(([name]) => name)).size).to.equal(all.length);
    for (const [name, { type, help }] of all) {
      expect(name).to.match(/^(dns_mesh|knot|process)_[a-z0-9_]+$/);
      expect(help, name).to.match(/\.$/);
      if (type === "counter") expect(name).to.match(/_total$/);
      if (type === "gauge") expect(name).not.to.match(/_(?:total|count|sum|bucket)$/);
    }
  });
});
