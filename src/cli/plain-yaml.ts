/** The text has something that is left to a whole parser of YAML. */
class NotPlain extends Error {
  override readonly name = "NotPlain";
}

const key = /([A-Za-z_][A-Za-z0-9_./-]*):(?: (.*))?$/y;
const beginsPlain = /^[A-Za-z0-9_./]/;
/** Printable, with neither a blank nor a colon at its end. */
const printable = /^[ -~]*[!-9;-~]$/;
const singleQuoted = /^'((?:[ -&(-~]|'')*)'$/;
const beginsSingleQuoted = /^'(?:[ -&(-~]|'')*$/;
const endsSingleQuoted = /^(?:[ -&(-~]|'')*'$/;
const withinSingleQuoted = /^(?:[ -&(-~]|'')*$/;
const doubleQuoted = /^"(?:[ !#-[\]-~]|\\["\\nt])*"$/;
/** What may be a number in YAML 1.2's core schema, and a little more. */
const numeric = /^(?:0o[0-7]+|0x[0-9a-fA-F]+|\d*\.?\d*(?:[eE][-+]?\d+)?|\.(?:inf|nan))$/i;
const constants: ReadonlyMap<string, boolean | null> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);

/**
 * A YAML document (1.2, core schema) in the plain style that `kubectl get` and {@link manifestText} write: block mappings
 * and sequences, plain and quoted scalars, literal blocks. It takes a tenth of the time of a whole parser.
 *
 * @returns undefined for everything else, errors included: that is for a whole parser to read or refuse. What is returned
 * is what such a parser reads.
 */
export function readPlainYaml(document: string): { readonly value: unknown } | undefined {
  try {
    return { value: new PlainReader(document).read() };
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

/**
 * A JSON text; undefined for what is none, and for one in which an object has a key twice, of which `JSON.parse` would
 * silently drop one.
 */
export function readPlainJson(text: string): { readonly value: unknown } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (text.includes("__proto__")) return undefined;
  let written = 0;
  for (const [, isKey] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)) if (isKey !== undefined) written++;
  return written === keysIn(value) ? { value } : undefined;
}

function keysIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value) as unknown[];
  return inner.reduce<number>((sum, each) => sum + keysIn(each), Array.isArray(value) ? 0 : inner.length);
}

class PlainReader {
  readonly #lines: string[];
  #at = 0;

  constructor(document: string) {
    this.#lines = document.split("\n");
    if (this.#lines.at(-1) === "") this.#lines.pop();
  }

  read(): unknown {
    const indent = this.#indent();
    if (indent === -1) return null;
    if (indent !== 0) notPlain();
    const value = this.#block(0);
    if (this.#indent() !== -1) notPlain();
    return value;
  }

  /** The blanks before the next line that is neither empty nor a comment; -1 at the end. */
  #indent(): number {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? "";
      const indent = blanksOf(line);
      if (indent < line.length && line[indent] !== "#") return indent;
    }
    return -1;
  }

  #line(): string {
    return this.#lines[this.#at] ?? "";
  }

  #block(indent: number): unknown {
    return this.#line().startsWith("- ", indent) ? this.#sequence(indent) : this.#mapping(indent);
  }

  #mapping(indent: number): unknown {
    const found: Record<string, unknown> = {};
    for (;;) {
      key.lastIndex = indent;
      const [, name = "", rest = ""] = key.exec(this.#line()) ?? notPlain();
      if (name === "__proto__" || Object.hasOwn(found, name) || /^(?:null|true|false)$/i.test(name)) notPlain();
      this.#at++;
      found[name] = rest === "" ? this.#inner(indent) : this.#scalar(rest, indent);
      const next = this.#indent();
      if (next > indent) notPlain();
      if (next < indent) return found;
    }
  }

  /** What stands below a key: more to the right, or a sequence at the same column, or nothing. */
  #inner(indent: number): unknown {
    const next = this.#indent();
    if (next > indent) return this.#block(next);
    return next === indent && this.#line().startsWith("- ", indent) ? this.#sequence(indent) : null;
  }

  #sequence(indent: number): unknown[] {
    const found: unknown[] = [];
    do {
      const rest = this.#line().slice(indent + 2);
      key.lastIndex = 0;
      if (key.test(rest)) {
        this.#lines[this.#at] = " ".repeat(indent + 2) + rest;
        found.push(this.#mapping(indent + 2));
      } else {
        this.#at++;
        found.push(this.#scalar(rest, indent));
      }
    } while (this.#indent() === indent && this.#line().startsWith("- ", indent));
    if (this.#indent() > indent) notPlain();
    return found;
  }

  #scalar(text: string, indent: number): unknown {
    const quoted = singleQuoted.exec(text)?.[1];
    if (quoted !== undefined) return quoted.replaceAll("''", "'");
    if (doubleQuoted.test(text)) return JSON.parse(text);
    if (text === "|") return this.#literal(indent);
    if (beginsSingleQuoted.test(text)) return this.#foldedQuoted(text, indent);
    let whole = plain(text);
    while (this.#continues(indent)) whole += ` ${plain(this.#next())}`;
    return resolved(whole);
  }

  /** Whether the very next line belongs to the scalar before. Empty lines in one mean line breaks, and are not read here. */
  #continues(indent: number): boolean {
    const line = this.#lines[this.#at];
    if (line === undefined) return false;
    const blanks = blanksOf(line);
    return blanks < line.length && blanks > indent;
  }

  /** The content of the next line. */
  #next(): string {
    const line = this.#line();
    this.#at++;
    return line.slice(blanksOf(line));
  }

  #foldedQuoted(begin: string, indent: number): string {
    let whole = begin.slice(1).trimEnd();
    for (;;) {
      if (!this.#continues(indent)) notPlain();
      const line = this.#next();
      if (endsSingleQuoted.test(line)) return `${whole} ${line.slice(0, -1)}`.replaceAll("''", "'");
      if (!withinSingleQuoted.test(line)) notPlain();
      whole += ` ${line.trimEnd()}`;
    }
  }

  #literal(indent: number): string {
    const blanks = blanksOf(this.#line());
    if (blanks <= indent) notPlain();
    let text = "";
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#line();
      const own = blanksOf(line);
      if (own === line.length || !/^[ -~]*$/.test(line)) notPlain();
      if (own < blanks) break;
      text += `${line.slice(blanks)}\n`;
    }
    return text;
  }
}

function plain(text: string): string {
  if (!beginsPlain.test(text) || !printable.test(text) || text.includes(": ") || text.includes(" #")) notPlain();
  return text;
}

/** The core schema's value of a plain scalar, as far as it is beyond doubt. */
function resolved(text: string): unknown {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  const constant = constants.get(text);
  if (constant !== undefined) return constant;
  if (numeric.test(text) || /^(?:null|true|false)$/i.test(text)) notPlain();
  return text;
}

function blanksOf(line: string): number {
  let blanks = 0;
  while (line.charCodeAt(blanks) === 0x20) blanks++;
  return blanks;
}

function notPlain(): never {
  throw new NotPlain();
}
