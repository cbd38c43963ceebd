import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkRules, testRules } from "../../../harness/monitoring/promtool";
import { ruleCases, type RuleCase } from "../../../harness/monitoring/rule-cases";
import { ensureTools } from "../../../harness/tools";
import { defaultAges, type AlertScope } from "../../../src/monitoring/alert-rule";
import { ruleFile } from "../../../src/monitoring/rule-file";

const scope: AlertScope = { sites: ["site-a", "site-b"], isOnlyThese: false, hasOperator: true, ages: defaultAges };

/** A dozen at a time: `promtool` evaluates every rule that it has for every case. */
function inParts(cases: readonly RuleCase[]): readonly (readonly RuleCase[])[] {
  return Array.from({ length: Math.ceil(cases.length / 12) }, (_, i) => cases.slice(12 * i, 12 * i + 12));
}

/** Prometheus' own evaluation, over series that are made up. */
describe("alert rules by promtool", function () {
  this.timeout(180_000);
  let folder: string;

  before(async () => {
    await ensureTools(["prometheus"]);
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-rules-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [what, one] of [
    ["of a mesh", scope],
    ["of one site", { ...scope, sites: ["site-b"], isOnlyThese: true }],
    ["of sites whose operators are not known", { sites: [], isOnlyThese: false, ages: defaultAges }],
    ["with shortened times", { ...scope, timeFactor: 1 / 60 }],
  ] as const)
    it(`${what} have no lint`, async () => {
      expect(await checkRules(folder, ruleFile(one))).to.equal("");
    });

  for (const name of new Set(ruleCases.map(({ alert }) => alert)))
    it(`${name} fires and is silent as its cases say`, async () => {
      const cases = ruleCases.filter(({ alert }) => alert === name);
      expect(await testRules(folder, ruleFile(scope), cases)).to.equal("");
    });

  it("find a case that expects something else", async () => {
    const [one] = ruleCases;
    const expected = one!.expected.map(({ at }) => ({ at, alerts: [] }));
    expect(await testRules(folder, ruleFile(scope), [{ ...one!, expected }])).to.match(/DnsMeshSiteDown/);
  });

  it("of sites whose operators are not known fire while operators run and none leads, and not when none runs", async () => {
    const printed = ruleFile({ sites: ["site-a", "site-b"], isOnlyThese: false, ages: defaultAges });
    const leading = ruleCases.filter(({ alert }) => alert === "DnsMeshNoLeader");
    const gone: RuleCase = {
      ...{ alert: "DnsMeshNoLeader", what: "is silent when no operator runs" },
      series: { 'dns_mesh_records_leader{site="site-b",pod="one"}': "1x4 stale" },
      expected: [{ at: "20m", alerts: [] }],
    };
    expect(await testRules(folder, printed, [...leading, gone])).to.equal("");
  });

  describe("of one site", () => {
    const ofOne = ruleFile({ ...scope, sites: ["site-b"], isOnlyThese: true });

    it("are silent about other sites", async () => {
      const elsewhere: RuleCase[] = ruleCases
        .filter(({ alert }) => alert !== "DnsMeshSiteDown" && alert !== "DnsMeshNoLeader")
        .map((one) => ({
          ...one,
          series: Object.fromEntries(
            Object.entries(one.series).map(([name, values]) => [name.replaceAll("site-b", "site-x"), values]),
          ),
          expected: one.expected.map(({ at }) => ({ at, alerts: [] })),
        }));
      for (const part of inParts(elsewhere)) expect(await testRules(folder, ofOne, part)).to.equal("");
    });

    it("leave what probers of other sites find to those, of this site too", async () => {
      const probe =
        '{job="dns-mesh-probe",instance="192.0.2.1:53",prober_site="site-x",site="site-b",zone="example.org"}';
      const series = {
        [`probe_success${probe}`]: "0x40",
        [`probe_duration_seconds${probe}`]: "2x40",
        [`up${probe}`]: "0x40",
      };
      const cases = ["DnsMeshProbeFails", "DnsMeshAnswersSlow", "DnsMeshProberAway"].map((alert) => ({
        ...{ alert, series, what: "is silent" },
        expected: [{ at: "12m", alerts: [] }],
      }));
      expect(await testRules(folder, ofOne, cases)).to.equal("");
    });

    it("fire for theirs", async () => {
      const theirs = ruleCases.filter(({ what }) => !what.includes("nothing is seen of a site"));
      for (const part of inParts(theirs)) expect(await testRules(folder, ofOne, part)).to.equal("");
    });
  });
});
