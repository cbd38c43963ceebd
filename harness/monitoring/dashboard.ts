import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as LinesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

import { type PanelPlan, rows } from "./panels";

const datasource = { type: "prometheus", uid: "${datasource}" };

/** The Grafana dashboard of a mesh, as JSON. */
export function dashboardJson(): string {
  // Grafana 12 and older read this model alone; its successor needs the new dashboard API.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const dashboard = new DashboardBuilder("DNS mesh")
    .uid("dns-mesh")
    .tags(["dns", "dns-mesh"])
    .description("What is wrong first, then answers, zones, peers, times, records and pods of a DNS mesh.")
    .refresh("1m")
    .time({ from: "now-6h", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .withVariable(
      new QueryVariableBuilder("site")
        .label("Site")
        .query("label_values(dns_mesh_agent_ready, site)")
        .datasource(datasource)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue(".*"),
    );
  for (const { title, panels } of rows) {
    dashboard.withRow(new RowBuilder(title));
    for (const panel of panels) dashboard.withPanel(panelOf(panel));
  }
  return JSON.stringify(dashboard.build());
}

function panelOf(plan: PanelPlan): LinesBuilder | StatBuilder | TableBuilder {
  switch (plan.kind) {
    case "stat":
      return stat(plan);
    case "table":
      return filled(new TableBuilder(), plan);
    default:
      return filled(new LinesBuilder(), plan).min(0).fillOpacity(8);
  }
}

function stat(plan: PanelPlan): StatBuilder {
  const steps = [
    { value: null, color: "green" },
    ...(plan.badFrom === undefined ? [] : [{ value: plan.badFrom, color: "red" }]),
  ];
  return filled(new StatBuilder(), plan).thresholds(
    new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps),
  );
}

function filled<Builder extends LinesBuilder | StatBuilder | TableBuilder>(builder: Builder, plan: PanelPlan): Builder {
  const { title, description, unit, width, kind, queries } = plan;
  builder
    .title(title)
    .description(description)
    .unit(unit)
    .span(width)
    .height(kind === "stat" ? 4 : 8);
  builder.datasource(datasource);
  for (const [i, { expr, legend }] of queries.entries()) {
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode(65 + i))
      .expr(expr)
      .legendFormat(legend);
    if (kind === "table") query.format(PromQueryFormat.Table).instant();
    builder.withTarget(query);
  }
  return builder;
}
