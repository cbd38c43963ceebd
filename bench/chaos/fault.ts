import { UserError } from "../../src/base/errors";

/** What a fault takes. Two faults that overlap must take different things: of the same pod, of the same site, or of the mesh. */
type Part =
  "knot" | "agent" | "volume" | "clock" | "link" | "central" | "api" | "operator" | "reconciler" | "vault" | "ring";

/** What is hurt: one pod, the link that all pods of a site share, or what there is once: at the primary, or at the site with a cluster. */
const scopes: Readonly<Record<Part, "pod" | "site" | "primary" | "cluster">> = {
  knot: "pod",
  agent: "pod",
  volume: "pod",
  clock: "pod",
  link: "site",
  central: "primary",
  api: "cluster",
  operator: "cluster",
  reconciler: "cluster",
  vault: "primary",
  ring: "primary",
};

/** What a mesh may have beside its sites: an API server with operator and reconciler at one of them; Vault and a rotator. */
export const extras = ["api", "vault"] as const;

/** One of {@link extras}. */
export type Extra = (typeof extras)[number];

/** A kind of fault. */
interface Kind {
  readonly parts: readonly Part[];
  /** For how many seconds the plan lets it last, at least and at most. */
  readonly seconds: readonly [number, number];
  /** What must be there for it. */
  readonly needs?: Extra;
  /** No answer is hurt by it: what guards answers must hold at every pod meanwhile. */
  readonly spares?: true;
}

/** Every kind of fault. */
export const kinds = {
  /** SIGKILL of knotd, which is started again at the end, as its container is. */
  "kill-knot": { parts: ["knot"], seconds: [1, 4] },
  /** SIGSTOP, and SIGCONT at the end. */
  "stop-knot": { parts: ["knot"], seconds: [3, 10] },
  "kill-agent": { parts: ["agent"], seconds: [1, 4] },
  "stop-agent": { parts: ["agent"], seconds: [3, 10] },
  /** SIGKILL of the agent in the middle of each file of Knot's that it writes. It is started again each time, as a container is. */
  "kill-writing": { parts: ["agent"], seconds: [4, 10] },
  /** Both are killed; at the end the pod starts, its init container first. */
  away: { parts: ["knot", "agent"], seconds: [4, 12] },
  /** As `away`, and the pod starts with an empty volume. */
  wipe: { parts: ["knot", "agent", "volume"], seconds: [2, 8] },
  /** The volume has no octet free. */
  full: { parts: ["volume"], seconds: [4, 10] },
  /** The clock of Knot and agent is 600 s off, twice as much as TSIG forgives. */
  "clock-ahead": { parts: ["clock"], seconds: [4, 10] },
  "clock-behind": { parts: ["clock"], seconds: [4, 10] },
  /** Both ways cut, for longer than other sites' zones last there: its copies expire. */
  expire: { parts: ["link"], seconds: [4, 10] },
  /** Packets both ways are lost, or only those to the site, or from it. */
  cut: { parts: ["link"], seconds: [4, 12] },
  "cut-in": { parts: ["link"], seconds: [4, 12] },
  "cut-out": { parts: ["link"], seconds: [4, 12] },
  /** 30 % of the packets each way are lost. */
  loss: { parts: ["link"], seconds: [6, 12] },
  /** Every packet takes 500 ms longer, each way. */
  delay: { parts: ["link"], seconds: [6, 12] },
  /** 30 % of the packets each way take 100 ms longer and are overtaken by later ones. */
  reorder: { parts: ["link"], seconds: [6, 12] },
  /** The primary's stack mounts central zones without any site and zone. */
  "central-empty": { parts: ["central"], seconds: [4, 10] },
  /** Half of the directory's entries are missing, while it says how many it has. */
  "central-half": { parts: ["central"], seconds: [4, 10] },
  /** Whole central zones of a list that has the primary alone. */
  "central-shrunk": { parts: ["central"], seconds: [4, 10] },
  /** Central zones that are not text. */
  "central-random": { parts: ["central"], seconds: [4, 10] },
  /** Whole central zones of the epoch before, signed, when another site had the primary catalog and the last one had not joined. */
  "central-former": { parts: ["central"], seconds: [4, 10] },
  /** The primary's Knot serves whole central zones from before the last site joined, under the serials of then. */
  "central-older": { parts: ["central"], seconds: [4, 10] },
  /** One more site with a zone joins, and leaves at the end. */
  "list-site": { parts: ["central"], seconds: [8, 14] },
  /** One more zone of the primary's comes, and leaves at the end. */
  "list-zone": { parts: ["central"], seconds: [4, 10] },
  /** The API server breaks off all connections, and takes none. */
  "api-gone": { parts: ["api"], seconds: [4, 12], needs: "api", spares: true },
  /** It takes a second for each answer; every third it keeps until who asked has given up, after it did what was asked. */
  "api-slow": { parts: ["api"], seconds: [6, 12], needs: "api", spares: true },
  /** It lists objects as they were ten seconds and more before, and watches show nothing. */
  "api-old": { parts: ["api"], seconds: [6, 12], needs: "api", spares: true },
  "kill-operator": { parts: ["operator"], seconds: [1, 4], needs: "api", spares: true },
  "stop-operator": { parts: ["operator"], seconds: [3, 10], needs: "api", spares: true },
  /** Each pass of the reconciler is killed a moment after it began. */
  "kill-reconciler": { parts: ["reconciler"], seconds: [4, 10], needs: "api", spares: true },
  /** A pass stands still, so that it goes on with what it read before. */
  "stop-reconciler": { parts: ["reconciler"], seconds: [4, 10], needs: "api", spares: true },
  /** Vault breaks off all connections, and takes none. */
  "vault-gone": { parts: ["vault"], seconds: [4, 12], needs: "vault", spares: true },
  /** A rotation of the key ring begins. */
  rotate: { parts: ["ring"], seconds: [4, 8], needs: "vault", spares: true },
} as const satisfies Record<string, Kind>;

/** Name of a kind of fault. */
export type FaultKind = keyof typeof kinds;

/** All of them. */
export const kindNames = Object.keys(kinds) as readonly FaultKind[];

/** What must be there for a kind of fault. */
export function neededFor(kind: FaultKind): Extra | undefined {
  const known: Kind = kinds[kind];
  return known.needs;
}

/** The kinds of fault that a mesh with these extras can have. */
export function kindsWith(present: readonly Extra[]): readonly FaultKind[] {
  return kindNames.filter((kind) => {
    const needed = neededFor(kind);
    return needed === undefined || present.includes(needed);
  });
}

/** The site with a cluster: the second, a secondary catalog. */
export function clusterSiteOf(pods: readonly string[]): string {
  return [...new Set(pods.map(siteOf))][1] ?? "";
}

/** One fault of one site or pod, from a beginning to an end, in seconds from the start. */
export interface Fault {
  readonly from: number;
  readonly to: number;
  readonly kind: FaultKind;
  /** The site's name, which is also its first pod's, or `site/ordinal` for another pod. */
  readonly site: string;
}

/** The site that a pod belongs to. */
export function siteOf(pod: string): string {
  return pod.split("/")[0] ?? pod;
}

/** Whether a pod feels a fault: its own, one of its site's link, or one of the central zones at the primary. */
export function isHurt(pod: string, { kind, site }: Fault): boolean {
  const known: Kind = kinds[kind];
  if (known.spares === true) return false;
  return hitsSite(kind) ? siteOf(pod) === siteOf(site) : pod === site;
}

/** Whether a kind takes what all pods of a site share, so that it hits the site as a whole. */
export function hitsSite(kind: FaultKind): boolean {
  return kinds[kind].parts.every((part) => scopes[part] !== "pod");
}

/** Whether a kind hurts what all pods of a site are reached by. */
export function hitsLink(kind: FaultKind): boolean {
  const parts: readonly Part[] = kinds[kind].parts;
  return parts.includes("link");
}

/** Whether a kind spoils the central zones. */
export function isCentral(kind: FaultKind): kind is Extract<FaultKind, `central-${string}`> {
  return kind.startsWith("central-");
}

/** The only site that a kind of what there is once can be of; undefined for other kinds. */
export function onlyPlaceOf(kind: FaultKind, pods: readonly string[]): string | undefined {
  const found = kinds[kind].parts.map((part) => scopes[part]);
  if (found.includes("primary")) return pods[0];
  return found.includes("cluster") ? clusterSiteOf(pods) : undefined;
}

/** Whether two faults take the same thing at the same time. */
export function areInConflict(one: Fault, other: Fault): boolean {
  const taken: readonly Part[] = kinds[other.kind].parts;
  const shared = kinds[one.kind].parts.filter((part) => taken.includes(part));
  const isSame = (part: Part): boolean =>
    scopes[part] === "primary" ||
    scopes[part] === "cluster" ||
    (scopes[part] === "pod" ? one.site === other.site : siteOf(one.site) === siteOf(other.site));
  return shared.some(isSame) && one.from <= other.to && other.from <= one.to;
}

/** A script of faults, one a line: beginning, end, kind and site. {@link parseFaults} reads it. */
export function formatFaults(faults: readonly Fault[]): string {
  const lines = faults.map(({ from, to, kind, site }) => `${from.toFixed(1)} ${to.toFixed(1)} ${kind} ${site}\n`);
  return lines.join("");
}

/**
 * Reads a script of faults; what follows # is a remark.
 *
 * @param pods - there are, by site; the primary catalog's first
 * @throws UserError with every line that is wrong.
 */
export function parseFaults(text: string, pods: readonly string[]): readonly Fault[] {
  const problems: string[] = [];
  const faults: Fault[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") continue;
    try {
      const fault = parseFault(words, pods);
      const other = faults.find((each) => areInConflict(each, fault));
      if (other !== undefined) throw new UserError(`overlaps "${formatFaults([other]).trim()}"`);
      faults.push(fault);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(`line ${i + 1}: ${error.message}`);
    }
  }
  if (problems.length === 0 && faults.length === 0) problems.push("no faults");
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  return faults.sort((a, b) => a.from - b.from);
}

function parseFault(words: string, pods: readonly string[]): Fault {
  const fields = /^(\d+(?:\.\d+)?) +(\d+(?:\.\d+)?) +(\S+) +(\S+)$/.exec(words);
  if (fields === null) throw new UserError(`"${words}" must be FROM TO KIND SITE, for example "3 7.5 cut site-b"`);
  const [, from = "", to = "", name = "", site = ""] = fields;
  const kind = kindNames.find((each) => each === name);
  if (kind === undefined) throw new UserError(`unknown kind "${name}"; there are ${kindNames.join(", ")}`);
  if (!pods.includes(site)) throw new UserError(`there is no site "${site}"; there are ${pods.join(", ")}`);
  if (hitsSite(kind) && site !== siteOf(site)) throw new UserError(`${kind} hits a whole site; write ${siteOf(site)}`);
  const place = onlyPlaceOf(kind, pods);
  if (place !== undefined && site !== place)
    throw new UserError(
      `${kind} hits the ${place === pods[0] ? "primary catalog" : "site with a cluster"} alone; write ${place}`,
    );
  if (Number(to) <= Number(from)) throw new UserError(`the end ${to} must be later than the beginning ${from}`);
  return { from: Number(from), to: Number(to), kind, site };
}
