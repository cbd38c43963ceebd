import { table } from "../base/table";
import { printable } from "../base/text";
import { addressText, parentSentence } from "../mesh/parent";
import { poolsTable } from "./pools-text";
import type { SiteStatus, StatusFinding, StatusReport, ZoneStatus } from "./status-report";
import type { Style } from "./style";

/** Rows of a table beyond which only those are shown that something is wrong with. */
const mostRows = 50;
/** Findings that are printed; the rest is counted. */
const mostFindings = 40;

/** A report for people: what is wrong first. Sites say much of what is in it, and each message is one line. */
export function statusText(said: StatusReport, style: Style): string {
  const report = shown(said) as StatusReport;
  return [
    verdictLine(report, style),
    ...findingLines(report, style),
    "",
    sitesText(report),
    "",
    zonesText(report),
    ...delegationLines(report),
    ...poolLines(report),
    ...notes(report, style),
  ].join("\n");
}

/** The same with every text in it as a terminal may have it. */
export function shown(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]));
}

/** A report in a sentence. `doubtful`: nothing is known to be wrong, and not all is known. */
export interface Verdict {
  readonly kind: "good" | "doubtful" | "bad";
  readonly text: string;
}

/** The one sentence that says how a mesh is. */
export function verdictOf({ findings, from, sites, zones, notAsked }: StatusReport): Verdict {
  const countOf = (kind: StatusFinding["severity"]): number =>
    findings.filter(({ severity }) => severity === kind).length;
  const [wrong, unknown] = [countOf("wrong"), countOf("unknown")];
  const what = `${sites.length} sites, ${zones.length} zones (${from})`;
  if (wrong > 0) return { kind: "bad", text: `${what}: ${wrong} wrong, ${unknown} unknown` };
  if (unknown > 0) return { kind: "doubtful", text: `${what}: ${unknown} unknown` };
  return { kind: "good", text: `${what}: ${notAsked.length === 0 ? "fine" : "nothing is wrong in what was asked"}` };
}

function verdictLine(report: StatusReport, style: Style): string {
  const { kind, text } = verdictOf(report);
  return style[kind](text);
}

function findingLines({ findings }: StatusReport, { bad, doubtful }: Style): readonly string[] {
  const lines = findings
    .slice(0, mostFindings)
    .map(({ severity, message }) =>
      severity === "wrong" ? bad(`  wrong    ${message}`) : doubtful(`  unknown  ${message}`),
    );
  const left = findings.length - lines.length;
  return left === 0 ? lines : [...lines, `  … and ${left} more (--json has all)`];
}

function notes({ notAsked }: StatusReport, { faint }: Style): readonly string[] {
  return notAsked.length === 0 ? [] : ["", ...notAsked.map((note) => faint(`not asked: ${note}`))];
}

function sitesText({ sites, findings }: StatusReport): string {
  const named = new Set(findings.map(({ site }) => site));
  const [shown, left] = shorten(sites, ({ name }) => named.has(name));
  const heading = [
    "site",
    "role",
    "answers",
    "directory",
    "catalog",
    "zones",
    "behind",
    "missing",
    "certificate",
    "pods",
    "applied",
    "reconciled",
    "backup",
    "drill",
  ];
  return withRest(table([heading, ...shown.map(siteRow)]), left);
}

function siteRow(site: SiteStatus): string[] {
  const { zones, pods } = site;
  const ready = pods.filter((pod) => pod.ready === true).length;
  return [
    ...[site.name, site.role, site.answers ? "yes" : "NO"],
    ...[String(site.directorySerial ?? "?"), String(site.catalogSerial ?? "?"), String(zones.asked)],
    ...[zones.behind, zones.missing].map((count) => (count === 0 ? "-" : String(count))),
    day(site.certificateEnds),
    pods.length === 0 ? "?" : `${ready}/${pods.length}`,
    ...[site.appliedAt, site.reconciledAt, site.lastBackup, site.lastDrill].map(minute),
  ];
}

function zonesText({ zones, findings }: StatusReport): string {
  const named = new Set(findings.map(({ zone }) => zone));
  const [shown, left] = shorten(zones, ({ name }) => named.has(name));
  const heading = ["zone", "owner", "serial", "behind", "missing", "expires after", "signed until"];
  return withRest(table([heading, ...shown.map(zoneRow)]), left);
}

/** What parents outside the mesh have or, where they were not asked, should have, and which servers are waited for. */
function delegationLines({ zones }: StatusReport): readonly string[] {
  const kept = zones.flatMap(({ name, nameServers, parent: found }) =>
    nameServers ? [{ name, ...nameServers, found }] : [],
  );
  const records = kept.flatMap(({ name, parent, found }) => {
    if (parent === undefined || parent.zone !== undefined || found !== undefined) return [];
    return [
      ...parent.servers.map((server) => `${name}. NS ${server}.`),
      ...parent.glue.map(addressText),
      ...(parent.ds ?? []).map((ds) => `${name}. DS ${ds}`),
      ...(parent.ds?.length === 0 ? [`${name}: no DS record`] : []),
    ];
  });
  const late = kept.flatMap(({ name, waiting }) => waiting.map((sentence) => `${name}: ${sentence}`));
  const looks = kept.flatMap(({ name, found }) => (found === undefined ? [] : [parentSentence(name, found)]));
  return [
    ...listed("parents outside the mesh:", looks),
    ...listed("parents outside the mesh should have:", records),
    ...listed("name servers that are waited for:", late),
  ];
}

/** Pools, a row for each target. Of many those that something is wrong with. */
function poolLines({ pools = [] }: StatusReport): readonly string[] {
  if (pools.length === 0) return [];
  const [rows, left] = shorten(pools, ({ verdict }) => verdict !== "Healthy");
  return ["", withRest(poolsTable(rows), left)];
}

function listed(heading: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, mostRows).map((line) => `  ${line}`);
  const left = lines.length - shown.length;
  return ["", heading, ...shown, ...(left === 0 ? [] : [`  … and ${left} more (--json has all)`])];
}

function zoneRow(zone: ZoneStatus): string[] {
  const sites = (names: readonly string[]): string =>
    names.length === 0 ? "-" : names.length <= 3 ? names.join(",") : `${names.length} sites`;
  return [
    ...[zone.name, zone.owner, String(zone.serial ?? "?")],
    sites(zone.behind.map(({ site }) => site)),
    sites(zone.missing),
    zone.expire === undefined ? "?" : `${Number((zone.expire / 86_400).toFixed(1))} d`,
    day(zone.signedUntil),
  ];
}

/** All rows where they are few, otherwise those that something is wrong with, and how many are left out. */
function shorten<T>(rows: readonly T[], isNamed: (row: T) => boolean): readonly [readonly T[], number] {
  if (rows.length <= mostRows) return [rows, 0];
  const shown = rows.filter(isNamed).slice(0, mostRows);
  return [shown, rows.length - shown.length];
}

function withRest(text: string, left: number): string {
  return left === 0 ? text : `${text}\n… and ${left} more (--json has all)`;
}

function day(time: string | undefined): string {
  return time === undefined ? "?" : time.slice(0, 10);
}

function minute(time: string | undefined): string {
  return time === undefined ? "?" : `${time.slice(0, 16)}Z`;
}
