import { groupBy } from "../base/group";
import { printable, printableText } from "../base/text";
import type { Mesh } from "../mesh/model";
import type { StatusReport } from "./status-report";

/** A site in the picture. */
export interface Node {
  readonly name: string;
  readonly role: string;
  readonly zones: number;
  /** What is wrong with it, if anything. */
  readonly wrong: readonly string[];
  /** What is not known of it: nobody was asked, or did not answer. Then it is not known to be fine. */
  readonly unknown: readonly string[];
}

/** Who takes zones from whom. `central`: directory and catalog; `zones`: the sites' own. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly carries: "central" | "zones";
  /** Zones of `from` that `to` has older or does not serve; missing where there are none. */
  readonly late?: readonly string[];
}

/** A mesh as a picture shows it. */
export interface MeshGraph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  /** When the mesh was looked at, and what is wrong or unknown and no site's: sentences for people. */
  readonly looked: readonly string[];
  /** In a full mesh everybody takes zones from everybody, which is said and not drawn. */
  readonly note: string;
}

/** The picture of a mesh; with a report, of what is wrong too. */
export function graphOf(mesh: Mesh, report?: StatusReport): MeshGraph {
  const nodes = mesh.sites.map(({ name, role, zones }) => ({
    ...{ name, role, zones: zones.length },
    wrong: messagesOf(report, "wrong", name),
    unknown: report === undefined ? ["not looked at"] : unknownOf(report, name),
  }));
  const [primary, ...hubs] = [
    ...mesh.sites.filter(({ role }) => role === "primary-catalog"),
    ...mesh.sites.filter(({ role }) => role === "secondary-catalog"),
  ];
  const catalogs = primary === undefined ? [] : [primary, ...hubs];
  const standard = mesh.sites.filter(({ role }) => role === "standard");
  const central = [
    ...hubs.map(({ name: to }): Edge => ({ from: primary?.name ?? "", to, carries: "central" })),
    ...standard.flatMap(({ name: to }) => catalogs.map(({ name: from }): Edge => ({ from, to, carries: "central" }))),
  ];
  const isHub = mesh.topology === "hub";
  const note = isHub
    ? "zones: every standard site gives its own to the catalog sites, and takes the others' from them"
    : "zones: every site takes each zone from its owner, and from the catalog sites while that is away";
  return { nodes, edges: withLate(central, lateZones(report)), looked: lookedAt(report), note };
}

/** A zone that does not arrive. */
interface LateZone {
  readonly from: string;
  readonly to: string;
  readonly zone: string;
}

/** Whose zones arrive nowhere near in time: a site that answers, and has them older than their owner or not at all. */
function lateZones(report: StatusReport | undefined): readonly LateZone[] {
  return (report?.zones ?? []).flatMap(({ name: zone, owner: from, behind, missing }) =>
    [...behind.map(({ site }) => site), ...missing].flatMap((to) => (to === from ? [] : [{ from, to, zone }])),
  );
}

/** The edges with what is late on them, and one more for each pair of sites of which nothing is drawn otherwise. */
function withLate(edges: readonly Edge[], late: readonly LateZone[]): readonly Edge[] {
  const keyOf = ({ from, to }: Pick<Edge, "from" | "to">): string => `${from} ${to}`;
  const byLink = groupBy(late, keyOf);
  const drawn = new Set(edges.map(keyOf));
  const marked = edges.map((edge): Edge => {
    const zones = byLink.get(keyOf(edge))?.map(({ zone }) => zone);
    return zones === undefined ? edge : { ...edge, late: zones };
  });
  const further = [...byLink.values()].flatMap((zones): readonly Edge[] => {
    const [first] = zones;
    if (first === undefined || drawn.has(keyOf(first))) return [];
    return [{ from: first.from, to: first.to, carries: "zones", late: zones.map(({ zone }) => zone) }];
  });
  return [...marked, ...further];
}

/** What is late on an edge, in words; empty where nothing is. */
export function lateText({ late = [] }: Pick<Edge, "late">): string {
  if (late.length === 0) return "";
  return late.length === 1 ? `${late[0] ?? ""} is late` : `${late.length} zones are late`;
}

function messagesOf(report: StatusReport | undefined, kind: string, name: string | undefined): readonly string[] {
  const findings = report?.findings ?? [];
  return findings.filter(({ severity, site }) => severity === kind && site === name).map(({ message }) => message);
}

/** A site is known once it answered and its agents were asked: what the report does not have of it is not fine but unknown. */
function unknownOf(report: StatusReport, name: string): readonly string[] {
  const site = report.sites.find((each) => each.name === name);
  const isAsked = site !== undefined && site.pods.some(({ ready }) => ready !== undefined);
  return [...messagesOf(report, "unknown", name), ...(isAsked ? [] : ["its agents were not asked"])];
}

function lookedAt(report: StatusReport | undefined): readonly string[] {
  if (report === undefined) return ["not looked at"];
  const ofNobody = (["wrong", "unknown"] as const).flatMap((kind) =>
    messagesOf(report, kind, undefined).map((message) => `${kind}: ${message}`),
  );
  return [`looked at ${report.at}`, ...ofNobody, ...report.notAsked.map((what) => `not asked: ${what}`)];
}

/** How a site is drawn. */
function styleOf({ wrong, unknown }: Node): "wrong" | "unknown" | undefined {
  return wrong.length > 0 ? "wrong" : unknown.length > 0 ? "unknown" : undefined;
}

/** What stands below a site's role when it is not fine. */
function stateOf({ wrong, unknown }: Node): string {
  return wrong.length > 0 ? `${wrong.length} wrong` : unknown.length > 0 ? "not known" : "";
}

/** As Mermaid, which GitHub and GitLab draw. */
export function mermaid({ nodes, edges, looked, note }: MeshGraph): string {
  const idOf = new Map(nodes.map(({ name }, i) => [name, `n${i}`]));
  const lines = nodes.map((node) => {
    const { name, role, zones } = node;
    const [style, state] = [styleOf(node), stateOf(node)];
    const text = [name, role, `${zones} zones`, ...(state === "" ? [] : [state])].join("<br/>");
    return `  ${idOf.get(name) ?? ""}["${text}"]${style === undefined ? "" : `:::${style}`}`;
  });
  return `${[
    "flowchart TD",
    `  %% arrows: directory and catalog; ${note}`,
    ...looked.map((line) => `  %% ${printable(line)}`),
    ...lines,
    ...edges.map((edge) => `  ${idOf.get(edge.from) ?? ""} ${arrow(edge)} ${idOf.get(edge.to) ?? ""}`),
    "  classDef wrong stroke:#b00020,stroke-width:3px",
    "  classDef unknown stroke:#8a6d00,stroke-width:2px,stroke-dasharray:5 4",
  ].join("\n")}\n`;
}

function arrow(edge: Edge): string {
  return edge.late === undefined ? "-->" : `-. "${lateText(edge)}" .->`;
}

const [boxWidth, boxHeight, gap, rowGap, perRow] = [150, 58, 20, 70, 8];

/** As SVG: the primary above, the secondaries below it, the standard sites in rows. */
export function svg(graph: MeshGraph): string {
  const places = layout(graph.nodes);
  const all = [...places.values()];
  const width = Math.max(...all.map(({ x }) => x)) + boxWidth + gap;
  const height = Math.max(...all.map(({ y }) => y)) + boxHeight + 40;
  const lines = graph.edges.map((edge) => {
    const [a, b] = [places.get(edge.from), places.get(edge.to)];
    if (a === undefined || b === undefined) return "";
    return `<line x1="${a.x + boxWidth / 2}" y1="${a.y + boxHeight}" x2="${b.x + boxWidth / 2}" y2="${b.y}" class="edge${edge.late === undefined ? "" : " late"}" marker-end="url(#tip)"><title>${escaped(lateText(edge))}</title></line>`;
  });
  const boxes = graph.nodes.map((node) => box(node, places.get(node.name) ?? { x: 0, y: 0 }));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${graph.nodes.length} sites" font-family="system-ui, sans-serif" font-size="12">
<style>.site{fill:#fff;stroke:#35507a;stroke-width:1.5}.wrong{stroke:#b00020;stroke-width:3}.unknown{stroke:#8a6d00;stroke-width:2;stroke-dasharray:5 4}.edge{stroke:#8fa3c0;stroke-width:1}.late{stroke:#b00020;stroke-width:2;stroke-dasharray:6 4}text{fill:#1b2430}.bad{fill:#b00020}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8fa3c0"/></marker></defs>
<rect width="100%" height="100%" fill="#f6f8fb"/>
${[...lines, ...boxes].join("\n")}
<text x="${gap}" y="${height - 14}">arrows: directory and catalog; ${escaped(graph.note)}; ${escaped(graph.looked[0] ?? "")}<title>${escaped(graph.looked.join("\n"))}</title></text>
</svg>
`;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function layout(nodes: readonly Node[]): ReadonlyMap<string, Place> {
  const rows = ["primary-catalog", "secondary-catalog", "standard"].flatMap((role) => {
    const of = nodes.filter((node) => node.role === role);
    return Array.from({ length: Math.ceil(of.length / perRow) }, (_, i) => of.slice(i * perRow, (i + 1) * perRow));
  });
  const widest = Math.max(1, ...rows.map(({ length }) => length));
  return new Map(
    rows.flatMap((row, y) =>
      row.map(({ name }, x) => {
        const indent = ((widest - row.length) * (boxWidth + gap)) / 2;
        return [name, { x: gap + indent + x * (boxWidth + gap), y: gap + y * (boxHeight + rowGap) }] as const;
      }),
    ),
  );
}

function box(node: Node, { x, y }: Place): string {
  const { name, role, zones, wrong, unknown } = node;
  const text = (line: number, content: string, kind = ""): string =>
    `<text x="${x + boxWidth / 2}" y="${y + 18 + 16 * line}" text-anchor="middle"${kind}>${escaped(content)}</text>`;
  const [style, state] = [styleOf(node), stateOf(node)];
  return [
    `<g><title>${escaped([name, ...wrong, ...unknown].join("\n"))}</title>`,
    `<rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="6" class="site${style === undefined ? "" : ` ${style}`}"/>`,
    text(0, name),
    text(1, role),
    state === "" ? text(2, `${zones} zones`) : text(2, state, style === "wrong" ? ' class="bad"' : ""),
    "</g>",
  ].join("");
}

function escaped(text: string): string {
  return printableText(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
