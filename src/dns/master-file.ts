import { messageOf, UserError } from "../base/errors";
import { isBlank, type Token, tokenAt } from "./tokens";
import { looksLikeTtl } from "./ttl";

/** One entry of a master file: a line, or several in parentheses. */
export interface FileEntry {
  /** Where it begins, from 1. */
  readonly line: number;
  /** Whether a blank stands first: the owner is the last one then. */
  readonly isIndented: boolean;
  readonly tokens: readonly Token[];
}

/** What is wrong, with the line. */
export function atLine(line: number, problem: unknown): string {
  return `line ${line}: ${messageOf(problem)}`;
}

/** The directive of an entry, `$TTL` for example, in upper case; undefined for a record. */
export function directiveOf({ isIndented, tokens: [first] }: FileEntry): string | undefined {
  return !isIndented && first?.isQuoted === false && first.text.startsWith("$") ? first.text.toUpperCase() : undefined;
}

/** The parts of an entry that is a record. */
export interface RecordFields {
  /** Missing when it is the one of the record before. */
  readonly owner: Token | undefined;
  readonly ttl: Token | undefined;
  readonly type: Token;
  readonly data: readonly Token[];
}

/**
 * Parts an entry into owner, TTL, class and type, the two in the middle in any order or missing (RFC 1035 section 5.1).
 *
 * @throws UserError when there is no type, or another class than IN.
 */
export function recordFields({ isIndented, tokens }: FileEntry): RecordFields {
  let next = isIndented ? 0 : 1;
  const owner = isIndented ? undefined : tokens[0];
  let ttl: Token | undefined;
  let hasClass = false;
  for (;;) {
    const word = tokens[next++];
    if (word === undefined) throw new UserError(`the record${owner ? ` of ${owner.text}` : ""} has no type`);
    if (ttl === undefined && looksLikeTtl(word.text)) ttl = word;
    else if (!hasClass && isClass(word.text)) hasClass = true;
    else return { owner, ttl, type: word, data: tokens.slice(next) };
  }
}

function isClass(text: string): boolean {
  if (text === "IN") return true;
  if (/^(?:IN|CLASS1)$/i.test(text)) return true;
  if (/^(?:CH|HS|CS|CHAOS|HESIOD|CLASS\d+)$/i.test(text))
    throw new UserError(`the class ${text} is not the Internet's; only IN can be taken`);
  return false;
}

/**
 * The entries of a master file (RFC 1035 section 5.1), comments gone, parentheses resolved.
 *
 * @throws UserError with the line's number.
 */
export class EntryReader {
  #at = 0;
  #line = 1;
  #opened: number[] = [];
  #tokens: Token[] = [];

  constructor(private readonly text: string) {}

  *entries(): Generator<FileEntry> {
    while (this.#at < this.text.length) {
      const line = this.#line;
      const isIndented = this.text[this.#at] === " " || this.text[this.#at] === "\t";
      this.#tokens = [];
      while (this.#at < this.text.length && !this.#step());
      if (this.#tokens.length > 0) yield { line, isIndented, tokens: this.#tokens };
    }
    const opened = this.#opened[0];
    if (opened !== undefined)
      throw new UserError(`line ${opened}: a parenthesis is not closed; write ) behind the last field`);
  }

  /** Takes a token or passes what is none; true at the end of an entry. */
  #step(): boolean {
    const char = this.text[this.#at] ?? "";
    if (char === "\n") {
      this.#at++;
      this.#line++;
      return this.#opened.length === 0;
    }
    if (char === ";") {
      const end = this.text.indexOf("\n", this.#at);
      this.#at = end === -1 ? this.text.length : end;
    } else if (char === "(" || char === ")") {
      this.#parenthesis(char);
    } else if (isBlank(char)) {
      this.#at++;
    } else {
      this.#token();
    }
    return false;
  }

  #parenthesis(char: string): void {
    this.#at++;
    if (char === "(") this.#opened.push(this.#line);
    else if (this.#opened.pop() === undefined)
      throw new UserError(atLine(this.#line, new Error("a ) without its (; take it away")));
  }

  #token(): void {
    try {
      const token = tokenAt(this.text, { at: this.#at, inValue: false });
      this.#tokens.push(token);
      this.#at = token.end;
    } catch (error) {
      throw new UserError(atLine(this.#line, error), { cause: error });
    }
  }
}

/** A SOA record's serial, and where it stands. */
interface SerialPlace {
  readonly start: number;
  readonly end: number;
  readonly serial: number;
}

/** Where the serial of a master file's first SOA record stands; undefined when there is none, or none that can be read. */
export function findSerial(text: string): SerialPlace | undefined {
  try {
    for (const entry of new EntryReader(text).entries()) if (isSoa(entry)) return serialOf(entry);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return undefined;
}

function isSoa(entry: FileEntry): boolean {
  return directiveOf(entry) === undefined && /^(?:SOA|TYPE6)$/i.test(recordFields(entry).type.text);
}

function serialOf(entry: FileEntry): SerialPlace | undefined {
  const [, , token] = recordFields(entry).data;
  if (token === undefined || token.isQuoted || !/^\d{1,10}$/.test(token.text)) return undefined;
  const { text, start, end } = token;
  return Number(text) < 2 ** 32 ? { start, end, serial: Number(text) } : undefined;
}

/**
 * The same master file with another SOA serial.
 *
 * A file that is loaded without a journal is served with its own serial, which secondaries take as outdated when it is
 * smaller than the one they hold; so the current time goes in first.
 *
 * @param serial - 32 bits, usually seconds since 1970.
 * @throws Error when the text holds no SOA record.
 */
export function stampSerial(text: string, serial: number): string {
  const found = findSerial(text);
  if (found === undefined) throw new Error("the zone file has no SOA record to put a serial into");
  return `${text.slice(0, found.start)}${serial}${text.slice(found.end)}`;
}
