import { deadOf, type DigReport, isGood, saidBy, type SiteAnswer } from "./dig";
import type { Style } from "./style";

/** Answers for people: the one that most sites gave first, and what others have less (-) or more (+). */
export function digText(report: DigReport, style: Style): string {
  const groups = grouped(report.answers);
  const [common = []] = groups;
  const lines = groups.flatMap((group, i) => (i === 0 ? plain(group, style) : marked(group, common[0], style)));
  const dead = report.answers.flatMap((answer) =>
    deadOf(answer).map(({ address, reason }) => style.bad(`${answer.site} does not answer at ${address}: ${reason}`)),
  );
  return [verdict(report, groups, style), ...lines, ...dead].join("\n");
}

function verdict(
  { name, type, alike, answers }: DigReport,
  { length: different }: readonly unknown[],
  { good, bad }: Style,
): string {
  const what = `${name} ${type}: `;
  if (alike) return good(`${what}${answers.length} sites answer alike`);
  return bad(
    different === 1
      ? `${what}no site of ${answers.length} answers with authority`
      : `${what}${different} different answers of ${answers.length} sites`,
  );
}

/** Sites by what they said, the largest group first. */
function grouped(answers: readonly SiteAnswer[]): readonly (readonly SiteAnswer[])[] {
  const groups = new Map<string, SiteAnswer[]>();
  for (const answer of answers) groups.set(saidBy(answer), [...(groups.get(saidBy(answer)) ?? []), answer]);
  const isSilent = (group: readonly SiteAnswer[]): number => Number(group[0]?.failure !== undefined);
  return [...groups.values()].sort((a, b) => isSilent(a) - isSilent(b) || b.length - a.length);
}

function heading(group: readonly SiteAnswer[]): string {
  const [first] = group;
  const said = first?.failure ?? `${first?.rcode ?? ""}${first?.authoritative === true ? "" : ", not authoritative"}`;
  const slowest = Math.max(...group.map(({ ms }) => ms));
  return `${group.map(({ site }) => site).join(", ")}: ${said} (${slowest} ms)`;
}

function plain(group: readonly SiteAnswer[], { bad }: Style): readonly string[] {
  const line = heading(group);
  const isFine = group.every(isGood);
  const records = (group[0]?.records ?? []).map((record) => `    ${record}`);
  return [isFine ? line : bad(line), ...(records.length > 0 ? records : ["    no record"])];
}

function marked(group: readonly SiteAnswer[], common: SiteAnswer | undefined, { bad }: Style): readonly string[] {
  const [theirs, ours] = [new Set(group[0]?.records ?? []), new Set(common?.records ?? [])];
  const missing = [...ours].filter((record) => !theirs.has(record)).map((record) => bad(`  - ${record}`));
  const lines = [...theirs].map((record) => (ours.has(record) ? `    ${record}` : bad(`  + ${record}`)));
  return [bad(heading(group)), ...(group[0]?.failure === undefined ? [...missing, ...lines] : [])];
}
