import { isWithin } from "../base/names";
import { compareText } from "../base/text";
import { typeNameOf } from "../dns/rdata";
import type { ResourceRecord } from "../dns/record";
import { mailFindings } from "./lint-mail";

/** What may be wrong with a zone beyond its syntax. `error` breaks resolution, `warning` most likely is not what was meant. */
export interface LintFinding {
  readonly severity: "error" | "warning";
  readonly rule: LintRule;
  readonly zone: string;
  readonly name: string;
  readonly type: string;
  readonly message: string;
}

/** Rules by their names. */
export type LintRule =
  | "dangling-target"
  | "target-is-alias"
  | "cname-loop"
  | "cname-and-other"
  | "missing-glue"
  | "lame-ns"
  | "no-ns"
  | "spf-syntax"
  | "dmarc-syntax";

/** A zone with all that is in it. */
export interface LintZone {
  readonly name: string;
  readonly records: readonly ResourceRecord[];
}

/** A finding before its zone is known. */
export type Found = Omit<LintFinding, "zone">;

/** Longest chain of aliases that is followed; resolvers give up sooner. */
const longestChain = 16;

/**
 * Looks across zones: at targets of CNAME, DNAME, MX, SRV and NS within these zones, glue, and the syntax of SPF and DMARC.
 * Names outside of the zones are not judged.
 */
export function lintZones(zones: readonly LintZone[]): readonly LintFinding[] {
  const world = new World(zones);
  return zones
    .flatMap((zone) =>
      [
        ...aliasFindings(zone, world),
        ...targetFindings(zone, world),
        ...delegationFindings(zone, world),
        ...mailFindings(zone),
      ].map((found) => ({ ...found, zone: zone.name })),
    )
    .sort((a, b) => compareText(`${a.severity} ${a.zone} ${a.name}`, `${b.severity} ${b.zone} ${b.name}`));
}

type Resolution = "there" | "absent" | "no address" | "alias" | "outside";

/** All names of the zones, by which targets are looked up as a server would. */
class World {
  readonly #names = new Map<string, ResourceRecord[]>();
  /** Names that have names below them. */
  readonly #inner = new Set<string>();
  readonly #zones: readonly LintZone[];

  constructor(zones: readonly LintZone[]) {
    this.#zones = [...zones].sort((a, b) => b.name.length - a.name.length);
    for (const { name: apex, records } of zones)
      for (const record of records) {
        this.#names.set(record.name, [...(this.#names.get(record.name) ?? []), record]);
        for (let name = parentOf(record.name); name !== undefined && isWithin(name, apex); name = parentOf(name))
          this.#inner.add(name);
      }
  }

  /** The records at a name, or those of the wildcard that stands for it (RFC 4592). */
  at(name: string): readonly ResourceRecord[] {
    const own = this.#names.get(name);
    if (own !== undefined) return own;
    if (this.#inner.has(name)) return [];
    for (let above = parentOf(name); above !== undefined; above = parentOf(above)) {
      const wild = this.#names.get(`*.${above}`);
      if (wild !== undefined) return wild;
      if (this.#names.has(above) || this.#inner.has(above)) return [];
    }
    return [];
  }

  /** What a target is that must have an address. */
  resolve(target: string): Resolution {
    const zone = this.zoneOf(target);
    if (zone === undefined || this.isDelegated(target, zone)) return "outside";
    const records = this.at(target);
    if (records.some(({ type }) => type === "CNAME")) return "alias";
    if (records.some(({ type }) => type === "A" || type === "AAAA")) return "there";
    if (this.#covered(target, zone)) return "outside";
    return records.length > 0 || this.#inner.has(target) ? "no address" : "absent";
  }

  /** The innermost of the zones that a name is in. */
  zoneOf(name: string): LintZone | undefined {
    return this.#zones.find((zone) => isWithin(name, zone.name));
  }

  /** Whether a name is at or below a cut of its zone, so that other servers answer for it. */
  isDelegated(name: string, zone: LintZone): boolean {
    for (let each: string | undefined = name; each !== undefined && each !== zone.name; each = parentOf(each))
      if (this.#names.get(each)?.some(({ type }) => type === "NS") === true) return true;
    return false;
  }

  /** Whether a DNAME above leads elsewhere. */
  #covered(name: string, zone: LintZone): boolean {
    for (let above = parentOf(name); above !== undefined && isWithin(above, zone.name); above = parentOf(above))
      if (this.#names.get(above)?.some(({ type }) => type === "DNAME") === true) return true;
    return false;
  }

  /** Where a chain of aliases ends; a loop where it does not. */
  follow(start: string): { readonly end: string; readonly isLoop: boolean } {
    const seen = new Set<string>();
    let name = start;
    for (let step = 0; step < longestChain; step++) {
      if (seen.has(name)) return { end: name, isLoop: true };
      seen.add(name);
      const alias = this.at(name).find((record) => record.type === "CNAME");
      if (alias?.type !== "CNAME") return { end: name, isLoop: false };
      name = alias.target;
    }
    return { end: name, isLoop: true };
  }

  /** Whether anything is at a name, of whatever type. */
  exists(name: string): boolean {
    return this.at(name).length > 0 || this.#inner.has(name);
  }
}

function aliasFindings({ records }: LintZone, world: World): readonly Found[] {
  return records.flatMap((record): readonly Found[] => {
    if (record.type !== "CNAME") return [];
    const base = { name: record.name, type: "CNAME" };
    const others = world.at(record.name).filter((other) => !besideCname.has(typeNameOf(other)));
    if (others.length > 0)
      return [
        {
          ...base,
          severity: "error",
          rule: "cname-and-other",
          message: `a CNAME stands beside ${typeNameOf(others[0] ?? record)} (RFC 1034 section 3.6.2)`,
        },
      ];
    const { end, isLoop } = world.follow(record.name);
    if (isLoop)
      return [
        {
          ...base,
          severity: "error",
          rule: "cname-loop",
          message: `the chain of aliases comes back to ${end} or does not end`,
        },
      ];
    const zone = world.zoneOf(end);
    const isKnown = zone !== undefined && !world.isDelegated(end, zone);
    if (!isKnown || world.exists(end) || world.resolve(end) === "outside") return [];
    return [{ ...base, severity: "error", rule: "dangling-target", message: `${end} does not exist` }];
  });
}

/** Types that may stand beside a CNAME (RFC 4034 section 3, RFC 4035 section 2.5). */
const besideCname: ReadonlySet<string> = new Set(["CNAME", "RRSIG", "NSEC", "NSEC3"]);

function targetFindings({ records }: LintZone, world: World): readonly Found[] {
  return records.flatMap((record): readonly Found[] => {
    const target = targetOf(record);
    // The root as a target says that there is no service (RFC 7505, RFC 2782).
    if (target === undefined || target === "") return [];
    const base = { name: record.name, type: record.type };
    switch (world.resolve(target)) {
      case "absent":
        return [{ ...base, severity: "error", rule: "dangling-target", message: `${target} does not exist` }];
      case "no address":
        return [{ ...base, severity: "error", rule: "dangling-target", message: `${target} has no address` }];
      case "alias":
        return [
          {
            ...base,
            severity: "warning",
            rule: "target-is-alias",
            message: `${target} is an alias, which ${record.type} may not name (RFC 2181 section 10.3)`,
          },
        ];
      default:
        return [];
    }
  });
}

function targetOf(record: ResourceRecord): string | undefined {
  if (record.type === "MX") return record.exchange;
  return record.type === "SRV" ? record.target : undefined;
}

function delegationFindings(zone: LintZone, world: World): readonly Found[] {
  const servers = zone.records.flatMap((record) =>
    record.type === "NS" ? [{ name: record.name, target: record.target }] : [],
  );
  const apex: readonly Found[] = servers.some(({ name }) => name === zone.name)
    ? []
    : [
        {
          severity: "error",
          rule: "no-ns",
          name: zone.name,
          type: "NS",
          message: "the zone has no NS record at its apex",
        },
      ];
  return [...apex, ...servers.flatMap((record) => serverFindings(record, zone, world))];
}

function serverFindings(
  { name, target }: { readonly name: string; readonly target: string },
  zone: LintZone,
  world: World,
): readonly Found[] {
  const base = { name, type: "NS" };
  const addresses = zone.records.some((each) => each.name === target && (each.type === "A" || each.type === "AAAA"));
  const needsGlue = isWithin(target, name);
  if (needsGlue && !addresses)
    return [
      {
        ...base,
        severity: "error",
        rule: "missing-glue",
        message: `${target} is within what it serves, and has no address in ${zone.name}`,
      },
    ];
  const resolution = world.resolve(target);
  if (resolution === "absent" || resolution === "no address")
    return [
      {
        ...base,
        severity: "error",
        rule: "lame-ns",
        message: `${target} ${resolution === "absent" ? "does not exist" : "has no address"}`,
      },
    ];
  if (resolution === "alias")
    return [
      {
        ...base,
        severity: "error",
        rule: "lame-ns",
        message: `${target} is an alias, which NS may not name (RFC 2181 section 10.3)`,
      },
    ];
  return [];
}

function parentOf(name: string): string | undefined {
  if (name === "") return undefined;
  const dot = /^(?:[^.\\]|\\.)*\./.exec(name)?.[0].length;
  return dot === undefined ? "" : name.slice(dot);
}
