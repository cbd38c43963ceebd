import type { Style } from "./style";
import type { DifferingCopy, VerifyReport, ZoneVerdict } from "./verify";

/** Lines of a difference, and zones that could not be asked, that are printed. */
const [mostLines, mostFailures] = [10, 20];

/** A report for people: what differs first. */
export function verifyText(report: VerifyReport, failures: readonly string[], style: Style): string {
  const { zones, points, copies, notAsked } = report;
  const differing = zones.filter((zone) => zone.differing.length > 0);
  const failed = zones.filter((zone) => zone.failures.length > 0);
  const what = `${zones.length} zones, ${points.length} servers, ${copies} copies`;
  const verdict = report.ok
    ? style.good(`${what}: all alike`)
    : style.bad(`${what}: ${differing.length} zones differ, ${failed.length} could not be compared everywhere`);
  return [
    verdict,
    ...differing.flatMap((zone) => zone.differing.flatMap((copy) => differenceLines(zone, copy))),
    ...failureLines(failed),
    ...notAsked.map((site) => `not asked: ${site}, which there is no key for`),
    ...failures.map((failure) => `not asked: ${failure}`),
  ].join("\n");
}

function differenceLines(zone: ZoneVerdict, copy: DifferingCopy): readonly string[] {
  const { missing, extra } = copy;
  const lines = [...missing.map((record) => `  - ${record}`), ...extra.map((record) => `  + ${record}`)];
  const left = lines.length - Math.min(lines.length, mostLines) + copy.cut;
  return [
    `${zone.zone} at ${copy.at} (serial ${copy.serial}) is not what ${zone.reference ?? "?"} has (serial ${zone.serial ?? "?"}):`,
    ...lines.slice(0, mostLines),
    ...(left === 0 ? [] : [`  … and ${left} more`]),
  ];
}

/** One line for each server and reason, since a server that is away fails for every zone. */
function failureLines(zones: readonly ZoneVerdict[]): readonly string[] {
  const reasons = new Map<string, string[]>();
  for (const { zone, failures } of zones)
    for (const { at, reason } of failures) {
      const line = `${at}: ${reason.replace(/^AXFR of "[^"]*" from /, "")}`;
      reasons.set(line, [...(reasons.get(line) ?? []), zone]);
    }
  const lines = [...reasons].map(
    ([line, names]) => `not compared: ${line} (${names.length === 1 ? (names[0] ?? "") : `${names.length} zones`})`,
  );
  return lines.length <= mostFailures
    ? lines
    : [...lines.slice(0, mostFailures), `… and ${lines.length - mostFailures} more`];
}
