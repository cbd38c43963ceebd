interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
  readonly startsLine: boolean;
}

/** Words, comments and quoted strings of a master file (RFC 1035 section 5.1); parentheses only join lines. */
function* tokens(text: string): Generator<Token> {
  const pattern = /;[^\n]*|"(?:[^"\\]|\\[\s\S])*"|(?:[^\s;"()\\]|\\[\s\S])+/g;
  for (const match of text.matchAll(pattern)) {
    if (match[0].startsWith(";")) continue;
    const start = match.index;
    const startsLine = start === 0 || text[start - 1] === "\n";
    yield { text: match[0], start, end: start + match[0].length, quoted: match[0].startsWith('"'), startsLine };
  }
}

/** Where the serial of a master file's first SOA record stands; undefined when there is none. */
export function findSerial(
  text: string,
): { readonly start: number; readonly end: number; readonly serial: number } | undefined {
  let fieldsAfterSoa = -1;
  for (const token of tokens(text)) {
    if (fieldsAfterSoa < 0) {
      if (!token.quoted && !token.startsLine && token.text.toUpperCase() === "SOA") fieldsAfterSoa = 0;
      continue;
    }
    fieldsAfterSoa += 1;
    if (fieldsAfterSoa < 3) continue;
    const serial = Number(token.text);
    return /^\d{1,10}$/.test(token.text) && serial < 2 ** 32
      ? { start: token.start, end: token.end, serial }
      : undefined;
  }
  return undefined;
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
