import { isMap, isPair, isScalar, isSeq, type Node, type Pair, parse, type YAMLMap, type YAMLSeq } from "yaml";

import { UserError } from "../../base/errors";

/** A part of a text and what comes in its place. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * Replaces parts of a text, which do not overlap, and leaves every other character as it is. New lines end as the text's
 * first one does.
 */
export function spliced(text: string, splices: readonly Splice[]): string {
  const end = /\r?\n/.exec(text)?.[0] ?? "\n";
  return [...splices]
    .sort((one, other) => other.from - one.from)
    .reduce(
      (before, { from, to, text: piece }) => before.slice(0, from) + piece.replaceAll("\n", end) + before.slice(to),
      text,
    );
}

/** What is written is a list or an object in one piece (`[a, b]`), or over lines. */
export type Written = string | readonly Written[] | { readonly [field: string]: Written | boolean };

/** A value in one line, in the way the examples are written: `{ name: site-a, zones: [a.example] }`. */
export function inOneLine(value: Written | boolean): string {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return scalarText(value);
  if (isList(value)) return `[${value.map(inOneLine).join(", ")}]`;
  const pairs = Object.entries(value).map(([field, inner]) => `${field}: ${inOneLine(inner)}`);
  return `{ ${pairs.join(", ")} }`;
}

function isList(value: Written): value is readonly Written[] {
  return Array.isArray(value);
}

/** Plain where every reader of YAML takes it for that very text, Pulumi's of 1.1 too; else in double quotes. */
function scalarText(value: string): string {
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(value) && !/^\d+-/.test(value);
  const isText = isPlain && parse(value) === value && parse(value, { version: "1.1" }) === value;
  return isText ? value : JSON.stringify(value);
}

/** One more item at the end of a list, written as its last one is. */
export function appended(text: string, list: YAMLSeq, value: Written): readonly Splice[] {
  const last = list.items.at(-1) as Node | undefined;
  if (list.flow === true || last === undefined) {
    const [from, to] = last === undefined ? rangeOf(list) : [contentEnd(last), contentEnd(last)];
    return [{ from, to, text: last === undefined ? `[${inOneLine(value)}]` : `, ${inOneLine(value)}` }];
  }
  const indent = indentOf(text, last, "- ");
  return [lineAfter(text, last, `${indent}- ${itemText(value, { last, indent })}`)];
}

/** As an object over several lines where its neighbour is one, else in one line. */
function itemText(value: Written, { last, indent }: { readonly last: Node; readonly indent: string }): string {
  const isSpread = isMap(last) && last.flow !== true && typeof value === "object" && !isList(value);
  if (!isSpread) return inOneLine(value);
  return Object.entries(value)
    .map(([field, inner]) => `${field}: ${inOneLine(inner)}`)
    .join(`\n${indent}  `);
}

/** One more field at the end of an object. */
export function withField(text: string, map: YAMLMap, field: readonly [string, Written]): readonly Splice[] {
  const last = map.items.at(-1);
  if (last === undefined) throw byHand("an entry is empty");
  const line = `${field[0]}: ${inOneLine(field[1])}`;
  if (map.flow === true) return [{ from: contentEnd(last), to: contentEnd(last), text: `, ${line}` }];
  return [lineAfter(text, last, `${indentOf(text, last.key as Node, "")}${line}`)];
}

/** A list without one of its items. What is written within the item, and beside it, goes with it; comments above it stay. */
export function without(text: string, list: YAMLSeq, index: number): readonly Splice[] {
  const items = list.items as Node[];
  const [item, before, after] = [items[index], items[index - 1], items[index + 1]];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  if (list.flow === true) {
    const from = after === undefined && before !== undefined ? contentEnd(before) : rangeOf(item)[0];
    return [{ from, to: after === undefined ? contentEnd(item) : rangeOf(after)[0], text: "" }];
  }
  const end = endOf(text, item);
  if (items.length === 1) {
    const colon = text.lastIndexOf(":", rangeOf(list)[0]);
    return [{ from: colon + 1, to: end, text: " []\n" }];
  }
  const from = lineStart(text, rangeOf(item)[0]);
  return [{ from, to: innerComments(text, end, from), text: "" }];
}

/** Where comments end that stand deeper than the dash of an item that has just ended: they are about what is in it. */
function innerComments(text: string, end: number, dashLine: number): number {
  const dash = /^ */.exec(text.slice(dashLine))?.[0].length ?? 0;
  let at = end;
  for (;;) {
    const line = text.slice(at, lineEnd(text, at));
    const comment = /^( *)#/.exec(line);
    if (comment === null || (comment[1] ?? "").length <= dash) return at;
    at += line.length;
  }
}

/** Where a node stands, without what follows it. @throws UserError for one that stands nowhere. */
export function rangeOf(node: unknown): readonly [number, number] {
  const range = isScalar(node) || isMap(node) || isSeq(node) ? node.range : undefined;
  if (range === undefined || range === null) throw byHand("a part of the list stands elsewhere (an alias)");
  return [range[0], range[1]];
}

/** What is said where the text cannot be edited without changing more of it. */
export function byHand(why: string): UserError {
  return new UserError(`${why}; edit it by hand`);
}

/** Where the last character of a node is, before comments and blank lines that follow it. */
function contentEnd(node: Node | Pair): number {
  if (isPair(node)) {
    const value = node.value as Node | null;
    const isEmpty = value === null || (isScalar(value) && value.value === null);
    return contentEnd(isEmpty ? (node.key as Node) : value);
  }
  const last = (isMap(node) || isSeq(node)) && node.flow !== true ? node.items.at(-1) : undefined;
  return last === undefined ? rangeOf(node)[1] : contentEnd(last as Node | Pair);
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** Where the line of a place ends, its end included. */
function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

/** Where the last line of a node ends. A text over several lines brings its own end. */
function endOf(text: string, node: Node | Pair): number {
  const end = contentEnd(node);
  return text[end - 1] === "\n" ? end : lineEnd(text, end);
}

function lineAfter(text: string, node: Node | Pair, line: string): Splice {
  const at = endOf(text, node);
  return { from: at, to: at, text: text[at - 1] === "\n" ? `${line}\n` : `\n${line}\n` };
}

/** What stands before a node in its line, which must be nothing else than `lead`. */
function indentOf(text: string, node: Node, lead: string): string {
  const [from] = rangeOf(node);
  const before = text.slice(lineStart(text, from), from);
  const indent = lead === "" ? before.replace(/- /g, "  ") : before.slice(0, -lead.length);
  if (indent.trim() !== "") throw byHand("the list is written in a way that leaves no place for a line");
  return indent;
}
