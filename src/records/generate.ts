import { UserError } from "../base/errors";
import type { Token } from "../dns/tokens";

/** BIND's `$GENERATE`: the texts of the records that it stands for. */
const mostGenerated = 65_536;

/**
 * Expands `$GENERATE start-stop[/step] owner [ttl] [class] type data` as BIND does.
 *
 * @param tokens - Those behind the word.
 * @returns One line of a master file each.
 * @throws UserError for an invalid range or modifier, and for more than 65,536 records.
 */
export function generateLines(tokens: readonly Token[]): string[] {
  const [range, owner, ...rest] = tokens;
  if (range === undefined || owner === undefined || rest.length < 2)
    throw new UserError(
      "$GENERATE wants a range, a name, a type and data, for example $GENERATE 1-9 host$ A 192.0.2.$",
    );
  const words = [owner, ...rest].map(wordOf);
  return numbersOf(range.text).map((number) => words.map((word) => substitute(word, number)).join(" "));
}

/** BIND reads data in quotes once as a string, and what was in it as data: a quote inside has a backslash before it. */
function wordOf({ text, isQuoted }: Token): string {
  return isQuoted ? text.replace(/\\([^])/g, (escape, char: string) => (char === '"' ? char : escape)) : text;
}

function numbersOf(range: string): number[] {
  const [, start, stop, step = "1"] = /^(\d{1,9})-(\d{1,9})(?:\/(\d{1,10}))?$/.exec(range) ?? [];
  const [first, last, by] = [Number(start), Number(stop), Number(step)];
  if (start === undefined || last < first || by === 0)
    throw new UserError(`"${range}" is not a range for $GENERATE; write 1-9, or 0-100/10 for each tenth`);
  const count = Math.floor((last - first) / by) + 1;
  if (count > mostGenerated)
    throw new UserError(`$GENERATE ${range} makes ${count} records, and may make ${mostGenerated}; split the range`);
  return Array.from({ length: count }, (_, i) => first + i * by);
}

/** Each `$` and `${offset,width,base}` becomes the number; `$$` is a dollar, and escapes stay as they are. */
function substitute(word: string, number: number): string {
  return word.replace(/\\[^]|\$\$|\$\{[^}]*\}|\$/g, (found) => {
    if (found.startsWith("\\")) return found;
    if (found === "$$") return "\\$";
    return found === "$" ? String(number) : modified(found, number);
  });
}

function modified(modifier: string, number: number): string {
  const [, offset, width = "0", base = "d"] =
    /^\$\{([+-]?\d{1,9})(?:,(\d{1,3})(?:,([doxXnN]))?)?\}$/.exec(modifier) ?? [];
  if (offset === undefined)
    throw new UserError(
      `"${modifier}" is not a modifier of $GENERATE; write \${offset,width,base}, base one of d o x X n N`,
    );
  return written({ value: number + Number(offset), width: Number(width), base });
}

/** A negative number is its 32 bits but in base ten, as C writes it. */
function written({ value, width, base }: { value: number; width: number; base: string }): string {
  if (base === "n") return nibbles(value >>> 0, width);
  if (base === "N") return nibbles(value >>> 0, width).toUpperCase();
  if (base === "d") {
    const sign = value < 0 ? "-" : "";
    return sign + String(Math.abs(value)).padStart(width - sign.length, "0");
  }
  const digits = (value >>> 0).toString(base === "o" ? 8 : 16).padStart(width, "0");
  return base === "X" ? digits.toUpperCase() : digits;
}

/**
 * Hexadecimal digits from the last to the first with dots between, as names below ip6.arpa have them. Digits and dots
 * count for the width, so that an even one ends with a dot.
 */
function nibbles(value: number, width: number): string {
  let text = "";
  for (let rest = value, left = width; ;) {
    text += (rest % 16).toString(16);
    rest = Math.floor(rest / 16);
    left--;
    if (left <= 0 && rest === 0) return text;
    text += ".";
    left--;
    if (left <= 0 && rest === 0) return text;
  }
}
