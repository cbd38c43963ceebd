import { UserError } from "../base/errors";
import { formatIpv6, ipv4Value, parseIpv6 } from "./address";
import { DnsError } from "./errors";
import { parseName } from "./name";
import { type Token, unescapeToken } from "./tokens";
import { ttlFromText } from "./ttl";

/** Whether a name ends with a dot that is not escaped. */
export function isAbsoluteName(text: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*\.$/.test(text);
}

/**
 * A name as a master file has it, normalised: `@` is the origin, a name without the trailing dot is below the origin
 * (RFC 1035 section 5.1).
 *
 * @throws UserError for what is no name.
 */
export function nameFromText(text: string, origin: string): string {
  if (text === "@") return origin;
  return asUserError(`"${text}" is not a name`, () =>
    parseName(isAbsoluteName(text) || origin === "" ? text : `${text}.${origin}.`),
  );
}

/** What `read` gives; a failure of the codec becomes the user's, behind `what`. */
export function asUserError<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    const { failure } = error;
    throw new UserError(`${what}: ${failure.kind === "malformed" ? failure.detail : error.message}`, { cause: error });
  }
}

/** The fields of one record's data, read from left to right. Everything throws UserError with the field's name. */
export class Fields {
  #next = 0;

  constructor(
    readonly type: string,
    private readonly tokens: readonly Token[],
    private readonly origin: string,
  ) {}

  get isAtEnd(): boolean {
    return this.#next >= this.tokens.length;
  }

  /** The text of the next token; undefined at the end. */
  peek(): string | undefined {
    return this.tokens[this.#next]?.text;
  }

  token(what: string): Token {
    const token = this.tokens[this.#next++];
    if (token === undefined) throw new UserError(`${this.type} lacks its ${what}`);
    return token;
  }

  /** The next token when it stands right behind the last one and is quoted. */
  gluedQuoted(): Token | undefined {
    const token = this.tokens[this.#next];
    if (token?.isQuoted !== true || !token.isGlued) return undefined;
    this.#next++;
    return token;
  }

  word(what: string): string {
    const token = this.token(what);
    if (token.isQuoted) throw new UserError(`the ${what} of ${this.type} stands in quotes; write it without them`);
    return token.text;
  }

  number(what: string, max: number): number {
    const text = this.word(what);
    if (!/^\d{1,10}$/.test(text) || Number(text) > max)
      throw new UserError(`the ${what} of ${this.type} must be a number from 0 to ${max}, got "${text}"`);
    return Number(text);
  }

  /** A time in seconds, or as BIND's `1h30m`. */
  seconds(what: string, max: number): number {
    return ttlFromText(this.word(what), what, max);
  }

  name(what: string): string {
    return nameFromText(this.word(what), this.origin);
  }

  /** A character string (RFC 1035 section 3.3), one character per octet. */
  string(what: string): string {
    const octets = unescapeToken(this.token(what).text);
    if (octets.length > 255)
      throw new UserError(
        `a string of ${this.type} has ${octets.length} octets and may have 255; write several strings, each in quotes`,
      );
    return octets;
  }

  /** Octets of any length, written like a character string. */
  longString(what: string): string {
    return unescapeToken(this.token(what).text);
  }

  ipv4(what: string): string {
    const text = this.word(what);
    if (ipv4Value(text) !== undefined) return text;
    throw new UserError(`"${text}" is not an IPv4 address; write four numbers, for example 192.0.2.1`);
  }

  ipv6(what: string): string {
    const text = this.word(what);
    try {
      return formatIpv6(parseIpv6(text));
    } catch (cause) {
      throw new UserError(`"${text}" is not an IPv6 address; write one such as 2001:db8::1`, { cause });
    }
  }

  /** All that is left, in hexadecimal; blanks inside are allowed. */
  hex(what: string): Uint8Array {
    return this.#hexOctets(what, this.#rest(what));
  }

  /** One field in hexadecimal, or `-` for no octets. */
  hexWord(what: string): Uint8Array {
    const text = this.word(what);
    return text === "-" ? new Uint8Array() : this.#hexOctets(what, text);
  }

  /** All that is left, in base64; blanks inside are allowed. */
  base64(what: string): Uint8Array {
    const text = this.#rest(what);
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text))
      throw new UserError(`the ${what} of ${this.type} must be base64, got "${text.slice(0, 80)}"`);
    return new Uint8Array(Buffer.from(text, "base64"));
  }

  /** What `read` gives; a failure of the codec becomes the user's. */
  asUserError<T>(read: () => T): T {
    return asUserError(`${this.type} is wrong`, read);
  }

  #hexOctets(what: string, text: string): Uint8Array {
    if (!/^(?:[0-9a-f]{2})+$/i.test(text))
      throw new UserError(
        `the ${what} of ${this.type} must be hexadecimal digits in pairs, got "${text.slice(0, 80)}"`,
      );
    return new Uint8Array(Buffer.from(text, "hex"));
  }

  #rest(what: string): string {
    let text = "";
    do text += this.word(what);
    while (!this.isAtEnd);
    return text;
  }

  /** @throws UserError when something is left. */
  end(): void {
    const left = this.tokens[this.#next];
    if (left !== undefined) throw new UserError(`${this.type} ends before "${left.text.slice(0, 80)}"; take that away`);
  }
}
