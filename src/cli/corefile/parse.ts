import { UserError } from "../../base/errors";

/** A word of a Corefile, as CoreDNS's lexer makes it. */
interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
  /** Where it begins, and where it ends: a quoted one may have line breaks. From 1. */
  readonly line: number;
  readonly endLine: number;
}

/** What stands behind a `#`, up to the end of the line. */
interface Comment {
  readonly text: string;
  /** Offsets of its line in the text, with the line break. */
  readonly from: number;
  readonly to: number;
  readonly line: number;
  /** Whether nothing stands before it on its line. */
  readonly isAlone: boolean;
  /** Braces that are open there. */
  readonly depth: number;
}

/** A line of a server block: the plugin's name, and what it is told on that line. */
export interface Directive {
  readonly words: readonly string[];
  readonly line: number;
  readonly hasBlock: boolean;
}

/** A server block: for which zones, and which plugins. Of a snippet, the key is its name in parentheses. */
export interface ServerBlock {
  readonly keys: readonly string[];
  readonly line: number;
  readonly directives: readonly Directive[];
}

/** What a Corefile consists of. */
export interface Corefile {
  readonly servers: readonly ServerBlock[];
  /** By name. */
  readonly snippets: ReadonlyMap<string, ServerBlock>;
}

/** Where imports stand, other files are read that may have anything. */
export const importCure =
  'put the block that "mesh corefile block" prints where imports are read from (with k3s and AKS, a key such as dns-mesh.server of the ConfigMap coredns-custom)';

/** What Go's unicode.IsSpace says, as CoreDNS's lexer asks it. */
const space = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/**
 * Reads a Corefile as CoreDNS does, as far as there are zones and plugins in it.
 *
 * @throws UserError with the line, for what is not whole and for what CoreDNS would make something of that does not stand here: imports
 * beside server blocks, variables of the environment in zones, a server block without braces.
 */
export function parseCorefile(text: string): Corefile {
  if (text.startsWith("\ufeff")) refuse(1, "it begins with a byte order mark; save it without");
  const blocks = new BlockReader(tokensOf(text).tokens).blocks();
  const isSnippet = ({ keys: [key = ""] }: ServerBlock): boolean => key.startsWith("(");
  const snippets = blocks.filter(isSnippet).map((block) => [nameOf(block), block] as const);
  return { servers: blocks.filter((block) => !isSnippet(block)), snippets: new Map(snippets) };
}

/** The comments of a Corefile, whatever else stands there. @throws UserError for a quote that is not closed. */
export function commentsOf(text: string): readonly Comment[] {
  return tokensOf(text).comments;
}

/** @throws UserError always. */
export function refuse(line: number, problem: string): never {
  throw new UserError(`line ${line} of the Corefile: ${problem}`);
}

function nameOf({ keys: [key = "", ...others], line }: ServerBlock): string {
  if (others.length > 0 || !key.endsWith(")")) refuse(line, `"${key}" is no name of a snippet`);
  return key.slice(1, -1);
}

function tokensOf(text: string): { readonly tokens: readonly Token[]; readonly comments: readonly Comment[] } {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  let line = 1;
  let lineStart = 0;
  let depth = 0;
  let at = 0;
  const add = (token: Token): void => {
    if (token.text === "{") depth += 1;
    else if (token.text === "}") depth -= 1;
    tokens.push(token);
  };
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === "\n") {
      line += 1;
      at += 1;
      lineStart = at;
    } else if (space.test(character)) at += 1;
    else if (character === "#") {
      const end = endOfLine(text, at);
      const isAlone = text.slice(lineStart, at).trim() === "";
      comments.push({ text: text.slice(at + 1, end), from: lineStart, to: end + 1, line, isAlone, depth });
      at = end;
    } else if (character === '"') {
      const quoted = quotedAt(text, at, line);
      const endLine = line + breaksIn(text.slice(at, quoted.end));
      if (endLine > line) lineStart = text.lastIndexOf("\n", quoted.end - 1) + 1;
      add({ text: quoted.text, isQuoted: true, line, endLine });
      line = endLine;
      at = quoted.end;
    } else {
      const start = at;
      while (at < text.length && !isEnd(text.charAt(at))) at += 1;
      // CoreDNS ends the comment at the next space then.
      if (text.charAt(at) === "#") refuse(line, "a # directly behind a word is not understood; put a space before it");
      add({ text: text.slice(start, at).replaceAll("\r", ""), isQuoted: false, line, endLine: line });
    }
  }
  return { tokens, comments };
}

/** A carriage return ends no word. */
function isEnd(character: string): boolean {
  return character === "#" || (character !== "\r" && space.test(character));
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function breaksIn(text: string): number {
  return text.split("\n").length - 1;
}

/** A quoted word. Nothing but a quote is escaped in it. */
function quotedAt(text: string, from: number, line: number): { readonly text: string; readonly end: number } {
  const [whole, inner = ""] = /^"((?:[^"\\]|\\[^])*)"/.exec(text.slice(from)) ?? refuse(line, "a quote is not closed");
  return { text: inner.replaceAll('\\"', '"'), end: from + whole.length };
}

class BlockReader {
  #at = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  blocks(): readonly ServerBlock[] {
    const quoted = this.tokens.find(({ text, isQuoted }) => isQuoted && (text === "{" || text === "}"));
    if (quoted !== undefined)
      refuse(quoted.line, "a brace in quotes counts as a brace for CoreDNS; write it otherwise");
    const blocks: ServerBlock[] = [];
    while (this.#at < this.tokens.length) blocks.push(this.#block());
    return blocks;
  }

  #block(): ServerBlock {
    const line = this.tokens[this.#at]?.line ?? 0;
    const keys = this.#keys();
    const directives: { words: string[]; line: number; hasBlock: boolean }[] = [];
    let depth = 1;
    let before = this.tokens[this.#at - 1];
    for (let token = this.#next(); token !== undefined; before = token, token = this.#next()) {
      const { text } = token;
      if (text === "}") {
        depth -= 1;
        if (depth === 0) return { keys, line, directives };
        continue;
      }
      const isFirst = before === undefined || before.endLine < token.line;
      const directive = directives.at(-1);
      if (text === "{") {
        depth += 1;
        if (directive === undefined) refuse(token.line, "a brace stands where a plugin should");
        directive.hasBlock = true;
      } else if (depth === 1 && (isFirst || directive === undefined))
        directives.push({ words: [text], line: token.line, hasBlock: false });
      else if (depth === 1) directive?.words.push(text);
    }
    return refuse(line, "the server block that begins here has no end");
  }

  /** The zones of a server block, up to its brace. They go on in another line behind a comma alone. */
  #keys(): readonly string[] {
    const keys: string[] = [];
    let before: Token | undefined;
    for (let token = this.#next(); token !== undefined; before = token, token = this.#next()) {
      const { text, line } = token;
      if (text === "{") {
        if (before === undefined) refuse(line, "a brace stands where a zone should");
        return keys;
      }
      if (text === "import" && (before === undefined || before.endLine < line))
        refuse(line, `what an import brings beside the server blocks is not to be seen here; ${importCure}`);
      if (before !== undefined && before.endLine < line && !before.text.endsWith(","))
        refuse(before.line, "a server block without braces is not understood; write them");
      if (/[{}]/.test(text)) refuse(line, `"${text}" is no name of a zone`);
      keys.push(text.replace(/,$/, ""));
    }
    return refuse(before?.line ?? 0, "a server block without braces is not understood; write them");
  }

  #next(): Token | undefined {
    const token = this.tokens[this.#at];
    if (token !== undefined) this.#at += 1;
    return token;
  }
}
