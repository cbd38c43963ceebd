import { UserError } from "../../src/base/errors";

/** What of a site a fault takes. Two faults of one site that overlap must take different things. */
type Part = "knot" | "agent" | "link";

/** Every kind of fault, what it takes, and for how many seconds the plan lets it last. */
export const kinds = {
  /** SIGKILL of knotd, which is started again at the end, as its container is. */
  "kill-knot": { parts: ["knot"], seconds: [1, 4] },
  /** SIGSTOP, and SIGCONT at the end. */
  "stop-knot": { parts: ["knot"], seconds: [3, 10] },
  "kill-agent": { parts: ["agent"], seconds: [1, 4] },
  "stop-agent": { parts: ["agent"], seconds: [3, 10] },
  /** Both are killed; at the end the pod starts, its init container first. */
  away: { parts: ["knot", "agent"], seconds: [4, 12] },
  /** Packets both ways are lost, or only those to the site, or from it. */
  cut: { parts: ["link"], seconds: [4, 12] },
  "cut-in": { parts: ["link"], seconds: [4, 12] },
  "cut-out": { parts: ["link"], seconds: [4, 12] },
  /** 30 % of the packets each way are lost. */
  loss: { parts: ["link"], seconds: [6, 12] },
  /** Every packet takes 500 ms longer, each way. */
  delay: { parts: ["link"], seconds: [6, 12] },
} as const satisfies Record<string, { readonly parts: readonly Part[]; readonly seconds: readonly [number, number] }>;

/** Name of a kind of fault. */
export type FaultKind = keyof typeof kinds;

/** All of them. */
export const kindNames = Object.keys(kinds) as readonly FaultKind[];

/** One fault of one site, from a beginning to an end, in seconds from the start. */
export interface Fault {
  readonly from: number;
  readonly to: number;
  readonly kind: FaultKind;
  readonly site: string;
}

/** Whether two faults take the same thing of the same site at the same time. */
export function areInConflict(one: Fault, other: Fault): boolean {
  const taken: readonly Part[] = kinds[other.kind].parts;
  const isShared = one.site === other.site && kinds[one.kind].parts.some((part) => taken.includes(part));
  return isShared && one.from <= other.to && other.from <= one.to;
}

/** A script of faults, one a line: beginning, end, kind and site. {@link parseFaults} reads it. */
export function formatFaults(faults: readonly Fault[]): string {
  const lines = faults.map(({ from, to, kind, site }) => `${from.toFixed(1)} ${to.toFixed(1)} ${kind} ${site}\n`);
  return lines.join("");
}

/**
 * Reads a script of faults; what follows # is a remark.
 *
 * @param sites - there are
 * @throws UserError with every line that is wrong.
 */
export function parseFaults(text: string, sites: readonly string[]): readonly Fault[] {
  const problems: string[] = [];
  const faults: Fault[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") continue;
    try {
      const fault = parseFault(words, sites);
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

function parseFault(words: string, sites: readonly string[]): Fault {
  const fields = /^(\d+(?:\.\d+)?) +(\d+(?:\.\d+)?) +(\S+) +(\S+)$/.exec(words);
  if (fields === null) throw new UserError(`"${words}" must be FROM TO KIND SITE, for example "3 7.5 cut site-b"`);
  const [, from = "", to = "", name = "", site = ""] = fields;
  const kind = kindNames.find((each) => each === name);
  if (kind === undefined) throw new UserError(`unknown kind "${name}"; there are ${kindNames.join(", ")}`);
  if (!sites.includes(site)) throw new UserError(`there is no site "${site}"; there are ${sites.join(", ")}`);
  if (Number(to) <= Number(from)) throw new UserError(`the end ${to} must be later than the beginning ${from}`);
  return { from: Number(from), to: Number(to), kind, site };
}
