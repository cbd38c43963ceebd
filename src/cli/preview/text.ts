import { printableText } from "../../base/text";
import type { DnsChange } from "./dns-change";
import type { Preview } from "./gather";
import { countsOf, type StackPlan } from "./stack-plan";

/** A part of a preview's report. */
export interface Section {
  readonly title: string;
  /** Whether a reader should see it without asking. */
  readonly open: boolean;
  readonly lines: readonly string[];
}

const signs = { add: "+", change: "~", remove: "-" } as const;

/** A preview in parts: what is refused first, then what is risky, then everything. Parts with nothing in them are left out. */
export function sectionsOf(preview: Preview, { isPublic = false } = {}): readonly Section[] {
  const { refused, warnings } = isPublic ? preview.inPublic : preview;
  const sections: readonly Section[] = [
    { title: "Refused: up would change nothing", open: true, lines: refused },
    { title: "Cannot be undone", open: true, lines: preview.irreversible },
    { title: "Restarts pods", open: true, lines: preview.restarts },
    { title: "Warnings", open: true, lines: [...warnings, ...planWarnings(preview.stacks, isPublic)] },
    { title: "Not planned", open: true, lines: unplanned(preview.stacks, isPublic) },
    { title: "DNS, by the list and what the stacks said last", open: true, lines: changeLines(preview.changes) },
    { title: "Infrastructure", open: false, lines: preview.stacks.flatMap(planLines) },
  ];
  return sections
    .filter(({ lines }) => lines.length > 0)
    .map((section) => ({ ...section, lines: section.lines.map(printableText) }));
}

/** What the engine warned of; where strangers read, how often. */
function planWarnings(stacks: readonly StackPlan[], isPublic: boolean): readonly string[] {
  return stacks.flatMap((plan) => {
    if (plan.kind !== "planned" || plan.warnings.length === 0) return [];
    if (isPublic) return [`${plan.stack}: ${plan.warnings.length} of the engine; mesh preview prints them`];
    return plan.warnings.map((warning) => `${plan.stack}: ${warning}`);
  });
}

/** Why stacks were not planned, those with the same reason in one line. */
function unplanned(stacks: readonly StackPlan[], isPublic: boolean): readonly string[] {
  const byReason = new Map<string, string[]>();
  for (const plan of stacks)
    if (plan.kind === "unseen" || plan.kind === "waits") {
      const reason = isPublic ? (plan.brief ?? plan.reason) : plan.reason;
      byReason.set(reason, [...(byReason.get(reason) ?? []), plan.stack]);
    }
  return [...byReason].map(([reason, names]) => `${names.join(", ")}: ${reason}`);
}

/** One line that says how much there is. */
export function headlineOf({ changes, stacks, refused, removals }: Preview): string {
  const of = (what: DnsChange["what"]): number => changes.filter((change) => change.what === what).length;
  const planned = stacks.flatMap((plan) => (plan.kind === "planned" ? [countsOf(plan.steps)] : []));
  const sum = (key: "create" | "update" | "replace" | "delete"): number =>
    planned.reduce((total, counts) => total + counts[key], 0);
  const dns = `changes: ${of("site")} of sites, ${of("zone")} of zones`;
  const resources = `resources: ${sum("create")} to make, ${sum("update")} to change, ${sum("replace")} to replace, ${sum("delete")} to delete`;
  const rest = [
    ...(refused.length > 0 ? [`${refused.length} refused`] : []),
    ...(removals > 0 ? [`${removals} removals`] : []),
    ...(stacks.length > planned.length
      ? [`${stacks.length - planned.length} of ${stacks.length} stacks not planned`]
      : []),
  ];
  return [dns, resources, ...rest].join("; ");
}

/** Changes under their sites. */
function changeLines(changes: readonly DnsChange[]): readonly string[] {
  const sites = [...new Set(changes.map(({ site }) => site))];
  return sites.flatMap((site) => [`${site}:`, ...changes.filter((change) => change.site === site).flatMap(lineOf)]);
}

function lineOf({ action, what, name, detail }: DnsChange): readonly string[] {
  const [first, ...more] = detail?.split("\n") ?? [];
  const head = `${signs[action]} ${what} ${name}${first === undefined ? "" : `: ${first}`}`;
  return [`  ${head}`, ...more.map((line) => `      ${line}`)];
}

function planLines(plan: StackPlan): readonly string[] {
  if (plan.kind !== "planned") return [];
  const { create, update, replace, delete: gone } = countsOf(plan.steps);
  if (plan.steps.length === 0) return [`${plan.stack}: nothing to do`];
  const steps = plan.steps
    .filter(({ op }) => !["create-replacement", "delete-replaced"].includes(op))
    .map(({ op, type, name, paths }) => `  ${op} ${type} ${name}${paths.length > 0 ? ` (${shortPaths(paths)})` : ""}`)
    .sort();
  return [`${plan.stack}: ${create} to make, ${update} to change, ${replace} to replace, ${gone} to delete`, ...steps];
}

function shortPaths(paths: readonly string[]): string {
  const most = 4;
  return [...paths.slice(0, most), ...(paths.length > most ? [`and ${paths.length - most} more`] : [])].join(", ");
}

/** A preview for a terminal or a log. */
export function previewText(preview: Preview): string {
  const sections = sectionsOf(preview).map(
    ({ title, lines }) => `${title}\n${lines.map((line) => `  ${line}`).join("\n")}`,
  );
  return [headlineOf(preview), ...sections].join("\n\n");
}

/** What the list alone changes, for whoever is about to bring it up. */
export function listText(preview: Preview): string {
  const { refused, irreversible, restarts, warnings, changes } = preview;
  const sections = sectionsOf({ ...preview, stacks: [] });
  const isEmpty = [refused, irreversible, restarts, warnings, changes].every(({ length }) => length === 0);
  if (isEmpty) return "The list changes nothing since it was brought up last.";
  return sections.map(({ title, lines }) => `${title}\n${lines.map((line) => `  ${line}`).join("\n")}`).join("\n\n");
}
