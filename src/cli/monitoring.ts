import type { Site } from "../mesh/model";
import { defaultAges } from "../monitoring/alert-rule";
import { dashboard } from "../monitoring/dashboard";
import { blackboxConfig, probeScrapeConfig, probesOf } from "../monitoring/probes";
import { ruleFile, runbooksHere } from "../monitoring/rule-file";

/** What `mesh monitoring` prints. */
export type MonitoringPart = "rules" | "dashboard" | "blackbox" | "probes";

/** What it is made from. */
export interface MonitoringInput {
  readonly sites: readonly Pick<Site, "name" | "addresses" | "zones">[];
  /** That sites answer on. */
  readonly port: number;
  /** @default 127.0.0.1:9115 */
  readonly prober?: string;
  /** @default the path in this repository */
  readonly runbooks?: string;
}

/** A part as what YAML or JSON is made from. Sites' own settings are not known here: schedules count as the default ones. */
export function monitoringPart(part: MonitoringPart, input: MonitoringInput): unknown {
  const { sites, port, prober = "127.0.0.1:9115", runbooks = runbooksHere } = input;
  const zones = sites.flatMap((site) => site.zones.map(({ name }) => name));
  const makers: Readonly<Record<MonitoringPart, () => unknown>> = {
    rules: () => ruleFile({ sites: sites.map(({ name }) => name), isOnlyThese: false, ages: defaultAges }, runbooks),
    dashboard: () => dashboard,
    blackbox: () => blackboxConfig(zones),
    probes: () => ({ scrape_configs: [probeScrapeConfig(probesOf(zones, { sites, port }), prober)] }),
  };
  return makers[part]();
}
