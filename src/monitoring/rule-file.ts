import { type AlertRule, type AlertScope, duration } from "./alert-rule";
import { alertRules } from "./alert-rules";

/** A rule as Prometheus reads it. */
export interface WrittenRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

/** A rule file of Prometheus, and the `spec` of a PrometheusRule. */
export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly WrittenRule[] }[];
}

/** Where runbooks are, unless somebody says where people find them: in this repository. */
export const runbooksHere = "docs/runbooks";

/** The rules of a scope as a file. @param runbooks - what the name of a runbook's file is put behind */
export function ruleFile(scope: AlertScope, runbooks: string = runbooksHere): RuleFile {
  const { timeFactor = 1 } = scope;
  const rules = alertRules(scope).map((rule) => written(rule, { timeFactor, runbooks: runbooks.replace(/\/+$/, "") }));
  return { groups: [{ name: "dns-mesh", rules }] };
}

function written(
  { alert, expr, forSeconds, severity, summary, runbook, labels }: AlertRule,
  { timeFactor, runbooks }: { readonly timeFactor: number; readonly runbooks: string },
): WrittenRule {
  return {
    alert,
    expr,
    for: duration(forSeconds * timeFactor),
    labels: { severity, ...labels },
    annotations: { summary, runbook_url: `${runbooks}/${runbook}` },
  };
}
