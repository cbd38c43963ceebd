import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { documentedRows } from "../../../harness/doc-table";
import { headingsOf } from "../../../harness/docs/blocks";
import { ruleCases } from "../../../harness/monitoring/rule-cases";
import { rows } from "../../../harness/monitoring/panels";
import { problemKinds } from "../../../src/agents/sidecar/http/status";
import {
  agentMetrics,
  knotMetrics,
  knotStats,
  type ListedMetric,
  operatorMetrics,
  programMetrics,
  resolverMetrics,
} from "../../../src/contract/metrics";
import { defaultAges, duration, type AlertScope } from "../../../src/monitoring/alert-rule";
import { alertRules } from "../../../src/monitoring/alert-rules";
import { ruleFile } from "../../../src/monitoring/rule-file";

const scope: AlertScope = { sites: ["site-a", "site-b"], isOnlyThese: false, hasOperator: true, ages: defaultAges };
const runbooks = join(__dirname, "../../../docs/runbooks");

describe("alert rules", () => {
  const rules = alertRules(scope);
  const names = [...new Set(rules.map(({ alert }) => alert))];

  it("lead to a runbook that names them, at a heading that is there", () => {
    for (const { alert, runbook } of rules) {
      const [file = "", anchor] = runbook.split("#");
      const text = readFileSync(join(runbooks, file), "utf8");
      if (anchor !== undefined) expect(headingsOf(text), runbook).to.include(anchor);
      expect(text, `${runbook} does not name ${alert}`).to.contain(`\`${alert}\``);
    }
  });

  it("are in the guide's table, with severity and runbook", () => {
    const listed = documentedRows("docs/guides/monitoring.md", "The alerts").map(([alert, severity]) => [
      alert,
      severity,
    ]);
    const known = new Map(
      rules.map(({ alert, severity, runbook }) => [`[\`${alert}\`](../runbooks/${runbook})`, severity]),
    );
    expect(listed).to.have.deep.members([...known]);
  });

  it("have a case each in which they fire, and one in which they are silent throughout", () => {
    for (const name of names) {
      const cases = ruleCases.filter(({ alert }) => alert === name);
      const loud = cases.filter(({ expected }) => expected.some(({ alerts }) => alerts.length > 0));
      expect([loud.length > 0, loud.length < cases.length], name).to.deep.equal([true, true]);
    }
    expect(ruleCases.filter(({ alert }) => !names.includes(alert))).to.deep.equal([]);
  });

  it("are about every kind of problem that an agent can have, held aside by its own figure", () => {
    const asked = rules.flatMap(({ expr }) =>
      [...expr.matchAll(/agent_problem\{[^}]*kind=~?"([^"]+)"/g)].flatMap(([, kinds = ""]) => kinds.split("|")),
    );
    const figure = ["held"];
    expect([...new Set(asked)].sort()).to.deep.equal(problemKinds.filter((kind) => !figure.includes(kind)).sort());
  });

  it("ask for metrics that there are, by their names and labels", () => {
    const lists = [agentMetrics, operatorMetrics, resolverMetrics, knotMetrics, knotStats, programMetrics];
    const known = new Map<string, ListedMetric>(lists.flatMap((list) => Object.entries<ListedMetric>(list)));
    const queries = [
      ...alertRules(scope).map(({ expr }) => expr),
      ...rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries.map(({ expr }) => expr))),
    ];
    // Of whom is scraped, by Prometheus; the rest is the metric's own.
    const target = ["site", "pod", "instance", "job"];
    for (const query of queries)
      for (const [, name = "", matchers = ""] of query.matchAll(/\b((?:dns_mesh|knot|process)_\w+)(?:\{([^}]*)\})?/g)) {
        const metric = known.get(name) ?? known.get(name.replace(/_bucket$/, ""));
        expect(metric, `${name} in ${query}`).to.not.equal(undefined);
        const labels = [...matchers.matchAll(/(\w+)(?:=~|=|!=)"/g)].map(([, label = ""]) => label);
        for (const label of labels) expect([...target, ...(metric?.labels ?? [])], query).to.include(label);
      }
  });

  it("look at series of their sites alone where that is wanted", () => {
    for (const { alert, expr } of alertRules({ ...scope, sites: ["site-b"], isOnlyThese: true })) {
      const series = [...expr.matchAll(/\b(?:(?:dns_mesh|probe|knot)_\w+|up)(\{[^}]*\})?/g)];
      expect(series, alert).to.not.have.length(0);
      for (const [name, labels = ""] of series) {
        const isProbe = name.startsWith("probe_") || name.startsWith("up");
        expect(labels, alert).to.match(isProbe ? /^\{prober_site="site-b",/ : /^\{site="site-b"/);
        if (isProbe) expect(labels, alert).to.not.match(/[{,]site/);
      }
    }
    const [first] = alertRules({ ...scope, isOnlyThese: true }).filter(({ alert }) => alert === "DnsMeshPodNotReady");
    expect(first?.expr).to.match(/^dns_mesh_agent_ready\{site=~"site-a\|site-b"\} == 0 or /);
  });

  it("say nothing of an operator where there is none", () => {
    const without = alertRules({ ...scope, hasOperator: false }).map(({ alert }) => alert);
    expect(names.filter((name) => !without.includes(name))).to.deep.equal([
      "DnsMeshRecordsNotProgrammed",
      "DnsMeshDrift",
      "DnsMeshSourcesNotListed",
      "DnsMeshPoolDown",
      "DnsMeshPoolDegraded",
      "DnsMeshNoLeader",
    ]);
  });

  it("look back no further than three days, since a Prometheus need not keep more", () => {
    const ages = { backup: 86_400, drill: 21 * 86_400, reconciler: 93 * 86_400 };
    const offsets = alertRules({ ...scope, ages }).flatMap(({ alert, expr }) =>
      [...expr.matchAll(/ offset (\w+)/g)].map(([, offset]) => [alert, offset]),
    );
    expect(offsets).to.deep.equal([
      ["DnsMeshBackupStale", "1d"],
      ["DnsMeshDrillStale", "3d"],
      ["DnsMeshReconcilerStale", "3d"],
    ]);
    const [drill] = alertRules({ ...scope, ages }).filter(({ alert }) => alert === "DnsMeshDrillStale");
    expect(drill?.expr).to.contain(`> ${21 * 86_400} or `);
    expect(drill?.summary).to.contain("for more than 21d, or ever.");
  });

  it("wait as long as they say, times a factor", () => {
    const times = (factor: number) =>
      ruleFile({ ...scope, timeFactor: factor }).groups.flatMap((group) =>
        group.rules.filter(({ alert }) => alert === "DnsMeshPassesFail").map((rule) => [rule.for, rule.expr]),
      );
    const rate = (range: string) => `rate(dns_mesh_agent_passes_total{result="failed"}[${range}]) > 0`;
    expect(times(1)).to.deep.equal([["10m", rate("5m")]]);
    expect(times(1 / 60)).to.deep.equal([["10s", rate("5s")]]);
  });

  it("have links to where runbooks are", () => {
    const [group] = ruleFile(scope, "https://git.example.com/runbooks/").groups;
    expect(group?.rules[0]?.annotations.runbook_url).to.equal("https://git.example.com/runbooks/site-down.md");
  });
});

describe("a duration", () => {
  for (const [seconds, text] of [
    [0, "0s"],
    [0.25, "250ms"],
    [90, "90s"],
    [180, "3m"],
    [10_800, "3h"],
    [172_800, "2d"],
  ] as const)
    it(`of ${seconds} s is ${text}`, () => {
      expect(duration(seconds)).to.equal(text);
    });
});
