import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { format } from "prettier";

import { dashboardJson } from "../harness/monitoring/dashboard";

/** Writes the Grafana dashboard that sites and `mesh monitoring dashboard` hand out. */
async function main(): Promise<void> {
  const file = join(__dirname, "../src/monitoring/dashboard.json");
  writeFileSync(file, await format(dashboardJson(), { parser: "json", printWidth: 120 }));
}

void main();
