import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import type { RuleFile } from "../../src/monitoring/rule-file";
import { toolPath } from "../tools";
import { CommandError, run } from "../tools/run";
import type { RuleCase } from "./rule-cases";

/** What `promtool test rules` has against cases; empty when all is as they say. Rules that no case is about are left out. */
export async function testRules(folder: string, rules: RuleFile, cases: readonly RuleCase[]): Promise<string> {
  const names = new Set(cases.map(({ alert }) => alert));
  const groups = rules.groups.map((group) => ({
    ...group,
    rules: group.rules.filter(({ alert }) => names.has(alert)),
  }));
  const ruleFile = join(folder, "rules.yml");
  writeFileSync(ruleFile, yaml({ groups }));
  const complaints: string[] = [];
  for (const every of new Set(cases.map(everyOf))) {
    const file = join(folder, `tests-${every}.yml`);
    const tests = cases.filter((one) => everyOf(one) === every).map(asTest);
    writeFileSync(file, yaml({ rule_files: [ruleFile], evaluation_interval: every, tests }));
    complaints.push(await complaintOf(["test", "rules", file]));
  }
  return complaints.join("");
}

function everyOf({ every }: RuleCase): string {
  return every ?? "30s";
}

/** What `promtool check rules` has against a file. */
export async function checkRules(folder: string, rules: RuleFile): Promise<string> {
  const file = join(folder, "checked.yml");
  writeFileSync(file, yaml(rules));
  return complaintOf(["check", "rules", "--lint=all", "--lint-fatal", file]);
}

async function complaintOf(args: readonly string[]): Promise<string> {
  try {
    await run(toolPath("promtool"), args);
    return "";
  } catch (error) {
    if (error instanceof CommandError) return `${error.output.stdout}${error.output.stderr}`.trim() || error.message;
    throw error;
  }
}

function asTest(one: RuleCase): object {
  const { alert, what, series, expected } = one;
  return {
    name: `${alert} ${what}`,
    interval: everyOf(one),
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: expected.map(({ at, alerts }) => ({
      eval_time: at,
      alertname: alert,
      exp_alerts: alerts.map(({ labels, summary, runbook }) => ({
        exp_labels: labels,
        exp_annotations: { summary, runbook_url: `docs/runbooks/${runbook}` },
      })),
    })),
  };
}

function yaml(value: object): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
