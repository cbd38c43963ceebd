import type { TsigKey } from "../dns/tsig-key";
import type { RingDocument, RingKey } from "./ring-document";
import type { RotationSettings } from "./rotation-settings";

/** Seconds between two looks of an agent at the ring, at the most. */
export const longestPollSeconds = 20;

/** Seconds by which clocks of sites may differ: what TSIG itself bears (RFC 8945 section 5.2.3). */
export const mostSkewSeconds = 300;

/** Seconds after which a written ring is at every site that reaches it, whatever its clock says. */
const defaultMarginSeconds = 2 * longestPollSeconds + mostSkewSeconds;

/** Who answered a question that was signed with a key, by the sites' names. */
export interface KeyAnswers {
  readonly key: string;
  readonly answered: readonly string[];
  readonly silent: readonly string[];
}

/**
 * - `stamp`: keys that came without times get them.
 * - `start`: a next key is made.
 * - `schedule`: it is decided from when on the next key signs.
 * - `promote`: the next key is the current one, the current one the previous.
 * - `drop`: the previous key goes.
 */
export type RotationStep = "stamp" | "start" | "schedule" | "promote" | "drop";

/** What is to be done with a ring, and why, in words that hold no secret. */
export type RotationPlan =
  | { readonly kind: "nothing"; readonly reason: string }
  | {
      readonly kind: "write";
      readonly step: RotationStep;
      readonly document: RingDocument;
      readonly reason: string;
    };

/** What {@link planRotation} goes by. */
export interface RotationInput {
  readonly document: RingDocument;
  /** Answers to questions that were signed with `next`; undefined when none was asked. */
  readonly answers?: KeyAnswers;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly settings: RotationSettings;
  /** A fresh key, should one be needed. */
  readonly fresh: TsigKey;
  /** Whether somebody asked for a rotation now. */
  readonly asked: boolean;
}

/**
 * The next step of a rotation. Each leads to a ring under which sites accept each other as long as their copies are at
 * most one step apart and their clocks within {@link mostSkewSeconds}:
 *
 * | ring | step | when |
 * |---|---|---|
 * | current | start | current is old enough, or somebody asked |
 * | current, next | schedule | every site answered to next, or patience is over |
 * | current, next with its time | promote | a margin after that time |
 * | previous, current | drop | previous is accepted no longer |
 */
export function planRotation(input: RotationInput): RotationPlan {
  const { document, now, settings, asked } = input;
  const { previous, current, next } = document;
  if (current.createdAt === undefined || (previous !== undefined && previous.acceptUntil === undefined))
    return stamp(input);
  if (next !== undefined) return advance(input, next);
  if (previous !== undefined && isReached(previous.acceptUntil, now)) {
    const reason = `${previous.name} is accepted no longer`;
    return { kind: "write", step: "drop", document: { version: 1, current }, reason };
  }
  const due = later(Date.parse(current.createdAt), settings.every);
  if (!asked && due > now) return nothing(`${current.name} signs until a rotation begins at ${iso(due)}`);
  const started = { ...without(document, now), next: { ...input.fresh, createdAt: iso(now) } };
  const why = asked ? "a rotation was asked for" : `${current.name} was made at ${current.createdAt}`;
  const reason = `${why}: ${input.fresh.name} is the next key, and waits until all sites have it`;
  return { kind: "write", step: "start", document: started, reason };
}

/** Keys from elsewhere have no times: they count from now on. A next one is dropped, since no site signs with it yet. */
function stamp({ document, now, settings }: RotationInput): RotationPlan {
  const { previous, current, next } = document;
  const until = previous?.acceptUntil ?? iso(later(now, settings.overlap));
  const stamped: RingDocument = {
    version: 1,
    ...(previous && { previous: { ...previous, acceptUntil: until } }),
    current: { ...current, createdAt: current.createdAt ?? iso(now) },
    ...((next?.createdAt ?? next?.signFrom) !== undefined && next && { next }),
  };
  return { kind: "write", step: "stamp", document: stamped, reason: `the age of ${current.name} counts from now on` };
}

function advance(input: RotationInput, next: RingKey): RotationPlan {
  const { document, now, settings } = input;
  if (next.signFrom === undefined) return schedule(input, next);
  const margin = marginOf(settings);
  const due = later(Date.parse(next.signFrom), margin);
  if (due > now) return nothing(`${next.name} signs from ${next.signFrom}, and is the current key from ${iso(due)} on`);
  const { signFrom, ...current } = next;
  const acceptUntil = iso(later(Date.parse(signFrom), Math.max(settings.overlap, 2 * margin)));
  return {
    kind: "write",
    step: "promote",
    document: { version: 1, previous: { ...document.current, acceptUntil }, current },
    reason: `${next.name} is the current key; ${document.current.name} is accepted until ${acceptUntil}`,
  };
}

function schedule({ document, answers, now, settings }: RotationInput, next: RingKey): RotationPlan {
  if (answers?.key !== next.name) return nothing(`no site was asked yet whether ${next.name} is there`);
  const { silent } = answers;
  const patience = later(next.createdAt === undefined ? now : Date.parse(next.createdAt), settings.patience);
  if (silent.length > 0 && patience > now)
    return nothing(`${next.name} waits for ${silent.join(", ")}, and no longer than until ${iso(patience)}`);
  const signFrom = iso(later(now, marginOf(settings)));
  const who = silent.length === 0 ? "all sites have it" : `patience is over; it goes on without ${silent.join(", ")}`;
  return {
    kind: "write",
    step: "schedule",
    document: { ...without(document, now), next: { ...next, createdAt: next.createdAt ?? iso(now), signFrom } },
    reason: `${next.name} signs from ${signFrom}: ${who}`,
  };
}

/** The document without a previous key that is accepted no longer. */
function without({ previous, current }: RingDocument, now: number): RingDocument {
  const kept = previous !== undefined && !isReached(previous.acceptUntil, now);
  return { version: 1, ...(kept && { previous }), current };
}

function marginOf({ margin }: RotationSettings): number {
  return margin ?? defaultMarginSeconds;
}

function nothing(reason: string): RotationPlan {
  return { kind: "nothing", reason };
}

function isReached(time: string | undefined, now: number): boolean {
  return time !== undefined && Date.parse(time) <= now;
}

function later(milliseconds: number, seconds: number): number {
  return milliseconds + seconds * 1000;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
