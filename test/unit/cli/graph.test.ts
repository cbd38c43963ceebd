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
  findings: [{ severity: "wrong", site: "s-3", message: 's-3 says "<no>" & more' }],
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

  it("is SVG of boxes that do not lie upon each other, with texts as they may stand there", () => {
    const text = svg(graphOf(mesh, report));
    const places = [...text.matchAll(/<rect x="([\d.]+)" y="([\d.]+)"/g)].map(([, x, y]) => `${x ?? ""} ${y ?? ""}`);
    expect(new Set(places).size).to.equal(11);
    expect(text).to.include("<title>s-3\ns-3 says &quot;&lt;no&gt;&quot; &amp; more</title>");
    expect(text.match(/class="site wrong"/g)).to.have.length(1);
  });
});
