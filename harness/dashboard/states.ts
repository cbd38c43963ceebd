import type { PodReport } from "../../src/cli/agent-reports";
import type { CertificateLook } from "../../src/cli/certificates";
import { MeshWatch } from "../../src/cli/dashboard/mesh-watch";
import { type Look, type SiteLook, type ZoneAnswer, zonesOf } from "../../src/cli/look";
import { reportStatus, type StatusReport } from "../../src/cli/status-report";
import type { Mesh } from "../../src/mesh/model";
import { parseMesh } from "../../src/settings/parse";

/** How a mesh is made to look at one time, beside what is fine. */
interface Trouble {
  /** Serials above the first one, by zone: what the owner has. */
  readonly serials?: Readonly<Record<string, number>>;
  /** Copies that are so many serials behind, by site and zone. */
  readonly behind?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Sites that do not answer, and why. */
  readonly silent?: Readonly<Record<string, string>>;
  /** What agents report as wrong, by site. */
  readonly problems?: Readonly<Record<string, NonNullable<PodReport["facts"]>["problems"]>>;
  /** When certificates end, by site, of those that do not end in months. */
  readonly certificates?: Readonly<Record<string, string>>;
}

/** A mesh in a state that people must be able to see, as a row of looks that lead there. */
export interface MeshState {
  readonly name: string;
  readonly mesh: Mesh;
  readonly looks: readonly Trouble[];
}

const [directoryZone, catalogZone] = ["dns.internal", "catalog.internal.dns"];
const firstSerial = 2_026_112_901;
const everySeconds = 5;
/** Looks of a small mesh, and the last of them in which something is wrong; of a large one there are fewer, since each takes a while. */
const [looks, troubled, fewLooks] = [24, 9, 3];
const reader = { from: "Pulumi.shared.yaml" } as const;

function meshOf(sites: number, zones: readonly string[]): Mesh {
  return parseMesh({
    ...{ directoryZone, catalogZone },
    sites: Array.from({ length: sites }, (_, i) => ({
      name: sites <= 26 ? `site-${String.fromCharCode(97 + i)}` : `site-${String(i + 1).padStart(3, "0")}`,
      role: i === 0 ? "primary-catalog" : i === 1 ? "secondary-catalog" : "standard",
      addresses: [`192.0.${2 + Math.floor(i / 250)}.${(i % 250) + 1}`],
      zones: zones.filter((_zone, z) => z % sites === i),
    })),
  });
}

const small = meshOf(4, ["example.com", "example.net", "example.org", "shop.example", "mail.example", "lab.example"]);
const large = meshOf(
  300,
  Array.from({ length: 3000 }, (_, i) => `zone-${i + 1}.example`),
);

/** Nothing but changes of one zone, each of which is everywhere a look or two later. */
function ordinary(mesh: Mesh, count: number): readonly Trouble[] {
  const [zone = ""] = mesh.sites[1]?.zones.map(({ name }) => name) ?? [];
  const site = mesh.sites[2]?.name ?? "";
  return Array.from({ length: count }, (_, i) => {
    const serials = { [zone]: Math.floor(i / 6) };
    return i % 6 === 0 && i > 0 ? { serials, behind: { [site]: { [zone]: 1 } } } : { serials };
  });
}

function then(mesh: Mesh, trouble: Trouble): readonly Trouble[] {
  const before = ordinary(mesh, looks - troubled);
  return [...before, ...Array.from({ length: troubled }, () => ({ ...before.at(-1), ...trouble }))];
}

const since = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

/** Each state that the page is looked at in. Times are about now. */
export function meshStates(): readonly MeshState[] {
  return [
    { name: "fine", mesh: small, looks: ordinary(small, looks) },
    { name: "link cut", mesh: small, looks: then(small, linkCut()) },
    {
      name: "site away",
      mesh: small,
      looks: then(small, { silent: { "site-c": "no answer within 1500 ms from 192.0.2.3" } }),
    },
    { name: "held removal", mesh: small, looks: then(small, heldRemoval()) },
    {
      name: "expired certificate",
      mesh: small,
      looks: then(small, { certificates: { "site-b": since(7200) } }),
    },
    { name: "300 sites", mesh: large, looks: [{}, ...Array.from({ length: fewLooks - 1 }, largeTrouble)] },
  ];
}

/** Between site-a and site-d, in both directions. */
function linkCut(): Trouble {
  const message =
    "site-d has not had this server's version of zone example.com for 41 s: it answers serial 2026112901, not 2026112903";
  return {
    serials: { "example.com": 2, "mail.example": 1, "shop.example": 3, "example.net": 2 },
    behind: { "site-d": { "example.com": 2, "mail.example": 1 }, "site-a": { "shop.example": 3 } },
    problems: { "site-a": [{ kind: "disagree", message, since: since(40) }] },
  };
}

function heldRemoval(): Trouble {
  const message =
    "held: lab.example, mail.example, shop.example: 3 of 6 zones are gone from the central zones, more than a third of all; they stay in service. " +
    "To confirm, put them back with a retired date, bring the primary up, and then remove them; to undo, put them back";
  const problem = { kind: "held", message, since: since(600) } as const;
  return { problems: Object.fromEntries(small.sites.map(({ name }) => [name, [problem]])) };
}

function largeTrouble(): Trouble {
  return {
    serials: { "zone-7.example": 3, "zone-12.example": 3 },
    behind: {
      "site-044": { "zone-7.example": 2 },
      "site-120": { "zone-7.example": 1, "zone-12.example": 2 },
      "site-280": { [directoryZone]: 1 },
    },
    silent: { "site-211": "no answer within 1500 ms from 192.0.2.211" },
    certificates: { "site-099": since(-86_400) },
  };
}

/** The reports of a state's looks, as `mesh status` makes them of what it asked. */
export function reportsOf({ mesh, looks: troubles }: MeshState): readonly StatusReport[] {
  const end = Date.now();
  return troubles.map((trouble, i) => {
    const now = end - (troubles.length - 1 - i) * everySeconds * 1000;
    return reportStatus({
      ...{ ...reader, mesh, now, clusters: [], notAsked: [] },
      look: lookOf(mesh, trouble),
      pods: podsOf(mesh, trouble, now),
      certificates: certificatesOf(mesh, trouble, now),
    });
  });
}

/**
 * What the page is made of after all looks of a state but the last, which the next `lookOnce` takes, and then those further ones. When
 * there are no more, a look fails.
 */
export async function watchOf(state: MeshState, further: readonly StatusReport[] = []): Promise<MeshWatch> {
  const reports = [...reportsOf(state), ...further];
  const watch = new MeshWatch({
    ...{ mesh: state.mesh, version: "0.0.0", everySeconds, now: Date.now, pause: () => Promise.resolve() },
    look: () => {
      const next = reports.shift();
      return next === undefined ? Promise.reject(new Error("there is no further look")) : Promise.resolve(next);
    },
  });
  for (let turn = 1; turn < state.looks.length; turn++) await watch.lookOnce(turn);
  return watch;
}

function lookOf(mesh: Mesh, { serials = {}, behind = {}, silent = {} }: Trouble): Look {
  const zones = zonesOf({ mesh });
  const answer = (site: string, zone: string): ZoneAnswer => {
    const serial = firstSerial + (serials[zone] ?? 0) - (behind[site]?.[zone] ?? 0);
    return { kind: "serial", serial, expire: 1_209_600 };
  };
  const isSampled = mesh.sites.length > 100;
  const sites = mesh.sites.map(({ name: site, addresses, zones: own }, i): SiteLook => {
    const silence = silent[site];
    if (silence !== undefined) return { site, silence, answers: new Map() };
    const central = [directoryZone, catalogZone];
    // Each zone at its owner and at one other site, as a look at a large mesh does.
    const others = mesh.sites[(i + 1) % mesh.sites.length]?.zones ?? [];
    const asked = isSampled
      ? [...central, ...[...own, ...others].map(({ name }) => name), ...Object.keys(behind[site] ?? {})]
      : zones.map(({ name }) => name);
    return { site, address: addresses[0] ?? "", answers: new Map(asked.map((zone) => [zone, answer(site, zone)])) };
  });
  const pairs = zones.length * mesh.sites.length;
  return { zones, sites, pairs, asked: sites.reduce((sum, { answers }) => sum + answers.size, 0), sampled: isSampled };
}

function podsOf(mesh: Mesh, { silent = {}, problems = {} }: Trouble, now: number): readonly PodReport[] {
  return mesh.sites.flatMap(({ name: site }) =>
    [0, 1].map((i): PodReport => {
      const name = `${site}/knot-${i}`;
      if (silent[site] !== undefined) return { name, site, ready: false, failure: "no answer" };
      const at = new Date(now - 42_000).toISOString();
      const applied = { directorySerial: firstSerial, catalogSerial: firstSerial, hash: "", at };
      const own = i === 0 ? (problems[site] ?? []) : [];
      return { name, site, ready: true, facts: { ready: true, problems: own, held: [], emptyZones: 0, applied } };
    }),
  );
}

function certificatesOf(mesh: Mesh, { certificates = {} }: Trouble, now: number): Map<string, CertificateLook> {
  const day = 86_400_000;
  return new Map(
    mesh.sites.map(({ name }) => {
      const ends = certificates[name] ?? new Date(now + 60 * day).toISOString();
      return [name, { kind: "shown", begins: new Date(now - 30 * day).toISOString(), ends }];
    }),
  );
}
