import { areInConflict, type Fault, type FaultKind, hitsSite, kinds, kindsWith, onlyPlaceOf, siteOf } from "./fault";
import { Random } from "./random";

/** What a plan of faults follows from. */
export interface PlanRequest {
  readonly seed: number;
  /** How long the run is. */
  readonly seconds: number;
  /** By site; the primary catalog's first. */
  readonly pods: readonly string[];
  /** Without a fault after each round. */
  readonly quietSeconds: number;
  /** The kinds that are drawn. @default those that need sites alone */
  readonly kinds?: readonly FaultKind[];
}

/** Faults that are on together, from the first beginning to the last end. */
export interface Round {
  readonly from: number;
  readonly to: number;
  readonly faults: readonly Fault[];
}

/** Before the first fault. */
export const leadSeconds = 2;
/** Other faults of a round begin so long after the first, at most. */
const mostOffset = 3;
/** How often each deck has any two faults at a time, and any three. */
const [pairs, triples] = [5, 3];

type Recipe = (random: Random, pods: readonly string[]) => readonly Fault[];

/** What a deck of rounds has: each kind by itself, the primary gone, two sites gone, and any two and three faults at a time. */
function recipesOf(drawn: readonly FaultKind[]): readonly Recipe[] {
  return [
    ...drawn.map((kind): Recipe => (random, pods) => [draw(random, kind, pods)]),
    (random, pods) => [drawAt(random, "away", pods[0] ?? "")],
    (random, pods) => {
      const [one = "", other = ""] = random.shuffled([...new Set(pods.map(siteOf))]);
      return [drawAt(random, "away", one), later(random, drawAt(random, "away", other))];
    },
    ...Array.from({ length: pairs }, (): Recipe => together(2, drawn)),
    ...Array.from({ length: triples }, (): Recipe => together(3, drawn)),
  ];
}

/** Faults for a run, in rounds with quiet gaps between and after them. The same request gives the same plan. */
export function planFaults(request: PlanRequest): readonly Fault[] {
  const { seed, seconds, pods, quietSeconds } = request;
  const random = new Random(seed);
  const drawn = request.kinds ?? kindsWith([]);
  const recipes = recipesOf(drawn);
  const faults: Fault[] = [];
  let deck: Recipe[] = [];
  for (let at = leadSeconds; ;) {
    if (deck.length === 0) deck = random.shuffled(recipes);
    const round = (deck.pop() ?? together(2, drawn))(random, pods).map((fault) => shifted(fault, at));
    const end = Math.max(...round.map(({ to }) => to));
    if (end + quietSeconds > seconds) return faults;
    faults.push(...round);
    at = tenth(end + quietSeconds);
  }
}

/** The rounds of a script: what lies no further apart than a quiet gap belongs together. */
export function roundsOf(faults: readonly Fault[], quietSeconds: number): readonly Round[] {
  const rounds: Round[] = [];
  for (const fault of [...faults].sort((a, b) => a.from - b.from)) {
    const last = rounds.at(-1);
    // A tenth less: sums of tenths are not exact.
    if (last === undefined || fault.from - last.to > quietSeconds - 0.1)
      rounds.push({ from: fault.from, to: fault.to, faults: [fault] });
    else rounds.splice(-1, 1, { ...last, to: Math.max(last.to, fault.to), faults: [...last.faults, fault] });
  }
  return rounds;
}

/** So many faults that can be on at a time, of one site or of several. */
function together(count: number, drawn: readonly FaultKind[]): Recipe {
  return (random, pods) => {
    const faults = [draw(random, random.pick(drawn), pods)];
    while (faults.length < count) {
      const next = later(random, draw(random, random.pick(drawn), pods));
      const isFree = faults.every((each) => !areInConflict({ ...each, from: 0, to: mostOffset + each.to }, next));
      if (isFree) faults.push(next);
    }
    return faults;
  };
}

/** A fault from second 0 on, of any pod or site that it can be of. */
function draw(random: Random, kind: FaultKind, pods: readonly string[]): Fault {
  const pod = random.pick(pods);
  return drawAt(random, kind, onlyPlaceOf(kind, pods) ?? (hitsSite(kind) ? siteOf(pod) : pod));
}

function drawAt(random: Random, kind: FaultKind, site: string): Fault {
  const [least, most] = kinds[kind].seconds;
  return { from: 0, to: random.tenths(least, most), kind, site };
}

function later(random: Random, fault: Fault): Fault {
  return shifted(fault, random.tenths(0, mostOffset));
}

/** The same fault so many seconds later. */
export function shifted(fault: Fault, seconds: number): Fault {
  return { ...fault, from: tenth(fault.from + seconds), to: tenth(fault.to + seconds) };
}

function tenth(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
