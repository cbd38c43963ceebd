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

/** Rules that an answer can break. */
export const answerRules = {
  absent: "a name that exists never gets NXDOMAIN",
  empty: "a name that exists never gets an empty answer",
  gone: "a zone that nobody removed is never refused by a server that is up",
  older: "no record goes back to an older value at a server",
  serial: "no SOA serial goes backwards at a server",
  invented: "no record has a value that nobody gave it",
} as const;

/** What is wrong with an answer. */
export interface Wrong {
  readonly rule: keyof typeof answerRules;
  readonly detail: string;
}

/** Names of a zone that get new numbers again and again; every other change makes a name that keeps its number. */
const counters = 4;

interface ZoneHistory {
  readonly owner: string;
  attempted: number;
  /** Highest number of each name that was acknowledged, and so must be there or be followed by a higher one. */
  readonly acknowledged: Map<string, number>;
  /** Its names. */
  readonly names: string[];
}

/**
 * What was changed and acknowledged, and what each server has shown: all that the observer knows, none of it from the mesh's
 * own reports. A server's answer to a question must not be behind what was known when the question was sent.
 */
export class History {
  readonly #zones: ReadonlyMap<string, ZoneHistory>;
  readonly #floors = new Map<string, number>();
  #acknowledged = 0;

  /** @param owners - names of zones that get changes, with their owners' names */
  constructor(owners: ReadonlyMap<string, string>) {
    this.#zones = new Map(
      [...owners].map(([zone, owner]) => [zone, { owner, attempted: -1, acknowledged: new Map(), names: [] }]),
    );
  }

  /** How many changes were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  get zones(): readonly string[] {
    return [...this.#zones.keys()];
  }

  /** The next change of a zone, which counts as attempted from now on: it may be there also when nobody acknowledges it. */
  attempt(zone: string): Change {
    const number = ++this.#zone(zone).attempted;
    const host = number % 2 === 0 ? `count-${(number / 2) % counters}` : `made-${number}`;
    return { zone, name: `${host}.${zone}`, number };
  }

  /** The owner said that it has the change, and so must show it from now on. */
  acknowledge({ zone, name, number }: Change): void {
    const history = this.#zone(zone);
    this.#acknowledged += 1;
    if (!history.acknowledged.has(name)) history.names.push(name);
    history.acknowledged.set(name, number);
    this.#raise(history.owner, { zone, name, type: "TXT" }, number);
  }

  /** Names of a zone that exist. */
  names(zone: string): readonly string[] {
    return this.#zone(zone).names;
  }

  /** Acknowledged names of a zone with their numbers, as they are now. */
  wanted(zone: string): ReadonlyMap<string, number> {
    return new Map(this.#zone(zone).acknowledged);
  }

  floor(site: string, question: Question): Floor {
    return this.#floors.get(keyOf(site, question));
  }

  /**
   * Judges an answer, and remembers what it shows.
   *
   * @param floor - as it was when the question was sent: answers may overtake each other.
   */
  judge(
    site: string,
    { question, floor, answer }: { question: Question; floor: Floor; answer: Message },
  ): Wrong | undefined {
    if (answer.rcode === rcodes.NXDOMAIN)
      return floor === undefined ? undefined : { rule: "absent", detail: "NXDOMAIN" };
    if (answer.rcode !== rcodes.NOERROR) return { rule: "gone", detail: rcodeName(answer.rcode) };
    if (!answer.flags.aa) return { rule: "gone", detail: "an answer without authority" };
    const value = valueIn(question, answer.answers);
    if (value === undefined) return floor === undefined ? undefined : { rule: "empty", detail: "no record" };
    if (question.type === "TXT" && value > this.#zone(question.zone).attempted)
      return { rule: "invented", detail: `${value}` };
    if (floor !== undefined && isBehind(question.type, value, floor))
      return { rule: question.type === "SOA" ? "serial" : "older", detail: `${value} after ${floor}` };
    this.#raise(site, question, value);
    return undefined;
  }

  /** Takes what a site's whole copy of a zone shows. */
  learn(site: string, zone: string, copy: ReadonlyMap<string, number>): void {
    for (const [name, number] of copy) this.#raise(site, { zone, name, type: "TXT" }, number);
  }

  #raise(site: string, question: Question, value: number): void {
    const key = keyOf(site, question);
    const before = this.#floors.get(key);
    if (before === undefined || isBehind(question.type, before, value)) this.#floors.set(key, value);
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

/** Names whose acknowledged change a copy of the zone has neither nor a later one in its place. */
export function missingFrom(copy: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>): readonly string[] {
  return [...wanted].filter(([name, number]) => (copy.get(name) ?? -1) < number).map(([name]) => name);
}

function valueIn({ name, type }: Question, answers: readonly ResourceRecord[]): number | undefined {
  const record = answers.find((each) => each.name === name && each.type === type);
  if (record?.type === "SOA") return record.serial;
  return record?.type === "TXT" ? Number(record.strings[0]) : undefined;
}

function isBehind(type: Question["type"], value: number, floor: number): boolean {
  return type === "SOA" ? isNewerSerial(floor, value) : value < floor;
}

function keyOf(site: string, { name, type }: Question): string {
  return `${site} ${type} ${name}`;
}
