import dashboard from "./dashboard.json";

/** The Grafana dashboard of a mesh; `npm run dashboard` makes it. */
export { dashboard };

/** The file that the dashboard is in, wherever it is put. */
export const dashboardFile = "dns-mesh.json";

/** The dashboard as JSON. */
export function dashboardText(): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}
