import type { Message } from "../../src/dns/message";
import type { ResourceRecord } from "../../src/dns/record";
import { isNewerSerial } from "../../src/dns/serial";
import { rcodeName, rcodes } from "../../src/dns/types";

/** A change of a zone: its name has a TXT record with this number from then on. */
export interface Change {
  readonly zone: string;
  readonly name: string;
  readonly number: number;
}

/** Something that every site must answer: a number in a TXT record, or a zone's SOA. */
export interface Question {
  readonly zone: string;
  readonly name: string;
  readonly type: "SOA" | "TXT";
}

/** What a server promised by what it said before: no lower number, no older serial than this. */
export type Floor = number | undefined;

/** What an answer is judged by, as it was when the question was sent: answers may overtake each other. */
export interface Standard {
  readonly floor: Floor;
  /** The number that must have reached the server by then. */
  readonly due: number | undefined;
  /** The same, on a machine that kept the mesh from running for a while. */
  readonly dueAtLast: number | undefined;
  /** Whether the server had shown the zone. */
  readonly isShown: boolean;
  /** Losses that the server was freed by before. */
  readonly losses: number;
}

/** Rules that an answer can break. */
export const answerRules = {
  absent: "a name that exists never gets NXDOMAIN",
  empty: "a name that exists never gets an empty answer",
  gone: "a zone that nobody removed is never refused by a server that is up",
  older: "no record goes back to an older value at a server",
  serial: "no SOA serial goes backwards at a server",
  stale: "no answer is older than the bound while neither the site nor the zone's owner has a fault",
  invented: "no record has a value that nobody gave it",
} as const;

/** What is wrong with an answer. */
export interface Wrong {
  readonly rule: keyof typeof answerRules;
  readonly detail: string;
  /** It is late by less than the machine kept the mesh from running. */
  readonly isWithheld?: boolean;
}

/** By when a change must have been acknowledged to be due. */
export interface Due {
  /** Undefined when nothing is due. */
  readonly since: number | undefined;
  /** Where the machine kept the mesh from running: earlier by so much; undefined when nothing is due then. */
  readonly atLast: number | undefined;
}

/** Names of a zone that get new numbers again and again; every other change makes a name that keeps its number. */
const counters = 4;

/** A number that was acknowledged or answered, and when that was. */
interface Timed {
  readonly number: number;
  readonly at: number;
}

/** Of each name, so many numbers are known with their times. */
const mostKept = 16;
/** Changes that count as the latest of a zone: at three a second, those of twice the time within which they must be everywhere. */
const mostLatest = 32;

interface ZoneHistory {
  readonly owner: string;
  attempted: number;
  /** The latest numbers of each name. */
  readonly times: Map<string, Timed[]>;
  /** Highest number of each name that was acknowledged, and so must be there or be followed by a higher one. */
  readonly acknowledged: Map<string, number>;
  /** Its names. */
  names: string[];
  /** Names of its latest changes. */
  latest: string[];
}

/**
 * What was changed and acknowledged, and what each server has shown: all that the observer knows, none of it from the mesh's
 * own reports. A server's answer to a question must not be behind what was known when the question was sent.
 */
export class History {
  readonly #zones: ReadonlyMap<string, ZoneHistory>;
  /** By server, by question. */
  readonly #floors = new Map<string, Map<string, number>>();
  /** What a server answered last, by server and question: values and when. */
  readonly #trails = new Map<string, readonly Timed[]>();
  /** Zones that a server has shown, by server. */
  readonly #shown = new Map<string, Set<string>>();
  /** Zones that a server may serve with any serial, by server. */
  readonly #released = new Map<string, ReadonlySet<string>>();
  /** Zones of which a server's copies may expire at any moment, by server. */
  readonly #expiring = new Map<string, ReadonlySet<string>>();
  /** How often each server lost its volume, and how often changes were excused. */
  readonly #lost = new Map<string, number>();
  #excused = 0;
  #acknowledged = 0;

  /**
   * @param owners - names of zones that get changes, with their owners' names
   * @param now - milliseconds
   */
  constructor(
    owners: ReadonlyMap<string, string>,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#zones = new Map(
      [...owners].map(([zone, owner]) => [
        zone,
        { owner, attempted: -1, times: new Map(), acknowledged: new Map(), names: [], latest: [] },
      ]),
    );
  }

  /** How many changes were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  get zones(): readonly string[] {
    return [...this.#zones.keys()];
  }

  /**
   * The next change of a zone, which counts as attempted from now on: it may be there also when nobody acknowledges it.
   *
   * @param family - what its name begins with: each who changes a zone has names of its own
   */
  attempt(zone: string, family = ""): Change {
    const number = ++this.#zone(zone).attempted;
    const host = number % 2 === 0 ? `count-${(number / 2) % counters}` : `made-${number}`;
    return { zone, name: `${family}${host}.${zone}`, number };
  }

  /** The owner said that it has the change, and so must show it from now on. */
  acknowledge({ zone, name, number }: Change): void {
    const history = this.#zone(zone);
    this.#acknowledged += 1;
    if (!history.acknowledged.has(name)) history.names.push(name);
    history.latest = [...history.latest, name].slice(-mostLatest);
    history.acknowledged.set(name, number);
    history.times.set(name, [...(history.times.get(name) ?? []), { number, at: this.now() }].slice(-mostKept));
    this.#raise(history.owner, { zone, name, type: "TXT" }, number);
  }

  /** Names of a zone that exist. */
  names(zone: string): readonly string[] {
    return this.#zone(zone).names;
  }

  /** Names of a zone whose changes were acknowledged last: those of which an old copy shows first. */
  latest(zone: string): readonly string[] {
    return this.#zone(zone).latest;
  }

  /** Acknowledged names of a zone with their numbers, as they are now. */
  wanted(zone: string): ReadonlyMap<string, number> {
    return new Map(this.#zone(zone).acknowledged);
  }

  /**
   * What a server must answer to a question that is sent now.
   *
   * @param due - by when a change must have been acknowledged to be due; nothing is when left out
   */
  standard(
    site: string,
    question: Question,
    { since, atLast }: Due = { since: undefined, atLast: undefined },
  ): Standard {
    const times = question.type === "TXT" ? this.#zone(question.zone).times.get(question.name) : undefined;
    const dueBy = (end: number | undefined): number | undefined =>
      end === undefined ? undefined : times?.findLast(({ at }) => at <= end)?.number;
    const isShown = this.#shown.get(site)?.has(question.zone) === true;
    const floor = this.#floors.get(site)?.get(keyOf(question));
    return { floor, due: dueBy(since), dueAtLast: dueBy(atLast), isShown, losses: this.#losses(site) };
  }

  /**
   * Judges an answer, and remembers what it shows. One to a question that was sent before a loss says nothing: what the server
   * was held to when it was sent binds it no more, and a question may wait for a server that starts anew.
   */
  judge(
    site: string,
    { question, standard, answer }: { question: Question; standard: Standard; answer: Message },
  ): Wrong | undefined {
    if (this.#released.get(site)?.has(question.zone) === true) return undefined;
    const { floor, isShown, losses } = standard;
    if (losses !== this.#losses(site)) return undefined;
    const absent = (rule: "absent" | "empty", detail: string): Wrong | undefined =>
      floor === undefined ? lateness(standard, undefined, detail) : { rule, detail };
    if (answer.rcode === rcodes.NXDOMAIN) return absent("absent", "NXDOMAIN");
    const refused = answer.rcode === rcodes.NOERROR ? "an answer without authority" : rcodeName(answer.rcode);
    if (answer.rcode !== rcodes.NOERROR || !answer.flags.aa)
      return isShown ? { rule: "gone", detail: refused } : undefined;
    const values = valuesIn(question, answer.answers);
    const [value] = values;
    if (value === undefined) return absent("empty", "no record");
    if (question.type === "TXT" && value > this.#zone(question.zone).attempted)
      return { rule: "invented", detail: `${value}` };
    const before = this.#note(site, question, value);
    if (floor !== undefined && isBehind(question.type, value, floor))
      return {
        rule: question.type === "SOA" ? "serial" : "older",
        detail: `${values.join(" and ")} after ${floor}${this.#agesOf(before)}`,
      };
    this.#raise(site, question, value);
    return question.type === "TXT" ? lateness(standard, value, String(value)) : undefined;
  }

  /** Notes a value that a server answered. Returns what it answered before, the latest last. */
  #note(site: string, question: Question, number: number): readonly Timed[] {
    const key = `${site} ${keyOf(question)}`;
    const before = this.#trails.get(key) ?? [];
    this.#trails.set(key, [...before, { number, at: this.now() }].slice(-mostKept));
    return before;
  }

  #agesOf(answers: readonly Timed[]): string {
    const now = this.now();
    return answers.map(({ number, at }) => `, ${number} ${Math.round(now - at)} ms ago`).join("");
  }

  /** A server lost its volume: what it showed before binds it no more. */
  forget(site: string): void {
    this.#floors.delete(site);
    this.#shown.delete(site);
    this.#lost.set(site, (this.#lost.get(site) ?? 0) + 1);
  }

  /** A server's copies of zones expire, now or a little later: it may refuse them until {@link settle}, and shows none older than before. */
  expire(site: string, zones: readonly string[]): void {
    this.#expiring.set(site, new Set(zones));
    for (const zone of zones) this.#shown.get(site)?.delete(zone);
  }

  /** A server is made to serve these zones as they were before: what it shows of them counts for nothing until {@link settle}. */
  release(site: string, zones: readonly string[]): void {
    this.#released.set(site, new Set(zones));
    for (const zone of zones) this.#floors.get(site)?.delete(keyOf({ zone, name: zone, type: "SOA" }));
  }

  /** What expired at a server, or was released, is over. */
  settle(site: string): void {
    this.#expiring.delete(site);
    this.#released.delete(site);
  }

  /**
   * The volume of a zone's owner is lost: what was acknowledged and is not in this copy may be gone.
   *
   * @returns how many changes that is.
   */
  excuse(zone: string, copy: ReadonlyMap<string, number>): number {
    const history = this.#zone(zone);
    const lost = missingFrom(copy, history.acknowledged);
    for (const name of lost) {
      const kept = copy.get(name);
      for (const floors of this.#floors.values()) floors.delete(keyOf({ zone, name, type: "TXT" }));
      history.times.delete(name);
      if (kept === undefined) history.acknowledged.delete(name);
      else history.acknowledged.set(name, kept);
    }
    for (const list of ["names", "latest"] as const)
      history[list] = history[list].filter((name) => history.acknowledged.has(name));
    if (lost.length > 0) this.#excused += 1;
    return lost.length;
  }

  /** Somebody said that a server has a change: it must show it from now on. */
  promise(site: string, { zone, name, number }: Change): void {
    this.#raise(site, { zone, name, type: "TXT" }, number);
  }

  /** Takes what a site's whole copy of a zone shows. */
  learn(site: string, zone: string, copy: ReadonlyMap<string, number>): void {
    for (const [name, number] of copy) this.#raise(site, { zone, name, type: "TXT" }, number);
  }

  #raise(site: string, question: Question, value: number): void {
    const key = keyOf(question);
    const floors = this.#floors.get(site) ?? new Map<string, number>();
    this.#floors.set(site, floors);
    const before = floors.get(key);
    if (before === undefined || isBehind(question.type, before, value)) floors.set(key, value);
    if (this.#expiring.get(site)?.has(question.zone) === true) return;
    const shown = this.#shown.get(site) ?? new Set();
    this.#shown.set(site, shown.add(question.zone));
  }

  #losses(site: string): number {
    return this.#excused + (this.#lost.get(site) ?? 0);
  }

  #zone(zone: string): ZoneHistory {
    const history = this.#zones.get(zone);
    if (history === undefined) throw new Error(`${zone} has no history`);
    return history;
  }
}

/** The numbers that a copy of a zone has, by name. */
export function numbersIn(records: readonly ResourceRecord[]): ReadonlyMap<string, number> {
  return new Map(
    records.flatMap((record) => (record.type === "TXT" ? [[record.name, Number(record.strings[0])]] : [])),
  );
}

/** What any of several copies of a zone has: the highest number of each name. */
export function newestOf(copies: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const [name, number] of copies.flatMap((copy) => [...copy]))
    newest.set(name, Math.max(number, newest.get(name) ?? number));
  return newest;
}

/** Names whose acknowledged change a copy of the zone has neither nor a later one in its place. */
export function missingFrom(copy: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>): readonly string[] {
  return [...wanted].filter(([name, number]) => (copy.get(name) ?? -1) < number).map(([name]) => name);
}

/** Whether a value lacks what was due. */
function lateness({ due, dueAtLast }: Standard, value: number | undefined, shown: string): Wrong | undefined {
  const lacks = (wanted: number | undefined): boolean =>
    wanted !== undefined && (value === undefined || value < wanted);
  if (!lacks(due)) return undefined;
  return { rule: "stale", detail: `${shown} in the place of ${due ?? ""}`, isWithheld: !lacks(dueAtLast) };
}

/** Numbers of all records that an answer has of what was asked for. */
function valuesIn({ name, type }: Question, answers: readonly ResourceRecord[]): readonly number[] {
  return answers
    .filter((each) => each.name === name && each.type === type)
    .flatMap((record) => {
      if (record.type === "SOA") return record.serial;
      return record.type === "TXT" ? Number(record.strings[0]) : [];
    });
}

function isBehind(type: Question["type"], value: number, floor: number): boolean {
  return type === "SOA" ? isNewerSerial(floor, value) : value < floor;
}

function keyOf({ name, type }: Question): string {
  return `${type} ${name}`;
}
