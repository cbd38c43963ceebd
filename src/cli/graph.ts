import { printableText } from "../base/text";
import type { Mesh } from "../mesh/model";
import type { StatusReport } from "./status-report";

/** A site in the picture. */
interface Node {
  readonly name: string;
  readonly role: string;
  readonly zones: number;
  /** What is wrong with it, if anything. */
  readonly wrong: readonly string[];
}

/** Who takes zones from whom. `central`: directory and catalog; `zones`: the sites' own. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly carries: "central" | "zones";
}

/** A mesh as a picture shows it. */
export interface MeshGraph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  /** In a full mesh everybody takes zones from everybody, which is said and not drawn. */
  readonly note: string;
}

/** The picture of a mesh; with a report, of what is wrong too. */
export function graphOf(mesh: Mesh, report?: StatusReport): MeshGraph {
  const nodes = mesh.sites.map(({ name, role, zones }) => ({
    ...{ name, role, zones: zones.length },
    wrong: (report?.findings ?? []).filter(({ site }) => site === name).map(({ message }) => message),
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
  return { nodes, edges: central, note };
}

/** As Mermaid, which GitHub and GitLab draw. */
export function mermaid({ nodes, edges, note }: MeshGraph): string {
  const idOf = new Map(nodes.map(({ name }, i) => [name, `n${i}`]));
  const lines = nodes.map(
    ({ name, role, zones, wrong }) =>
      `  ${idOf.get(name) ?? ""}["${name}<br/>${role}<br/>${zones} zones${wrong.length > 0 ? `<br/>${wrong.length} wrong` : ""}"]${wrong.length > 0 ? ":::wrong" : ""}`,
  );
  return `${[
    "flowchart TD",
    `  %% arrows: directory and catalog; ${note}`,
    ...lines,
    ...edges.map(({ from, to }) => `  ${idOf.get(from) ?? ""} --> ${idOf.get(to) ?? ""}`),
    "  classDef wrong stroke:#b00020,stroke-width:3px",
  ].join("\n")}\n`;
}

const [boxWidth, boxHeight, gap, rowGap, perRow] = [150, 58, 20, 70, 8];

/** As SVG: the primary above, the secondaries below it, the standard sites in rows. */
export function svg(graph: MeshGraph): string {
  const places = layout(graph.nodes);
  const all = [...places.values()];
  const width = Math.max(...all.map(({ x }) => x)) + boxWidth + gap;
  const height = Math.max(...all.map(({ y }) => y)) + boxHeight + 40;
  const lines = graph.edges.map(({ from, to }) => {
    const [a, b] = [places.get(from), places.get(to)];
    if (a === undefined || b === undefined) return "";
    return `<line x1="${a.x + boxWidth / 2}" y1="${a.y + boxHeight}" x2="${b.x + boxWidth / 2}" y2="${b.y}" class="edge" marker-end="url(#tip)"/>`;
  });
  const boxes = graph.nodes.map((node) => box(node, places.get(node.name) ?? { x: 0, y: 0 }));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${graph.nodes.length} sites" font-family="system-ui, sans-serif" font-size="12">
<style>.site{fill:#fff;stroke:#35507a;stroke-width:1.5}.wrong{stroke:#b00020;stroke-width:3}.edge{stroke:#8fa3c0;stroke-width:1}text{fill:#1b2430}.bad{fill:#b00020}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8fa3c0"/></marker></defs>
<rect width="100%" height="100%" fill="#f6f8fb"/>
${[...lines, ...boxes].join("\n")}
<text x="${gap}" y="${height - 14}">arrows: directory and catalog; ${escaped(graph.note)}</text>
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

function box({ name, role, zones, wrong }: Node, { x, y }: Place): string {
  const text = (line: number, content: string, kind = ""): string =>
    `<text x="${x + boxWidth / 2}" y="${y + 18 + 16 * line}" text-anchor="middle"${kind}>${escaped(content)}</text>`;
  const isWrong = wrong.length > 0;
  return [
    `<g><title>${escaped([name, ...wrong].join("\n"))}</title>`,
    `<rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="6" class="site${isWrong ? " wrong" : ""}"/>`,
    text(0, name),
    text(1, role),
    isWrong ? text(2, `${wrong.length} wrong`, ' class="bad"') : text(2, `${zones} zones`),
    "</g>",
  ].join("");
}

function escaped(text: string): string {
  return printableText(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
