import { compareText } from "../base/text";
import type { Pool, Seen, Target } from "./model";

/** What one site sees of a pool's targets, by their place in the pool. */
export interface SiteSight {
  readonly site: string;
  readonly seen: readonly (Seen | undefined)[];
}

/** What is remembered of a target from one decision to the next. */
interface TargetMemory {
  /** Undefined as long as no vote decided. */
  readonly isHealthy: boolean | undefined;
  /** Since when it is in the pool. */
  readonly since: number;
  /** When it fell, within {@link flapWindowMs}. */
  readonly falls: readonly number[];
  /** Since when votes have been for a target that is down. */
  readonly risingSince: number | undefined;
}

/** What is remembered of a pool. All times are milliseconds since 1970. */
export interface PoolMemory {
  readonly targets: ReadonlyMap<string, TargetMemory>;
  /** Values of the last answer; none before there was one. */
  readonly answer: readonly string[];
}

/**
 * Why the answer is what it is.
 *
 * - `Healthy`: enough targets are.
 * - `TooFewHealthy`: fewer than `minHealthy` are, and the last answer that had enough stays.
 * - `NoneHealthy`: every site that sees anything sees no healthy target, and the last answer stays.
 * - `NotProbed`: no site says anything of any target: the last answer stays, or all targets are in it.
 */
export type Verdict = "Healthy" | "TooFewHealthy" | "NoneHealthy" | "NotProbed";

/** What is said of one target. */
export interface TargetVerdict {
  readonly value: string;
  readonly isHealthy: boolean | undefined;
  readonly isDamped: boolean;
  readonly up: readonly string[];
  readonly down: readonly string[];
}

export interface Decision {
  readonly memory: PoolMemory;
  /** Values that are to be answered, in the pool's order. Undefined while it is too early to say: what is there stays. */
  readonly answer: readonly string[] | undefined;
  readonly verdict: Verdict;
  readonly targets: readonly TargetVerdict[];
  /** Sites that see no healthy target, and do not count. */
  readonly distrusted: readonly string[];
  /** When to decide again although nothing changed. */
  readonly againAt?: number;
}

/** Time for first probes and votes to come in, before a decision does without them. */
export const graceMs = 10_000;
/** A target that falls so often within this time comes back later each time. */
const flapWindowMs = 600_000;
const fallsUntilDamped = 3;
const [firstDampMs, longestDampMs] = [30_000, 300_000];

/** Of a pool of which nothing is remembered, but for what is answered now. */
export function freshMemory(answer: readonly string[] = []): PoolMemory {
  return { targets: new Map(), answer };
}

/**
 * Decides what a pool's name leads to. A target's health turns by the majority of those sites that see it and that see anything
 * healthy in the pool at all; without a majority it stays. There is an answer always once there was one.
 *
 * @param sights - Of the sites that can be heard now.
 */
export function decide(
  pool: Pool,
  { memory, sights, now }: { readonly memory: PoolMemory; readonly sights: readonly SiteSight[]; readonly now: number },
): Decision {
  // A target without a check may be what the others are down for: its site is believed.
  const isAllChecked = pool.targets.every(({ check }) => check !== undefined);
  const distrusted = sights.filter(({ seen }) => isAllChecked && seen.includes("down") && !seen.includes("up"));
  const trusted = sights.filter((sight) => !distrusted.includes(sight));
  const votesOf = (i: number, from: readonly SiteSight[], what: Seen): readonly string[] =>
    from.flatMap(({ site, seen }) => (seen[i] === what ? [site] : [])).toSorted(compareText);
  const targets = new Map<string, TargetMemory>();
  const wakes: number[] = [];
  const verdicts = pool.targets.map((target, i): TargetVerdict => {
    const [up, down] = [votesOf(i, trusted, "up").length, votesOf(i, trusted, "down").length];
    const before = memory.targets.get(target.value) ?? freshTarget(now);
    const { after, risesAt } = judged(target, { before, balance: up - down, now });
    targets.set(target.value, after);
    if (risesAt !== undefined) wakes.push(risesAt);
    if (after.isHealthy === undefined && after.since + graceMs > now) wakes.push(after.since + graceMs);
    return {
      value: target.value,
      isHealthy: after.isHealthy,
      isDamped: risesAt !== undefined,
      up: votesOf(i, sights, "up"),
      down: votesOf(i, sights, "down"),
    };
  });
  const isBlind = distrusted.length > 0 && trusted.every(({ seen }) => seen.every((each) => each === undefined));
  const { answer, verdict } = answered(pool, { targets, last: memory.answer, isBlind, now });
  return {
    memory: { targets, answer: answer ?? memory.answer },
    answer,
    verdict,
    targets: verdicts,
    distrusted: distrusted.map(({ site }) => site).toSorted(compareText),
    ...(wakes.length > 0 && { againAt: Math.min(...wakes) }),
  };
}

function freshTarget(now: number): TargetMemory {
  return { isHealthy: undefined, since: now, falls: [], risingSince: undefined };
}

/** Where a target stands after votes, and when one that was held back for flapping comes back. */
function judged(
  { check }: Target,
  { before, balance, now }: { readonly before: TargetMemory; readonly balance: number; readonly now: number },
): { readonly after: TargetMemory; readonly risesAt?: number } {
  const falls = before.falls.filter((at) => at > now - flapWindowMs);
  const { since } = before;
  const healthy = { isHealthy: true, since, falls, risingSince: undefined };
  if (check === undefined) return { after: healthy };
  if (balance === 0) return { after: { ...before, falls, risingSince: undefined } };
  if (balance < 0) {
    const isFall = before.isHealthy === true;
    return { after: { ...healthy, isHealthy: false, falls: isFall ? [...falls, now] : falls } };
  }
  if (before.isHealthy !== false) return { after: healthy };
  const risingSince = before.risingSince ?? now;
  const risesAt = risingSince + dampMs(falls.length);
  return risesAt <= now ? { after: healthy } : { after: { ...before, falls, risingSince }, risesAt };
}

function dampMs(falls: number): number {
  return falls < fallsUntilDamped ? 0 : Math.min(firstDampMs * 2 ** (falls - fallsUntilDamped), longestDampMs);
}

function answered(
  pool: Pool,
  {
    targets,
    last,
    isBlind,
    now,
  }: {
    readonly targets: ReadonlyMap<string, TargetMemory>;
    readonly last: readonly string[];
    readonly isBlind: boolean;
    readonly now: number;
  },
): Pick<Decision, "answer" | "verdict"> {
  const healthOf = ({ value }: Target): boolean | undefined => targets.get(value)?.isHealthy;
  const healthy = pool.targets.filter((target) => healthOf(target) === true);
  const unknown = pool.targets.filter((target) => healthOf(target) === undefined);
  const hasEnough = healthy.length >= pool.minHealthy && !isBlind;
  const staying = pool.targets.filter(({ value }) => last.includes(value)).map(({ value }) => value);
  // A target of which nothing is known yet may be the better one, and may be the one that is answered.
  if (unknown.some(({ value }) => (targets.get(value)?.since ?? 0) + graceMs > now))
    return { answer: staying.length > 0 ? staying : undefined, verdict: hasEnough ? "Healthy" : "NotProbed" };
  if (hasEnough) return { answer: chosen(pool, healthy), verdict: "Healthy" };
  // Never empty: where nothing is left of the last answer, all are answered as if they were healthy.
  const answer = staying.length > 0 ? staying : chosen(pool, pool.targets);
  if (isBlind) return { answer, verdict: "NoneHealthy" };
  if (healthy.length > 0) return { answer, verdict: "TooFewHealthy" };
  return { answer, verdict: unknown.length === pool.targets.length ? "NotProbed" : "NoneHealthy" };
}

/** What a strategy takes of targets, by their priority until there are enough. Values in the pool's order. */
function chosen({ strategy, minHealthy, type }: Pool, from: readonly Target[]): readonly string[] {
  if (strategy === "all") return from.map(({ value }) => value);
  const taken: Target[] = [];
  for (const priority of [...new Set(from.map((target) => target.priority))].toSorted((a, b) => a - b)) {
    if (taken.length >= minHealthy) break;
    taken.push(...from.filter((target) => target.priority === priority));
  }
  const values = from.filter((target) => taken.includes(target)).map(({ value }) => value);
  // A name has one CNAME.
  return type === "CNAME" ? values.slice(0, 1) : values;
}
