import { decide, type Decision, type SiteSight } from "../pools/decision";
import type { Pool, Target } from "../pools/model";
import { beatsUntilSilent } from "../pools/wire";
import type { PoolsLook, ProbingSite, SeenPool } from "./pools-look";

/** A pool in a report. */
export interface PoolReport {
  readonly name: string;
  readonly zone: string;
  readonly type: string;
  /** The site that decides. */
  readonly owner: string;
  /** Why the answer is what it is, as in the condition `Healthy`; missing as long as nothing was decided. */
  readonly verdict: Decision["verdict"] | undefined;
  readonly answer: readonly string[];
  readonly targets: readonly PoolTargetReport[];
}

export interface PoolTargetReport {
  readonly value: string;
  readonly priority: number;
  /** Whether it counts as healthy. */
  readonly healthy: "True" | "False" | "Unknown";
  readonly answered: boolean;
  /** Sites that see it up, and down: of those whose signs of life come. */
  readonly up: readonly string[];
  readonly down: readonly string[];
}

/** What a site says of its own probes. */
export interface ProbesReport {
  readonly site: string;
  readonly zone: string;
  /** Its last sign of life, by its own clock, ISO 8601; missing for a site that probes nothing. */
  readonly lastSign: string | undefined;
  /** Whether that is too long ago: what the site saw does not count. */
  readonly stale: boolean;
}

/** What is wrong with pools: a finding of a status report. */
export interface PoolFinding {
  readonly severity: "wrong" | "unknown";
  readonly site: string;
  readonly zone?: string;
  readonly message: string;
}

/** Milliseconds by which clocks of sites and of this machine may differ before a sign of life passes for old. */
const clocksDifferMs = 30_000;

/** What the zones of pools say, for a report. */
export function poolsReport(look: PoolsLook, now: number) {
  const probes = look.sites.map((site) => probesOf(site, now));
  const silent = silentIn(probes);
  const pools = look.pools.map((pool) => poolOf(pool, silent));
  const findings = [
    ...look.failures.map(({ site, message }): PoolFinding => ({ severity: "unknown", site, message })),
    ...probes.flatMap(staleFinding),
    ...pools.flatMap(healthFinding),
  ];
  return { pools, probes, findings };
}

function silentIn(probes: readonly ProbesReport[]): ReadonlySet<string> {
  return new Set(probes.filter(({ stale }) => stale).map(({ site }) => site));
}

function probesOf({ site, zone, beat }: ProbingSite, now: number): ProbesReport {
  const at = beat === undefined ? Number.NaN : Number(beat.text);
  // A text that is no time of this century is a sign of life all the same, of which nothing can be said.
  const isTime = Number.isInteger(at) && at > 946_684_800_000 && at < 4_102_444_800_000;
  const oldest = now - beatsUntilSilent * (beat?.everyMs ?? 0) - clocksDifferMs;
  return { site, zone, lastSign: isTime ? new Date(at).toISOString() : undefined, stale: isTime && at < oldest };
}

function poolOf({ pool, owner, seen }: SeenPool, silent: ReadonlySet<string>): PoolReport {
  const { name, zone, type, verdict, answer, targets } = pool;
  const heard = [...seen].filter(([site]) => !silent.has(site));
  return {
    ...{ name, zone, type, owner, verdict, answer },
    targets: targets.map(({ value, priority, check = "", healthy }) => {
      const sitesThat = (what: string): readonly string[] =>
        heard
          .filter(([, sight]) => sight.get(check) === what)
          .map(([site]) => site)
          .toSorted();
      return {
        ...{ value, priority, healthy: healthy === undefined ? "Unknown" : healthy ? "True" : "False" },
        ...{ answered: answer.includes(value), up: sitesThat("up"), down: sitesThat("down") },
      };
    }),
  };
}

function staleFinding({ site, zone, lastSign, stale }: ProbesReport): readonly PoolFinding[] {
  if (!stale) return [];
  const message = `${site} does not say what it sees of pools' targets: its last sign of life in ${zone} is of ${lastSign ?? ""}, and its own pools keep their last answers`;
  return [{ severity: "wrong", site, zone, message }];
}

function healthFinding({ name, type, zone, owner: site, verdict, answer }: PoolReport): readonly PoolFinding[] {
  const stays = `the pool ${name} ${type} keeps its last answer (${answer.join(", ") || "none"})`;
  switch (verdict) {
    case "NoneHealthy":
      return [{ severity: "wrong", site, zone, message: `${stays}: no site sees a healthy target` }];
    case "TooFewHealthy":
      return [{ severity: "wrong", site, zone, message: `${stays}: fewer targets are healthy than it asks for` }];
    case "NotProbed":
      return [{ severity: "unknown", site, zone, message: `${stays}: not every target is probed yet, or may be` }];
    case "Healthy":
    case undefined:
      return [];
  }
}

/** What is taken away to see what would be. */
export interface Vanished {
  readonly sites: readonly string[];
  /** Values of targets, which every site then sees down. */
  readonly targets: readonly string[];
}

/** What a pool's answer would be. */
export interface WouldBe {
  readonly answer: readonly string[];
  readonly verdict: Decision["verdict"] | undefined;
  /** What is to be known of it. */
  readonly note?: string;
}

/**
 * What would be decided on a pool without these, by the very function that decides, from where it stands now. Undefined where its
 * checks could not be read.
 */
export function wouldBe(seenPool: SeenPool, gone: Vanished, probes: readonly ProbesReport[]): WouldBe | undefined {
  const { owner, pool: published, seen } = seenPool;
  if (gone.sites.includes(owner))
    return { answer: published.answer, verdict: published.verdict, note: `${owner} decides on it: it stays as it is` };
  const pool = decidedPool(seenPool);
  if (pool === undefined) return undefined;
  const silent = silentIn(probes);
  const sights = [...seen].flatMap(([site, sight]): SiteSight[] => {
    if (gone.sites.includes(site) || silent.has(site)) return [];
    return [
      {
        site,
        seen: published.targets.map(({ value, check = "" }) => {
          const what = sight.get(check);
          return what !== undefined && gone.targets.includes(value) ? "down" : what;
        }),
      },
    ];
  });
  const targets = new Map(
    published.targets.map(({ value, healthy }) => [
      value,
      { isHealthy: healthy, since: 0, falls: [], risingSince: undefined },
    ]),
  );
  const memory = { targets, answer: published.answer };
  const { answer = published.answer, verdict } = decide(pool, { memory, sights, now: Date.parse("2000-01-01") });
  const unchecked = published.targets.filter(({ value, check }) => check === undefined && gone.targets.includes(value));
  const note = unchecked.map(({ value }) => `${value} has no check: nobody would see it go`).join("; ");
  return { answer, verdict, ...(note !== "" && { note }) };
}

function decidedPool({ pool, checks }: SeenPool): Pool | undefined {
  const { name, zone, type, strategy, minHealthy } = pool;
  const targets: Target[] = [];
  for (const { value, priority, check: id } of pool.targets) {
    const check = id === undefined ? undefined : checks.get(id);
    if (id !== undefined && check === undefined) return undefined;
    targets.push({ value, priority, ...(check && { check }) });
  }
  return { name, zone, type, strategy, minHealthy, targets, ttl: 0 };
}
