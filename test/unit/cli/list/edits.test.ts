import { expect } from "chai";
import * as fc from "fast-check";
import { parse, stringify } from "yaml";
import { diffOf } from "../../../../src/cli/list/diff";
import {
  addSite,
  addZone,
  type ListEdit,
  removeSite,
  removeZone,
  retireSite,
  retireZone,
  setFound,
} from "../../../../src/cli/list/edits";
import { type ListFile, readList } from "../../../../src/cli/list/list-file";

const text = `# our mesh
config:
  dns-mesh:mesh:
    directoryZone: dns.internal
    catalogZone: catalog.internal.dns
    sites: # in the order of their age
      - { name: site-a, role: primary-catalog,   addresses: [192.0.2.1],    zones: [a.example, b.example] }
      - { name: site-b, role: secondary-catalog, addresses: [198.51.100.2] } # Berlin
      # Paris
      - name: site-c
        role: standard # for now
        addresses:
          - 203.0.113.3 # by the balancer
        zones:
          - c.example   # the first
          - name: d.example
            dnssec: true   # signed
          # more to come
    transport: tls   # as ever
  # The key ring
  dns-mesh:epoch: 2
`;
const list = (from = text): ListFile => readList("Pulumi.shared.yaml", from);
/** Lines that an edit takes away and puts in, without those around them. */
const changed = (edit: ListEdit, from = text): readonly string[] =>
  diffOf(from, edit.text)
    .split("\n")
    .filter((line) => /^[-+]/.test(line));
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};
const siteD = { name: "site-d", role: "standard", addresses: ["192.0.2.44"], zones: ["e.example"] } as const;

describe("edits of the one list", () => {
  it("adds a site after the last one, in the way that is written, and leaves all else as it is", () => {
    const edit = addSite(list(), { ...siteD, sources: ["198.51.100.0/28"] });
    expect(changed(edit)).to.deep.equal([
      "+      - name: site-d",
      "+        role: standard",
      "+        addresses: [192.0.2.44]",
      "+        sources: [198.51.100.0/28]",
      "+        zones: [e.example]",
    ]);
    expect(edit.next).to.deep.equal(["shared", "site-a", "site-d"]);
    const inOneLine = text.replace(/ {6}# Paris[\s\S]*?(?= {4}transport)/, "");
    expect(changed(addSite(list(inOneLine), siteD), inOneLine)).to.deep.equal([
      "+      - { name: site-d, role: standard, addresses: [192.0.2.44], zones: [e.example] }",
    ]);
  });

  it("quotes what some reader of YAML takes for something else than text", () => {
    const edit = addSite(list(), { ...siteD, name: "1e3", addresses: ["2001:db8::1"] });
    expect(changed(edit)).to.include('+      - name: "1e3"');
    expect(changed(edit)).to.include('+        addresses: ["2001:db8::1"]');
  });

  it("changes nothing when a site is there already, and refuses one that is there with other values", () => {
    const once = addSite(list(), siteD);
    const twice = addSite(list(once.text), siteD);
    expect(twice.text).to.equal(once.text);
    expect(twice).to.deep.include({ next: [], said: "Pulumi.shared.yaml has the site site-d already: nothing to do" });
    expect(refusal(() => addSite(list(once.text), { ...siteD, addresses: ["192.0.2.45"] }))).to.match(
      /there is a site "site-d" already, with other addresses/,
    );
  });

  it("refuses what the list's rules refuse, with the place", () => {
    expect(refusal(() => addSite(list(), { ...siteD, addresses: ["nowhere"] }))).to.match(
      /mesh\.sites\[3\]\.addresses\[0\]: "nowhere" is not an IP address/,
    );
    expect(refusal(() => addSite(list(), { ...siteD, role: "primary-catalog" }))).to.match(/two primary catalogs/);
    expect(refusal(() => addSite(list(), { ...siteD, zones: ["a.example"] }))).to.match(/a\.example/);
    expect(refusal(() => addZone(list(), { name: "catalog.internal.dns", site: "site-c" }))).to.match(/catalog/);
  });

  it("removes a site with the comments that are within it", () => {
    const edit = removeSite(list(), "site-c");
    expect(edit.text).to.include("# Berlin\n      # Paris\n    transport: tls   # as ever\n");
    expect(removeSite(list(edit.text), "site-c")).to.deep.include({ text: edit.text, next: [] });
    expect(changed(removeSite(list(), "site-b"))).to.have.length(1);
    expect(refusal(() => removeSite(list(), "site-a"))).to.match(/is the primary-catalog.*mesh promote/);
  });

  it("marks sites and zones, in any way that they are written", () => {
    const day = "2026-12-31";
    expect(changed(retireSite(list(), "site-b", day))).to.include(
      '+      - { name: site-b, role: secondary-catalog, addresses: [198.51.100.2], retired: "2026-12-31" } # Berlin',
    );
    expect(changed(retireSite(list(), "site-c", day))).to.deep.equal(['+        retired: "2026-12-31"']);
    expect(changed(retireZone(list(), "C.example.", day))).to.include(
      '+          - { name: c.example, retired: "2026-12-31" }   # the first',
    );
    expect(changed(retireZone(list(), "d.example", day))).to.deep.equal(['+            retired: "2026-12-31"']);
    expect(retireZone(list(), "b.example", day).text).to.include(
      '[a.example, { name: b.example, retired: "2026-12-31" }]',
    );
    const once = retireZone(list(), "d.example", day).text;
    expect(retireZone(list(once), "d.example", day)).to.deep.include({ text: once, next: [] });
    expect(changed(retireZone(list(once), "d.example", "2027-01-01"), once)).to.deep.equal([
      '-            retired: "2026-12-31"',
      '+            retired: "2027-01-01"',
    ]);
  });

  it("adds zones to a list of either kind, and to a site that has none", () => {
    expect(changed(addZone(list(), { name: "new.example", site: "site-c", dnssec: true }))).to.deep.equal([
      "+          - name: new.example",
      "+            dnssec: true",
    ]);
    expect(changed(addZone(list(), { name: "new.example", site: "site-b" }))).to.include(
      "+      - { name: site-b, role: secondary-catalog, addresses: [198.51.100.2], zones: [new.example] } # Berlin",
    );
    expect(addZone(list(), { name: "new.example", site: "site-a" }).text).to.include(
      "zones: [a.example, b.example, new.example]",
    );
    const empty = text.replace("[a.example, b.example]", "[]");
    expect(addZone(list(empty), { name: "new.example", site: "site-a" }).text).to.include("zones: [new.example]");
    expect(refusal(() => addZone(list(), { name: "d.example", site: "site-a" }))).to.match(/"d\.example" is site-c's/);
    expect(addZone(list(), { name: "d.example.", site: "site-c" }).said).to.match(/has the zone d\.example already/);
  });

  it("removes zones, the only one of a site too", () => {
    expect(removeZone(list(), "a.example").text).to.include("zones: [b.example]");
    const one = removeZone(list(), "c.example").text;
    const none = removeZone(list(one), "d.example").text;
    expect(none).to.include("        zones: []\n");
    expect(removeZone(list(none), "d.example")).to.deep.include({ text: none, next: [] });
  });

  it("asks for a hand where the text cannot be edited without damage", () => {
    const aliased = text
      .replace("zones: [a.example, b.example]", "zones: &its [a.example]")
      .replace("addresses: [198.51.100.2] }", "addresses: [198.51.100.2], zones: [] }");
    const shared = aliased.replace("[192.0.2.1]", "&here [192.0.2.1]");
    expect(readList("f", shared).mesh.sites).to.have.length(3);
    const nested = text.replace(
      / {4}sites:[\s\S]*?(?= {4}transport)/,
      "    sites: [{name: site-a,role: primary-catalog,addresses: [192.0.2.1]}]\n",
    );
    expect(addSite(list(nested), siteD).text).to.include("}, { name: site-d,");
  });

  it("means what was meant for lists in any style", () => {
    const zone = fc.integer({ min: 0, max: 5 });
    const style = fc.record({ flow: fc.boolean(), indentSeq: fc.boolean(), zones: fc.array(zone, { maxLength: 4 }) });
    fc.assert(
      fc.property(style, ({ flow, indentSeq, zones }) => {
        const names = [...new Set(zones)].map((each) => `z${each}.example`);
        const sites = [
          { name: "p", role: "primary-catalog", addresses: ["192.0.2.1"] },
          { name: "q", role: "standard", addresses: ["192.0.2.2"], zones: names },
        ];
        const value = { directoryZone: "dns.internal", catalogZone: "catalog.dns", sites };
        const from = flow
          ? `config:\n  dns-mesh:mesh: ${JSON.stringify(value)}\n`
          : stringify({ config: { "dns-mesh:mesh": value } }, { indentSeq });
        const sitesOf = (edit: ListEdit): unknown =>
          (parse(edit.text) as { config: { "dns-mesh:mesh": { sites: unknown } } }).config["dns-mesh:mesh"].sites;
        const added = addZone(list(from), { name: "new.example", site: "q" });
        expect(sitesOf(added)).to.deep.equal([sites[0], { ...sites[1], zones: [...names, "new.example"] }]);
        expect(sitesOf(removeZone(list(added.text), "new.example"))).to.deep.equal(sites);
        for (const name of names)
          expect(sitesOf(removeZone(list(from), name))).to.deep.equal([
            sites[0],
            { ...sites[1], zones: names.filter((each) => each !== name) },
          ]);
        expect(sitesOf(removeSite(list(from), "q"))).to.deep.equal([sites[0]]);
      }),
      { numRuns: 20 },
    );
  });

  describe("with the addresses that load balancers gave", () => {
    const auto = text
      .replace("addresses: [198.51.100.2] }", "addresses: auto }")
      .replace(
        "addresses:\n          - 203.0.113.3 # by the balancer",
        "addresses: auto # of the cloud\n        found: [203.0.113.3] # since May",
      );

    it("puts them beside auto, and leaves all else as it is", () => {
      const first = setFound(list(auto), "site-b", ["198.51.100.9", "2001:db8::9"]);
      expect(changed(first, auto)[1]).to.equal(
        '+      - { name: site-b, role: secondary-catalog, addresses: auto, found: [198.51.100.9, "2001:db8::9"] } # Berlin',
      );
      expect(first.next).to.deep.equal(["shared", "site-a", "site-b"]);
      const other = setFound(list(first.text), "site-c", ["203.0.113.4"]);
      expect(changed(other, first.text)).to.deep.equal([
        "-        found: [203.0.113.3] # since May",
        "+        found: [203.0.113.4] # since May",
      ]);
      expect(other.said).to.match(/site-c is at 203\.0\.113\.4 instead of 203\.0\.113\.3, by its load balancer/);
      const more = setFound(list(other.text), "site-c", ["203.0.113.4", "2001:db8::4"]);
      expect(changed(more, other.text)[1]).to.equal('+        found: [203.0.113.4, "2001:db8::4"] # since May');
      expect(setFound(list(more.text), "site-c", ["203.0.113.4", "2001:db8::4"]).text).to.equal(more.text);
      const block = auto.replace("found: [203.0.113.3] # since May", "found:\n          - 203.0.113.3 # since May");
      expect(changed(setFound(list(block), "site-c", ["203.0.113.4"]), block)).to.deep.equal([
        "-          - 203.0.113.3 # since May",
        "+          - 203.0.113.4 # since May",
      ]);
    });

    it("refuses those of another site, and a site whose addresses are written by hand", () => {
      expect(refusal(() => setFound(list(auto), "site-b", ["192.0.2.1"]))).to.match(/192\.0\.2\.1 is that of/);
      expect(refusal(() => setFound(list(auto), "site-b", ["169.254.0.1"]))).to.match(/is a linkLocal address/);
      expect(refusal(() => setFound(list(auto), "site-a", ["192.0.2.9"]))).to.match(/addresses of its own/);
    });

    it("edits sites that wait as any other", () => {
      const waiting = list(auto);
      expect(waiting.mesh.waiting?.map(({ name }) => name)).to.deep.equal(["site-b"]);
      expect(changed(retireSite(waiting, "site-b", "2026-12-31"), auto)[1]).to.include('retired: "2026-12-31"');
      expect(changed(addZone(waiting, { name: "f.example", site: "site-b" }), auto)[1]).to.include(
        "zones: [f.example]",
      );
      expect(removeSite(waiting, "site-b").mesh.waiting).to.equal(undefined);
      const again = { name: "site-b", role: "secondary-catalog", addresses: "auto" } as const;
      expect(addSite(waiting, again).said).to.match(/has the site site-b already: nothing to do/);
      expect(refusal(() => addSite(waiting, { ...again, addresses: ["192.0.2.9"] }))).to.match(/other addresses/);
      expect(addSite(list(), { ...siteD, addresses: "auto" }).text).to.match(/name: site-d\n.*\n +addresses: auto\n/);
    });
  });

  it("ends new lines as the file does", () => {
    const crlf = (of: string): string => of.replaceAll("\n", "\r\n");
    const edits: readonly ((from: ListFile) => ListEdit)[] = [
      (from) => addSite(from, siteD),
      (from) => addZone(from, { name: "f.example", site: "site-b" }),
      (from) => addZone(from, { name: "f.example", site: "site-c" }),
      (from) => retireSite(from, "site-c", "2026-12-31"),
      (from) => removeZone(from, "d.example"),
      (from) => removeSite(from, "site-b"),
    ];
    for (const edit of edits) expect(edit(list(crlf(text))).text).to.equal(crlf(edit(list()).text));
  });

  it("names the stack whose file it is, and the commands that a new site's stack takes", () => {
    const other = readList("../live/Pulumi.live.yaml", text);
    expect(addSite(other, siteD).next).to.deep.equal(["live", "site-a", "site-d"]);
    expect(addSite(other, siteD).hints).to.include.members([
      "  pulumi stack init site-d",
      "  pulumi config set dns-mesh:shared organization/dns-mesh/live -s site-d",
      "  pulumi config set dns-mesh:context site-d -s site-d",
    ]);
  });
});
