import { UserError } from "../base/errors";

/** A field of a master file or of a record's value, still with its escapes (RFC 1035 section 5.1). */
export interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
  /** Whether it stands right behind the one before, as in `alpn="h2"`. */
  readonly isGlued: boolean;
  /** Where it stands in the text that it was read from, its quotes included. */
  readonly start: number;
  readonly end: number;
}

const quotedToken = /"((?:[^"\\\r\n]|\\[^\r\n])*)"/y;
const bareToken = /(?:[^\s"\\;()]|\\[^\r\n])+/y;
const bareTokenOfValue = /(?:[^\s"\\]|\\[^\r\n])+/y;
const blank = /\s/;

/** Whether a character parts tokens. The first two tests are of the pattern, and quicker: almost all blanks are spaces. */
export function isBlank(char: string): boolean {
  return char === " " || char === "\t" || blank.test(char);
}

/**
 * The token at `at`, where neither a blank nor the end is.
 *
 * @param place.inValue - Whether semicolon and parentheses are plain characters, as they are in the value of one record.
 * @throws UserError for a quote without its end, and for a backslash with nothing behind it.
 */
export function tokenAt(text: string, place: { readonly at: number; readonly inValue: boolean }): Token {
  const { at, inValue } = place;
  const isQuoted = text[at] === '"';
  const pattern = isQuoted ? quotedToken : inValue ? bareTokenOfValue : bareToken;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match === null)
    throw new UserError(
      isQuoted
        ? `a quote is not closed on its line: ${excerpt(text, at)}; add the closing ", and write a line break inside as \\010`
        : `a backslash has nothing behind it: ${excerpt(text, at)}; write a backslash as \\\\`,
    );
  const isGlued = at > 0 && !isBlank(text[at - 1] ?? " ");
  return { text: match[1] ?? match[0], isQuoted, isGlued, start: at, end: pattern.lastIndex };
}

/** The tokens of one record's value. @throws UserError as {@link tokenAt}. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    if (isBlank(text[at] ?? "")) {
      at++;
      continue;
    }
    const token = tokenAt(text, { at, inValue: true });
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/**
 * The octets that a token means, one character each (latin-1): escapes read, other characters in UTF-8.
 *
 * @throws UserError for a bad `\DDD`.
 */
export function unescapeToken(text: string): string {
  if (/^[ -[\]-~]*$/.test(text)) return text;
  const parts = text.match(/\\\d{1,3}|\\[^]|[^\\]+/gu) ?? [];
  return parts.map(partOctets).join("");
}

function partOctets(part: string): string {
  if (!/^\\\d/.test(part)) return Buffer.from(part.replace(/^\\/, ""), "utf8").toString("latin1");
  if (part.length < 4 || Number(part.slice(1)) > 255)
    throw new UserError(`"${part}" is not an escape; write an octet as \\ and three digits from 000 to 255`);
  return String.fromCharCode(Number(part.slice(1)));
}

/** A character string in quotes; octets that are not printable as `\DDD`. */
export function quoted(octets: string): string {
  const escaped = octets.replace(/[^ -~]|["\\]/g, (char) =>
    char === '"' || char === "\\" ? `\\${char}` : `\\${String(char.charCodeAt(0)).padStart(3, "0")}`,
  );
  return `"${escaped}"`;
}

/** Like {@link quoted}, with octets that are UTF-8 as the characters that they mean. */
export function quotedUtf8(octets: string): string {
  const text = Buffer.from(octets, "latin1").toString("utf8");
  const isText = Buffer.from(text, "utf8").toString("latin1") === octets && !/[^\P{C}]|[\p{Zl}\p{Zp}]/u.test(text);
  return isText ? `"${text.replace(/["\\]/g, "\\$&")}"` : quoted(octets);
}

function excerpt(text: string, at: number): string {
  return JSON.stringify(text.slice(at, at + 40));
}
