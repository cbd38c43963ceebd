import { expect } from "chai";
import { graphOf, mermaid, svg } from "../../../src/cli/graph";
import type { StatusReport } from "../../../src/cli/status-report";
import { parseMesh } from "../../../src/settings/parse";

const site = (name: string, role: string, i: number) => ({
  name,
  role,
  addresses: [`192.0.2.${i + 1}`],
  zones: [`${name}.example`],
});
const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    site("site-a", "primary-catalog", 0),
    site("site-b", "secondary-catalog", 1),
    ...Array.from({ length: 9 }, (_, i) => site(`s-${i}`, "standard", i + 2)),
  ],
});
const report = {
  at: "2026-11-29T12:00:00.000Z",
  notAsked: ["agents of s-5"],
  sites: mesh.sites.map(({ name }) => ({ name, pods: name === "s-5" ? [] : [{ name: "knot-0", ready: true }] })),
  findings: [
    { severity: "unknown", zone: "x.example", message: "nobody answered x.example" },
    { severity: "unknown", site: "s-4", message: "s-4/knot-0: denied" },
    { severity: "wrong", site: "s-3", message: 's-3 says "<no>" & more' },
  ],
} as unknown as StatusReport;

describe("the picture of a mesh", () => {
  it("has every site, and an arrow to it from each that it takes directory and catalog from", () => {
    const { nodes, edges } = graphOf(mesh);
    expect(nodes.map(({ name, zones }) => [name, zones])).to.deep.equal(mesh.sites.map(({ name }) => [name, 1]));
    const sourcesOf = (name: string): string[] => edges.filter(({ to }) => to === name).map(({ from }) => from);
    expect(sourcesOf("site-a")).to.deep.equal([]);
    expect(sourcesOf("site-b")).to.deep.equal(["site-a"]);
    expect(sourcesOf("s-8")).to.deep.equal(["site-a", "site-b"]);
  });

  it("marks in Mermaid what something is wrong with, and nothing else", () => {
    const text = mermaid(graphOf(mesh, report));
    expect(text).to.match(/^flowchart TD\n/);
    expect(text.split("\n").filter((line) => line.includes(":::wrong"))).to.deep.equal([
      '  n5["s-3<br/>standard<br/>1 zones<br/>1 wrong"]:::wrong',
    ]);
    expect(mermaid(graphOf(mesh))).not.to.include(":::wrong");
  });

  it("draws a link on which zones are late, also where it draws none otherwise", () => {
    const zone = (name: string, owner: string, late: { behind?: readonly string[]; missing?: readonly string[] }) => ({
      ...{ name, owner, missing: late.missing ?? [] },
      behind: (late.behind ?? []).map((site) => ({ site, serial: 1 })),
    });
    const zones = [
      zone("dns.internal", "site-a", { behind: ["site-b"] }),
      zone("s-1.example", "s-1", { behind: ["s-2"], missing: ["s-3", "s-1"] }),
      zone("s-1.example.net", "s-1", { behind: ["s-2"] }),
      zone("s-4.example", "s-4", {}),
    ];
    const graph = graphOf(mesh, { ...report, zones } as unknown as StatusReport);
    expect(graph.edges.filter(({ late }) => late !== undefined)).to.deep.equal([
      { from: "site-a", to: "site-b", carries: "central", late: ["dns.internal"] },
      { from: "s-1", to: "s-2", carries: "zones", late: ["s-1.example", "s-1.example.net"] },
      { from: "s-1", to: "s-3", carries: "zones", late: ["s-1.example"] },
    ]);
    expect(graph.edges).to.have.length(graphOf(mesh, report).edges.length + 2);
    const late = mermaid(graph).match(/ -\. ".*" \.-> /g);
    expect(late).to.deep.equal([
      ' -. "dns.internal is late" .-> ',
      ' -. "2 zones are late" .-> ',
      ' -. "s-1.example is late" .-> ',
    ]);
    expect(svg(graph).match(/class="edge late"/g)).to.have.length(3);
    expect(svg(graphOf(mesh, report))).not.to.include("edge late");
  });

  it("takes sites that were not asked, or did not say, for unknown and not for fine", () => {
    const unknown = mermaid(graphOf(mesh, report))
      .split("\n")
      .filter((line) => line.includes(":::unknown"));
    expect(unknown.map((line) => /\["([^<]*)/.exec(line)?.[1])).to.deep.equal(["s-4", "s-5"]);
    expect(svg(graphOf(mesh, report)).match(/class="site unknown"/g)).to.have.length(2);
    expect(mermaid(graphOf(mesh)).match(/:::unknown/g)).to.have.length(mesh.sites.length);
  });

  it("says when it was looked at, and what is known to be nobody's", () => {
    expect(graphOf(mesh, report).looked).to.deep.equal([
      "looked at 2026-11-29T12:00:00.000Z",
      "unknown: nobody answered x.example",
      "not asked: agents of s-5",
    ]);
    expect(svg(graphOf(mesh, report))).to.include("looked at 2026-11-29T12:00:00.000Z");
    expect(svg(graphOf(mesh))).to.include("not looked at");
  });

  it("is SVG of boxes that do not lie upon each other, with texts as they may stand there", () => {
    const text = svg(graphOf(mesh, report));
    const places = [...text.matchAll(/<rect x="([\d.]+)" y="([\d.]+)"/g)].map(([, x, y]) => `${x ?? ""} ${y ?? ""}`);
    expect(new Set(places).size).to.equal(11);
    expect(text).to.include("<title>s-3\ns-3 says &quot;&lt;no&gt;&quot; &amp; more</title>");
    expect(text.match(/class="site wrong"/g)).to.have.length(1);
  });
});
