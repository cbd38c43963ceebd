import type { ZoneServers } from "../agents/sidecar/name-servers/keeper";
import { groupBy } from "../base/group";
import { compareText } from "../base/text";
import { isNewerSerial } from "../dns/serial";
import type { Mesh } from "../mesh/model";
import { parentSentence, type ParentState } from "../mesh/parent";
import { withoutAddress } from "../mesh/waiting";
import type { ClusterReport, PodReport } from "./agent-reports";
import type { CertificateLook } from "./certificates";
import type { Copy, Look, ZoneAnswer } from "./look";
import type { PoolsLook } from "./pools-look";
import { type PoolReport, poolsReport, type ProbesReport } from "./pools-report";
import { runProblem } from "./reconciler-run";
import { addressText, autoSites, type FoundAddresses } from "./site-addresses";

/** Something that is not fine: `wrong`, or `unknown` where something was to be asked and did not answer. */
export interface StatusFinding {
  readonly severity: "wrong" | "unknown";
  readonly site?: string;
  readonly zone?: string;
  readonly message: string;
}

/** A site in the report. Times are ISO 8601. */
export interface SiteStatus {
  readonly name: string;
  readonly role: string;
  readonly answers: boolean;
  readonly directorySerial: number | undefined;
  readonly catalogSerial: number | undefined;
  /** Zones that it was asked for, that it has older than their owner, and that it does not answer. */
  readonly zones: { readonly asked: number; readonly behind: number; readonly missing: number };
  readonly certificateEnds: string | undefined;
  readonly pods: readonly { readonly name: string; readonly ready: boolean | undefined }[];
  /** When its agents applied the mesh last, and what the reconciler says, where they could be asked. */
  readonly appliedAt: string | undefined;
  readonly reconciledAt: string | undefined;
  readonly lastBackup: string | undefined;
  readonly lastDrill: string | undefined;
  readonly keysKeptAt: string | undefined;
}

/** A zone in the report. */
export interface ZoneStatus {
  readonly name: string;
  readonly owner: string;
  /** The owner's; the newest that anybody has while the owner is silent. */
  readonly serial: number | undefined;
  /** Seconds that a copy is served without its owner (SOA expire). */
  readonly expire: number | undefined;
  readonly behind: readonly { readonly site: string; readonly serial: number }[];
  readonly missing: readonly string[];
  /** When the first of its signatures ends, where its owner's agent could be asked. */
  readonly signedUntil: string | undefined;
  /** Its name servers, where the list says them and its owner's agent could be asked. */
  readonly nameServers?: ZoneServers;
  /** What its parent outside the mesh has, where that was asked. */
  readonly parent?: ParentState;
}

/** Something that is not done until somebody says that it is wanted. */
export interface HeldStatus {
  readonly site: string;
  /** Who says so: a pod, or the site for its reconciler. */
  readonly by: string;
  /** What, why, and how it is let through. */
  readonly message: string;
  /** ISO 8601; missing where an agent of an earlier release does not say. */
  readonly since: string | undefined;
}

/** What `mesh status` reports. */
export interface StatusReport {
  readonly at: string;
  readonly from: string;
  /** Whether everything that was to be asked answered, and nothing is wrong. */
  readonly ok: boolean;
  readonly findings: readonly StatusFinding[];
  /** Those of the findings that are removals and changes that wait for a person. */
  readonly held: readonly HeldStatus[];
  /** What was not asked at all, so that nothing in here is about it. */
  readonly notAsked: readonly string[];
  readonly sites: readonly SiteStatus[];
  readonly zones: readonly ZoneStatus[];
  /** Pools as their sites publish them, and what sites say of their probes; missing where no site has a zone of pools. */
  readonly pools?: readonly PoolReport[];
  readonly probes?: readonly ProbesReport[];
}

/** What a report is made from. */
export interface StatusInput {
  readonly mesh: Mesh;
  readonly from: string;
  readonly look: Look;
  readonly pods: readonly PodReport[];
  readonly clusters: readonly ClusterReport[];
  readonly certificates: ReadonlyMap<string, CertificateLook>;
  /** What clusters say of sites with `addresses: auto`, as far as they were asked. */
  readonly addresses?: ReadonlyMap<string, FoundAddresses>;
  /** What parents outside the mesh have, by zone, as far as they were asked. */
  readonly parents?: ReadonlyMap<string, ParentState>;
  /** What zones of pools say. */
  readonly pools?: PoolsLook;
  readonly notAsked: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Certificates and signatures that end within this many milliseconds are reported: a week; of a short-lived one a fifth of its life. */
const soonMs = 7 * 86_400_000;

/** Puts together what was seen: what is wrong first. Pure, so that each state can be tested. */
export function reportStatus(seen: StatusInput): StatusReport {
  const input = { ...seen, clusters: seen.clusters.map((cluster) => believed(cluster, seen.now)) };
  const answers = answersIn(input.look);
  const zones = zonesIn(input, answers);
  const pods = [...input.pods, ...input.clusters.flatMap((cluster) => cluster.pods)];
  const pools = input.pools && poolsReport(input.pools, input.now);
  const hasPools = input.pools !== undefined && input.pools.sites.length + input.pools.failures.length > 0;
  const findings = [
    ...addressFindings(input),
    ...siteFindings(input),
    ...zones.flatMap((zone) => zoneFindings(zone, answers.get(zone.name) ?? [])),
    ...certificateFindings(input),
    ...(pools?.findings ?? []),
    ...pods.flatMap((pod) => podFindings(pod, input.now)),
    ...input.clusters.flatMap((cluster) => clusterFindings(cluster, input.now)),
  ];
  const order = (finding: StatusFinding): number => (finding.severity === "wrong" ? 0 : 1);
  return {
    at: new Date(input.now).toISOString(),
    from: input.from,
    ok: findings.length === 0,
    findings: [...findings].sort((a, b) => order(a) - order(b)),
    held: [...pods.flatMap(heldByPod), ...input.clusters.flatMap((cluster) => heldByCluster(cluster, pods))],
    notAsked: [
      ...input.notAsked,
      ...sampleNote(input.look),
      ...routeNote(input.look),
      ...certificateNote(input, pods),
      ...agentNote(pods),
      ...(input.pools === undefined || input.pools.left === 0 ? [] : [`${input.pools.left} more pools`]),
    ],
    sites: input.mesh.sites.map((site) => siteStatus(site, { input, zones, pods })),
    zones,
    ...(hasPools && pools && { pools: pools.pools, probes: pools.probes }),
  };
}

function sampleNote({ pairs, asked, sampled }: Look): readonly string[] {
  if (!sampled) return [];
  return [
    `of ${pairs} pairs of a site and a zone ${asked} were asked (each zone at its owner and one other site); mesh verify asks all`,
  ];
}

/** Addresses that nothing can be sent to from here. */
function routeNote({ sites }: Look): readonly string[] {
  const unseen = sites.flatMap(({ dead = [] }) => dead.filter(({ noRoute }) => noRoute).map(({ address }) => address));
  if (unseen.length === 0) return [];
  const names =
    unseen.length <= 5 ? unseen.join(", ") : `${unseen.slice(0, 4).join(", ")} and ${unseen.length - 4} more`;
  return [`the addresses ${names}: this machine has no route to them`];
}

/** Certificates that neither the server showed nor an agent told the end of. */
function certificateNote({ certificates }: StatusInput, pods: readonly PodReport[]): readonly string[] {
  const told = new Set(pods.filter(({ facts }) => facts?.certificateEnds !== undefined).map(({ site }) => site));
  const unseen = [...certificates].flatMap(([site, { kind }]) =>
    kind === "unreached" && !told.has(site) ? [site] : [],
  );
  if (unseen.length === 0) return [];
  const names =
    unseen.length <= 5 ? unseen.join(", ") : `${unseen.slice(0, 4).join(", ")} and ${unseen.length - 4} more`;
  return [
    `certificates of ${names}: port 853 cannot be reached from here, as where a network policy lets sites alone in`,
  ];
}

/** Agents that the API server does not reach, of which the reconciler says what is wrong, and nothing more. */
function agentNote(pods: readonly PodReport[]): readonly string[] {
  const unreached = pods.filter(({ facts, isReconciled }) => facts === undefined && isReconciled === true);
  const [first] = unreached;
  if (first === undefined) return [];
  const sites = [...new Set(unreached.map(({ site }) => site))];
  return [
    `backups, keys and signatures of ${sites.join(", ")}: the API server does not reach the agents, as where network policies keep it out (${first.name}: ${first.failure ?? ""})`,
  ];
}

/** Sites that wait for an address, and those that are asked where they are no longer. */
function addressFindings({ mesh, addresses = new Map() }: StatusInput): readonly StatusFinding[] {
  const moved = autoSites({ sites: mesh.sites }).flatMap((site): readonly StatusFinding[] => {
    const found = addresses.get(site.name);
    const message = found && addressText(site, found);
    // Of a cluster that did not answer, its own finding says so.
    if (found === undefined || found.kind === "unseen" || message === undefined) return [];
    if (found.kind !== "given") return [{ severity: "unknown", site: site.name, message }];
    return [{ severity: "wrong", site: site.name, message: `${message}: mesh up takes it over` }];
  });
  const waiting = withoutAddress(mesh).map((site): StatusFinding => {
    const found = addresses.get(site.name) ?? { kind: "none", reason: "mesh up brings up its Service" };
    return { severity: "wrong", site: site.name, message: addressText(site, found) ?? "" };
  });
  return [...waiting, ...moved];
}

function siteFindings({ look }: StatusInput): readonly StatusFinding[] {
  return look.sites.flatMap(({ site, silence, dead = [] }): readonly StatusFinding[] => {
    if (silence !== undefined) return [{ severity: "wrong", site, message: `${site} does not answer: ${silence}` }];
    return dead
      .filter(({ noRoute }) => !noRoute)
      .map(({ address, reason }): StatusFinding => ({
        severity: "wrong",
        site,
        message: `${site} does not answer at ${address}, one of its addresses: ${reason}`,
      }));
  });
}

/** What a site answered for a zone. */
interface SiteAnswer {
  readonly site: string;
  readonly answer: ZoneAnswer;
}

/** What sites answered, by zone. */
function answersIn({ sites }: Look): ReadonlyMap<string, readonly SiteAnswer[]> {
  const all = sites.flatMap(({ site, answers }) => [...answers].map(([zone, answer]) => ({ zone, site, answer })));
  return groupBy(all, ({ zone }) => zone);
}

function zonesIn(
  { look, pods, clusters, parents }: StatusInput,
  byZone: ReadonlyMap<string, readonly SiteAnswer[]>,
): readonly ZoneStatus[] {
  const signed = new Map(
    [...pods, ...clusters.flatMap((cluster) => cluster.pods)].flatMap(({ facts }) =>
      (facts?.dnssec ?? []).flatMap(({ zone, signedUntil }) =>
        signedUntil === undefined ? [] : [[zone, signedUntil]],
      ),
    ) as [string, string][],
  );
  const servers = new Map(
    [...pods, ...clusters.flatMap((cluster) => cluster.pods)].flatMap(({ site, facts }) =>
      (facts?.nameServers ?? []).map((said): [string, ZoneServers] => [`${site} ${said.zone}`, said]),
    ),
  );
  return look.zones.map(({ name, owner }) => {
    const nameServers = servers.get(`${owner} ${name}`);
    const parent = parents?.get(name);
    const answers = byZone.get(name) ?? [];
    const serials = answers.flatMap(({ site, answer }) =>
      answer.kind === "serial" ? [{ site, serial: answer.serial, expire: answer.expire }] : [],
    );
    const newest = newestOf(serials);
    const best = serials.find(({ site }) => site === owner) ?? newest;
    return {
      name,
      owner,
      serial: best?.serial,
      expire: best?.expire,
      behind: serials
        .filter(({ serial }) => best !== undefined && isNewerSerial(best.serial, serial))
        .map(({ site, serial }) => ({ site, serial })),
      missing: answers.filter(({ answer }) => answer.kind === "failure").map(({ site }) => site),
      signedUntil: signed.get(name),
      ...(nameServers && { nameServers }),
      ...(parent && { parent }),
    };
  });
}

function newestOf<T extends { readonly serial: number }>(serials: readonly T[]): T | undefined {
  return serials.reduce<T | undefined>(
    (newest, each) => (newest === undefined || isNewerSerial(each.serial, newest.serial) ? each : newest),
    undefined,
  );
}

/** Copies that are older than their owner's, or are not answered. */
export function lateCopies({ zones }: Pick<StatusReport, "zones">): readonly Copy[] {
  return zones.flatMap(({ name: zone, behind, missing }) =>
    [...behind.map(({ site }) => site), ...missing].map((site) => ({ site, zone })),
  );
}

function zoneFindings(zone: ZoneStatus, answers: readonly SiteAnswer[]): readonly StatusFinding[] {
  return [
    ...answers.flatMap(({ site, answer }): readonly StatusFinding[] => {
      if (answer.kind === "serial") return [];
      const message = `${site} does not serve ${zone.name}: ${answer.reason}`;
      return [{ severity: "wrong", site, zone: zone.name, message }];
    }),
    ...zone.behind.map(({ site, serial }): StatusFinding => {
      const message = `${site} has ${zone.name} at serial ${serial}; ${zone.owner} has ${zone.serial ?? "?"}`;
      return { severity: "wrong", site, zone: zone.name, message };
    }),
    ...aheadOf(zone, answers),
    ...parentFindings(zone),
    ...(zone.serial === undefined && zone.missing.length === 0
      ? [{ severity: "unknown", zone: zone.name, message: `nobody answered ${zone.name}` } as const]
      : []),
  ];
}

/** A parent that sends nobody here may be meant so: a private zone, or another view of a public one. */
function parentFindings({ name: zone, owner: site, parent }: ZoneStatus): readonly StatusFinding[] {
  if (parent?.kind !== "differs" && parent?.kind !== "unread") return [];
  const severity = parent.kind === "differs" ? "wrong" : "unknown";
  return [{ severity, site, zone, message: parentSentence(zone, parent) }];
}

/** Copies that are newer than what the owner has: it came back with an old state. */
function aheadOf(zone: ZoneStatus, answers: readonly SiteAnswer[]): readonly StatusFinding[] {
  const owner = answers.find(({ site }) => site === zone.owner)?.answer;
  if (owner?.kind !== "serial") return [];
  const ahead = answers
    .filter(({ answer }) => answer.kind === "serial" && isNewerSerial(answer.serial, owner.serial))
    .map(({ site }) => site);
  if (ahead.length === 0) return [];
  const message = `${zone.owner} owns ${zone.name}, and ${ahead.join(", ")} ${ahead.length === 1 ? "has" : "have"} a newer version`;
  return [{ severity: "wrong", site: zone.owner, zone: zone.name, message }];
}

function certificateFindings({ certificates, look: { sites }, now }: StatusInput): readonly StatusFinding[] {
  const silent = new Set(sites.filter(({ silence }) => silence !== undefined).map(({ site }) => site));
  return [...certificates].flatMap(([site, look]): readonly StatusFinding[] => {
    // Whoever does not answer at all is named already.
    if (look.kind === "unreached" || silent.has(site)) return [];
    if (look.kind === "failure")
      return [
        {
          severity: "wrong",
          site,
          message: `${site} shows no certificate, so that nobody can take zones from it: ${look.reason}`,
        },
      ];
    const soon = Math.min(soonMs, (Date.parse(look.ends) - Date.parse(look.begins)) / 5);
    const ending = endFinding(look.ends, now, { site, what: `the certificate of ${site}`, soon });
    const problem = look.problem;
    return [
      ...(problem === undefined
        ? []
        : [
            {
              severity: "wrong" as const,
              site,
              message: `the certificate of ${site} is not to be trusted: ${problem}`,
            },
          ]),
      ...ending,
    ];
  });
}

function endFinding(
  ends: string,
  now: number,
  { site, what, soon = soonMs }: { readonly site: string; readonly what: string; readonly soon?: number },
): readonly StatusFinding[] {
  const left = Date.parse(ends) - now;
  if (left > soon) return [];
  return [{ severity: "wrong", site, message: left <= 0 ? `${what} ended at ${ends}` : `${what} ends at ${ends}` }];
}

function podFindings(pod: PodReport, now: number): readonly StatusFinding[] {
  const { name, site, facts, failure } = pod;
  if (facts === undefined) {
    if (pod.ready === false) return [{ severity: "wrong", site, message: `${name} is not ready` }];
    if (pod.isReconciled === true) return [];
    return [{ severity: "unknown", site, message: `${name}: ${failure ?? "not known"}` }];
  }
  const problems = facts.problems.map(({ kind, message, since }) => `${name}: ${message} (${kind}, since ${since})`);
  const held = (facts.guard ?? []).map(({ message }) => `${name}: ${message}`);
  const unready = facts.ready || facts.problems.length > 0 ? [] : [`${name} is not ready`];
  return [
    ...[...unready, ...problems, ...held].map((message): StatusFinding => ({ severity: "wrong", site, message })),
    ...(facts.dnssec ?? []).flatMap(({ zone, signedUntil }) =>
      signedUntil === undefined ? [] : endFinding(signedUntil, now, { site, what: `the first signature of ${zone}` }),
    ),
  ];
}

const heldKinds: readonly string[] = ["held", "guard"];

/** What an agent holds. Of its problems those of a guard are said by the guard itself, which knows since when. */
function heldByPod({ name, site, facts }: PodReport): readonly HeldStatus[] {
  const guarded = facts?.guard ?? [];
  const said = new Set(guarded.map(({ message }) => message));
  const problems = (facts?.problems ?? []).filter(
    ({ kind, message }) => heldKinds.includes(kind) && !said.has(message),
  );
  return [...problems, ...guarded].map(({ message, since }) => ({ site, by: name, message, since }));
}

/** What a reconciler says is held, and no agent of the site said itself. */
function heldByCluster({ site, conditions }: ClusterReport, pods: readonly PodReport[]): readonly HeldStatus[] {
  const asked = pods.some((pod) => pod.site === site && pod.facts !== undefined);
  return (conditions ?? [])
    .filter(({ kind }) => kind === "held" || (!asked && heldKinds.includes(kind.replace(/^agent-/, ""))))
    .map(({ message, since }) => ({ site, by: site, message, since }));
}

/** A cluster's report in which a reconciler that does not run speaks for no agent. */
function believed(cluster: ClusterReport, now: number): ClusterReport {
  if (cluster.reconciler === undefined || runProblem(cluster.reconciler, now) === undefined) return cluster;
  return { ...cluster, pods: cluster.pods.map((pod) => ({ ...pod, isReconciled: false })) };
}

function clusterFindings(cluster: ClusterReport, now: number): readonly StatusFinding[] {
  const { site, conditions, failures, reconciler } = cluster;
  const run = reconciler && runProblem(reconciler, now);
  return [
    ...(run === undefined ? [] : [{ severity: run.severity, site, message: `${site}: ${run.message}` }]),
    ...(conditions ?? []).map(({ kind, message, since }): StatusFinding => ({
      severity: "wrong",
      site,
      message: `${site}: ${message} (${kind}, since ${since})`,
    })),
    ...failures.map((failure): StatusFinding => ({ severity: "unknown", site, message: `${site}: ${failure}` })),
  ];
}

function siteStatus(
  { name, role }: Mesh["sites"][number],
  {
    input,
    zones,
    pods,
  }: { readonly input: StatusInput; readonly zones: readonly ZoneStatus[]; readonly pods: readonly PodReport[] },
): SiteStatus {
  const look = input.look.sites.find(({ site }) => site === name);
  const serialOf = (zone: string): number | undefined => {
    const answer = look?.answers.get(zone);
    return answer?.kind === "serial" ? answer.serial : undefined;
  };
  const certificate = input.certificates.get(name);
  const own = pods.filter(({ site }) => site === name).sort((a, b) => compareText(a.name, b.name));
  const latest = (times: readonly (string | undefined)[]): string | undefined =>
    times
      .filter((time): time is string => time !== undefined && time !== "")
      .sort(compareText)
      .at(-1);
  return {
    name,
    role,
    answers: look?.address !== undefined,
    directorySerial: serialOf(input.mesh.directoryZone),
    catalogSerial: serialOf(input.mesh.catalogZone),
    zones: {
      asked: look?.answers.size ?? 0,
      behind: zones.filter(({ behind }) => behind.some(({ site }) => site === name)).length,
      missing: zones.filter(({ missing }) => missing.includes(name)).length,
    },
    certificateEnds: certificate?.kind === "shown" ? certificate.ends : own[0]?.facts?.certificateEnds,
    pods: own.map((pod) => ({ name: pod.name, ready: pod.facts?.ready ?? pod.ready })),
    appliedAt: latest(own.map(({ facts }) => facts?.applied?.at)),
    reconciledAt: input.clusters.find(({ site }) => site === name)?.reconciler?.done,
    lastBackup: latest(own.map(({ backups }) => backups?.lastBackup)),
    lastDrill: latest(own.map(({ backups }) => backups?.lastDrill)),
    keysKeptAt: latest(own.map(({ facts }) => facts?.zoneKeys?.keptAt)),
  };
}
