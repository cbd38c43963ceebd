import { UserError } from "../base/errors";
import { isAbsoluteName, nameFromText } from "../dns/fields";
import { isSubdomain } from "../dns/name";
import { parseRdata, readsType } from "../dns/rdata";
import { looksLikeTtl, ttlFromText } from "../dns/ttl";
import type { ResourceRecord } from "../dns/record";
import type { Token } from "../dns/tokens";
import { foldName } from "../base/names";
import { generateLines } from "./generate";
import { atLine, EntryReader, type Entry } from "./zone-lines";

/** A record of a zone file and where it stands. */
export interface ZoneFileRecord {
  readonly line: number;
  readonly record: ResourceRecord;
}

/** Something in a zone file that is not among its records. */
export interface LeftOut {
  readonly line: number;
  readonly why: string;
}

export interface ZoneFile {
  readonly zone: string;
  readonly records: readonly ZoneFileRecord[];
  readonly leftOut: readonly LeftOut[];
}

/** More problems than that tell nothing new. */
const mostProblems = 20;

/**
 * Reads a zone file (RFC 1035 section 5, RFC 2308 section 4, BIND's `$GENERATE`).
 *
 * Records outside of the zone and types whose data has no reader are left out and told.
 *
 * @param zone - Its name, when neither `$ORIGIN` nor an absolute SOA record says it.
 * @throws UserError with all that is wrong, each with its line.
 */
export function readZoneFile(text: string, zone?: string): ZoneFile {
  return new ZoneFileReader(zone).read(text);
}

interface Fields {
  readonly owner: string;
  readonly ttl: number | undefined;
  readonly type: string;
  readonly data: readonly Token[];
}

class ZoneFileReader {
  #origin: string | undefined;
  #zone: string | undefined;
  #owner: string | undefined;
  #defaultTtl: number | undefined;
  #lastTtl: number | undefined;
  readonly #records: ZoneFileRecord[] = [];
  readonly #leftOut: LeftOut[] = [];
  readonly #problems: string[] = [];

  constructor(private readonly named: string | undefined) {
    this.#zone = this.#origin = named === undefined ? undefined : foldName(named);
  }

  read(text: string): ZoneFile {
    this.#readAll(text);
    const [first] = this.#problems;
    if (first !== undefined) throw new UserError(this.#problems.join("\n"));
    const zone = this.#zone;
    if (zone === undefined)
      throw new UserError("there is no record, and nothing says the zone: --zone NAME, or $ORIGIN");
    const inside = this.#records.filter(({ record }) => isSubdomain(record.name, zone));
    const outside = this.#records.filter(({ record }) => !isSubdomain(record.name, zone));
    const leftOut = outside.map(({ line, record }) => ({ line, why: `${record.name} is not within the zone ${zone}` }));
    return { zone, records: inside, leftOut: [...this.#leftOut, ...leftOut].toSorted((a, b) => a.line - b.line) };
  }

  #readAll(text: string): void {
    try {
      for (const entry of new EntryReader(text).entries()) {
        this.#entry(entry);
        if (this.#problems.length >= mostProblems) return;
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#problems.push(error.message);
    }
  }

  #entry(entry: Entry): void {
    try {
      const [first, ...rest] = entry.tokens;
      const isDirective = !entry.isIndented && first?.isQuoted === false && first.text.startsWith("$");
      if (isDirective) this.#directive(first.text.toUpperCase(), rest, entry.line);
      else this.#record(entry);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#problems.push(atLine(entry.line, error));
    }
  }

  #directive(word: string, rest: readonly Token[], line: number): void {
    const [value] = rest;
    switch (word) {
      case "$ORIGIN":
        if (value === undefined || rest.length > 1) throw new UserError("$ORIGIN wants one name");
        this.#origin = this.#nameOf(value.text);
        this.#zone ??= this.#origin;
        return;
      case "$TTL":
        if (value === undefined || rest.length > 1) throw new UserError("$TTL wants one time, for example $TTL 1h");
        this.#defaultTtl = ttlFromText(value.text, "$TTL");
        return;
      case "$GENERATE":
        for (const made of generateLines(rest))
          for (const { tokens } of new EntryReader(made).entries()) this.#record({ line, isIndented: false, tokens });
        return;
      case "$INCLUDE":
        throw new UserError("$INCLUDE is not followed; put the file's lines in its place");
      default:
        throw new UserError(`${word} is not known; zone files have $ORIGIN, $TTL and $GENERATE`);
    }
  }

  #record({ line, isIndented, tokens }: Entry): void {
    const fields = this.#fieldsOf(tokens, isIndented);
    const { owner: name, type } = fields;
    this.#owner = name;
    if (!readsType(type, fields.data)) {
      this.#ttlOf(fields, undefined);
      this.#leftOut.push({ line, why: `${name}: a DnsRecord cannot have the type ${type}` });
      return;
    }
    if (type === "SOA") this.#origin ??= name;
    const data = parseRdata({ type, tokens: fields.data, origin: this.#origin ?? "" });
    if (data.type === "SOA") this.#apex(name);
    const ttl = this.#ttlOf(fields, data.type === "SOA" ? data.minimum : undefined);
    this.#zone ??= this.#origin;
    this.#records.push({ line, record: { name, class: "IN", ttl, ...data } });
  }

  #fieldsOf(tokens: readonly Token[], isIndented: boolean): Fields {
    const left = [...tokens];
    const written = isIndented ? undefined : left.shift()?.text;
    const owner = written === undefined ? this.#owner : this.#nameOf(written);
    if (owner === undefined) throw new UserError("the first record has no name; write one, or @ for the zone itself");
    let ttl: number | undefined;
    let hasClass = false;
    for (;;) {
      const word = left.shift();
      if (word === undefined) throw new UserError(`the record of ${owner} has no type`);
      if (ttl === undefined && looksLikeTtl(word.text)) ttl = ttlFromText(word.text, "TTL");
      else if (!hasClass && isClass(word.text)) hasClass = true;
      else return { owner, ttl, type: word.text.toUpperCase(), data: left };
    }
  }

  /** The SOA record says what the zone is. */
  #apex(name: string): void {
    if (this.named !== undefined && foldName(this.named) !== name)
      throw new UserError(`the file is of the zone ${name}, not of ${this.named}; name that one, or leave --zone out`);
    if (this.#records.some(({ record }) => record.type === "SOA"))
      throw new UserError("a second SOA record; a zone file has one zone");
    this.#zone = name;
  }

  /** RFC 2308 section 4, then RFC 1035 section 5.1; an SOA record without a TTL falls back on its minimum, as in BIND. */
  #ttlOf({ ttl, owner }: Fields, minimum: number | undefined): number {
    if (ttl !== undefined) return (this.#lastTtl = ttl);
    if (this.#defaultTtl === undefined && minimum !== undefined) this.#defaultTtl = minimum;
    const found = this.#defaultTtl ?? this.#lastTtl;
    if (found === undefined) throw new UserError(`${owner} has no TTL; write $TTL 3600 at the top, or a TTL here`);
    return found;
  }

  #nameOf(text: string): string {
    if (this.#origin === undefined && !isAbsoluteName(text))
      throw new UserError(`"${text}" is relative, and nothing says to what; add --zone NAME, or $ORIGIN at the top`);
    return nameFromText(text, this.#origin ?? "");
  }
}

function isClass(text: string): boolean {
  if (/^(?:IN|CLASS1)$/i.test(text)) return true;
  if (/^(?:CH|HS|CS|CHAOS|HESIOD|CLASS\d+)$/i.test(text))
    throw new UserError(`the class ${text} is not the Internet's; only IN can be taken`);
  return false;
}
