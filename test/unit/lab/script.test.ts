import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import type { NetworkKind } from "../../../lab/network";
import { LabPlan } from "../../../lab/plan";
import { checkScript, parseScript } from "../../../lab/script";

function check(lines: readonly string[], network: NetworkKind = "loopback"): void {
  checkScript(parseScript(lines.join("\n")), new LabPlan({ sites: 3, prefix: "192.0" }), network);
}

describe("a script of the lab", () => {
  it("is read with the places of its commands, remarks left out", () => {
    const lines = parseScript("# first\n\n  add site\nwait converged 5\n");
    expect(lines.map(({ line, text }) => [line, text])).to.deep.equal([
      [3, "add site"],
      [4, "wait converged 5"],
    ]);
  });

  it("is refused with every line that is wrong", () => {
    expect(() => parseScript("explode\nstatus\ncut\n")).to.throw(UserError, /^line 1: unknown .*\nline 3: "cut" has/);
  });

  it("may use what earlier lines add", () => {
    check(["add site berlin", "add zone b.example at berlin", "change b.example www A 192.0.2.1", "kill berlin all"]);
    check(["add site", "start site-d", "remove site site-d", "add site", "start site-e"]);
  });

  it("may say whom NS records name, and others later", () => {
    check(["name servers site-c", "name servers catalog", "remove site site-c", "wait name servers 5"]);
  });

  const refused: readonly (readonly [what: string, lines: readonly string[], words: RegExp])[] = [
    ["a site that is not there", ["kill site-x all"], /^line 1: there is no site "site-x"; there are site-a, site-b/],
    ["a site that has left", ["remove site site-c", "start site-c"], /^line 2: there is no site "site-c"/],
    ["the removal of the primary", ["remove site site-a"], /primary catalog, which a mesh cannot be without/],
    ["a site that is there already", ["add site site-b"], /there is a site "site-b" already/],
    ["a site with a bad name", ["add site Site_B"], /is not a name for a site/],
    ["a zone that nobody owns", ["change x.example www A 192.0.2.1"], /no site owns "x.example"/],
    ["a change of a central zone", ["change dns.internal www A 192.0.2.1"], /follows the list of sites/],
    ["a zone that is owned already", ["add zone site-a.example at site-b"], /site-a\.example/],
    ["a zone inside a central one", ["add zone x.dns.internal at site-b"], /x\.dns\.internal/],
    [
      "an alert that there is not",
      ["wait alert DnsMeshTired site-b"],
      /there is no alert "DnsMeshTired".*DnsMeshSiteDown/,
    ],
    ["an alert of a site that is not there", ["wait alert DnsMeshSiteDown site-x"], /there is no site "site-x"/],
    ["a name server that is no site", ["name servers site-a,site-x"], /line 1: .*"site-x" is not in mesh\.sites/s],
    ["a wait for NS records that nobody sees to", ["wait name servers"], /say first whom they name: name servers all/],
    [
      "the removal of a site that NS records are to name",
      ["name servers site-a,site-c", "remove site site-c"],
      /^line 2: NS records name site-c, as was asked for; say others first/,
    ],
    ["cuts on loopback", ["cut site-b"], /start the lab as root with --network namespaces/],
  ];
  for (const [what, lines, words] of refused) {
    it(`is refused before anything starts for ${what}`, () => {
      expect(() => {
        check(lines);
      }).to.throw(UserError, words);
    });
  }

  it("may change links in namespaces", () => {
    check(["cut site-b", "heal site-b", "delay site-b 10", "loss site-b 5"], "namespaces");
  });
});
