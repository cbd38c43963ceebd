import { UserError } from "../base/errors";
import { foldName } from "../base/names";
import { isAbsoluteName, nameFromText } from "../dns/fields";
import { atLine, directiveOf, EntryReader, type FileEntry, recordFields } from "../dns/master-file";
import { isSubdomain } from "../dns/name";
import { parseRdata, readsType, recordKey } from "../dns/rdata";
import type { ResourceRecord } from "../dns/record";
import type { Token } from "../dns/tokens";
import { ttlFromText } from "../dns/ttl";
import { generateLines } from "./generate";

/** A record of a zone file and where it stands. */
export interface ZoneFileRecord {
  readonly line: number;
  readonly record: ResourceRecord;
}

/** Something in a zone file that is not among its records. */
export interface LeftOut {
  readonly line: number;
  readonly why: string;
  /** What it is, when it is a record of the zone whose data has no reader. */
  readonly unread?: { readonly name: string; readonly type: string };
}

export interface ZoneFile {
  readonly zone: string;
  readonly records: readonly ZoneFileRecord[];
  readonly leftOut: readonly LeftOut[];
}

/** A zone file, and all that is wrong with it, each with its line. */
export interface ZoneReading {
  /** Undefined when nothing says which zone it is. */
  readonly file: ZoneFile | undefined;
  readonly problems: readonly string[];
}

/** More problems than that are of no use. */
const mostProblems = 20;

/**
 * Reads a zone file (RFC 1035 section 5, RFC 2308 section 4, BIND's `$GENERATE`).
 *
 * Records outside of the zone and types whose data has no reader are left out and reported.
 *
 * @param zone - Its name, when neither `$ORIGIN` nor an absolute SOA record says it.
 * @throws UserError with all that is wrong, each with its line.
 */
export function readZoneFile(text: string, zone?: string): ZoneFile {
  const { file, problems } = readZone(text, zone);
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  if (file === undefined) throw new UserError("there is no record, and nothing says the zone: --zone NAME, or $ORIGIN");
  return file;
}

/** Does what {@link readZoneFile} does, and returns the problems beside what could be read. */
export function readZone(text: string, zone?: string): ZoneReading {
  return new ZoneFileReader(zone).read(text);
}

class ZoneFileReader {
  #origin: string | undefined;
  #zone: string | undefined;
  #owner: string | undefined;
  #soa: ResourceRecord | undefined;
  #defaultTtl: number | undefined;
  #lastTtl: number | undefined;
  readonly #records: ZoneFileRecord[] = [];
  readonly #leftOut: LeftOut[] = [];
  readonly #problems: string[] = [];

  constructor(private readonly named: string | undefined) {
    this.#zone = this.#origin = named === undefined ? undefined : foldName(named);
  }

  read(text: string): ZoneReading {
    this.#readAll(text);
    const problems = this.#problems;
    const zone = this.#zone;
    if (zone === undefined) return { file: undefined, problems };
    const records: ZoneFileRecord[] = [];
    const outside: LeftOut[] = [];
    for (const each of this.#records) {
      const { name } = each.record;
      if (isSubdomain(name, zone)) records.push(each);
      else outside.push({ line: each.line, why: `${name} is not within the zone ${zone}` });
    }
    const leftOut = [...this.#leftOut, ...outside].toSorted((a, b) => a.line - b.line);
    return { file: { zone, records, leftOut }, problems };
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

  #entry(entry: FileEntry): void {
    try {
      const directive = directiveOf(entry);
      if (directive === undefined) this.#record(entry);
      else this.#directive(directive, entry.tokens.slice(1), entry.line);
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
        this.#generate(rest, line);
        return;
      case "$INCLUDE":
        throw new UserError("$INCLUDE is not followed; put the file's lines in its place");
      case "$DATE":
        // When BIND wrote the file; it does not read it back either.
        return;
      default:
        throw new UserError(`${word} is not known; zone files have $ORIGIN, $TTL and $GENERATE`);
    }
  }

  /** The owner that a record leaves out behind it is that before it, as in BIND. */
  #generate(tokens: readonly Token[], line: number): void {
    const owner = this.#owner;
    for (const made of generateLines(tokens))
      for (const entry of new EntryReader(made).entries())
        this.#record({ line, isIndented: false, tokens: entry.tokens });
    this.#owner = owner;
  }

  #record(entry: FileEntry): void {
    const { line } = entry;
    const fields = recordFields(entry);
    const type = fields.type.text.toUpperCase();
    const name = (this.#owner = this.#ownerOf(fields.owner));
    const written = fields.ttl === undefined ? undefined : ttlFromText(fields.ttl.text, "TTL");
    if (!readsType(type, fields.data)) {
      this.#ttlOf(name, written, undefined);
      this.#leftOut.push({ line, why: `${name}: a DnsRecord cannot have the type ${type}`, unread: { name, type } });
      return;
    }
    if (type === "SOA") this.#origin ??= name;
    const data = parseRdata({ type, tokens: fields.data, origin: this.#origin ?? "" });
    const ttl = this.#ttlOf(name, written, data.type === "SOA" ? data.minimum : undefined);
    const record: ResourceRecord = { name, class: "IN", ttl, ...data };
    this.#zone ??= this.#origin;
    if (record.type !== "SOA" || this.#isFirstSoa(record)) this.#records.push({ line, record });
  }

  #ownerOf(token: Token | undefined): string {
    const owner = token === undefined ? this.#owner : this.#nameOf(token.text);
    if (owner === undefined) throw new UserError("the first record has no name; write one, or @ for the zone itself");
    return owner;
  }

  /** The SOA record says what the zone is. Transfers, and what dig prints of them, have the same one at their end. */
  #isFirstSoa(record: ResourceRecord): boolean {
    const { name } = record;
    if (this.#soa !== undefined) {
      if (recordKey(record) === recordKey(this.#soa)) return false;
      throw new UserError("a second SOA record; a zone file has one zone");
    }
    const named = this.named === undefined ? name : foldName(this.named);
    if (name === `${named}.${named}`)
      throw new UserError(
        `the name "${named}" of the SOA record lacks its last dot; when all names of the file do, write $ORIGIN . at its top`,
      );
    if (named !== name)
      throw new UserError(`the file is of the zone ${name}, not of ${named}; name that one, or leave --zone out`);
    this.#zone = name;
    this.#soa = record;
    return true;
  }

  /** RFC 2308 section 4, then RFC 1035 section 5.1; an SOA record without a TTL falls back on its minimum, as in BIND. */
  #ttlOf(name: string, written: number | undefined, minimum: number | undefined): number {
    if (written !== undefined) return (this.#lastTtl = written);
    if (this.#defaultTtl === undefined && minimum !== undefined) this.#defaultTtl = minimum;
    const found = this.#defaultTtl ?? this.#lastTtl;
    if (found === undefined) throw new UserError(`${name} has no TTL; write $TTL 3600 at the top, or a TTL here`);
    return found;
  }

  #nameOf(text: string): string {
    if (this.#origin === undefined && !isAbsoluteName(text))
      throw new UserError(
        `"${text}" is relative, and nothing says to what; add --zone NAME, or $ORIGIN at the top ($ORIGIN . when the file's names only lack their last dot)`,
      );
    return nameFromText(text, this.#origin ?? "");
  }
}
