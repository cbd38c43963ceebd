import { createHash } from "node:crypto";

import { UserError } from "../../base/errors";
import { zoneNameProblem } from "../../base/names";
import { ipVersion } from "../../dns/address";
import {
  commentsOf,
  type Corefile,
  type Directive,
  importCure,
  parseCorefile,
  refuse,
  type ServerBlock,
} from "./parse";

/** Which zones CoreDNS asks elsewhere, and where. */
export interface Stub {
  /** Without the dot at the end. */
  readonly zones: readonly string[];
  /** Addresses of resolvers. */
  readonly to: readonly string[];
}

const begin = "dns-mesh begin";
const end = "dns-mesh end";
/** Why a block that has been changed stays. */
const changedByHand = `the lines between "# ${begin}" and "# ${end}" are not those that were written there; move what is yours out of them, take both marks out with the rest, and begin anew`;

/**
 * Puts the zones of a mesh into a Corefile, as a server block between two marks, at its beginning; a block that is there is replaced in its
 * place. Everything else stays as it is, to the octet.
 *
 * @throws UserError, with the line, for what cannot be understood or would not go with it.
 */
export function withStub(text: string, stub: Stub): string {
  const found = ownLines(text);
  // With as many lines as it has, for what is said of one.
  const blank = found && "\n".repeat(text.slice(found.from, found.to).split("\n").length - 1);
  const others = found === undefined ? text : `${text.slice(0, found.from)}${blank ?? ""}${text.slice(found.to)}`;
  const written = marked(stubBlock(stub, othersOf(others, stub)));
  return found === undefined ? written + text : text.slice(0, found.from) + written + text.slice(found.to);
}

/**
 * Takes out what {@link withStub} put in. A text without it stays as it is.
 *
 * @throws UserError when the marks do not match, or somebody changed what is between them.
 */
export function withoutStub(text: string): string {
  const found = ownLines(text);
  return found === undefined ? text : text.slice(0, found.from) + text.slice(found.to);
}

/** Where the server block for all other names listens. */
interface Listening {
  /** Undefined for the one that CoreDNS is started with. */
  readonly ports: readonly (string | undefined)[];
  /** Its lines of `bind`. */
  readonly binds: readonly (readonly string[])[];
}

/** The server block of a stub, on the port that CoreDNS is started with unless another one is given. */
export function stubBlock(stub: Stub, { ports = [undefined], binds = [] }: Partial<Listening> = {}): string {
  requireStub(stub);
  const zones = [...new Set(stub.zones)].sort();
  const keys = zones.flatMap((zone) => ports.map((port) => (port === undefined ? zone : `${zone}:${port}`)));
  return [
    `${keys.join(" ")} {`,
    `    errors`,
    ...binds.map((words) => `    ${words.join(" ")}`),
    `    cache 30`,
    `    forward . ${stub.to.join(" ")}`,
    `}`,
    ``,
  ].join("\n");
}

function requireStub({ zones, to }: Stub): void {
  if (zones.length === 0) throw new UserError("there is no zone to ask for; name one with --zone");
  if (to.length === 0)
    throw new UserError("there is nobody to ask; give the address of the resolver's Service with --to");
  for (const zone of zones) {
    const problem = zoneNameProblem(zone);
    if (problem !== undefined) throw new UserError(`zone "${zone}" ${problem}`);
  }
  for (const address of to)
    if (ipVersion(address) === undefined) throw new UserError(`"${address}" is no IP address to ask at`);
}

function marked(block: string): string {
  return `# ${begin} ${digestOf(block)}\n${block}# ${end}\n`;
}

/** By which a block is known to be as it was written. */
function digestOf(block: string): string {
  return createHash("sha256").update(block).digest("hex").slice(0, 16);
}

/** Where the lines between the marks are, with these; undefined when there are none. */
function ownLines(text: string): { readonly from: number; readonly to: number } | undefined {
  const marks = commentsOf(text).filter(({ text: comment }) => /^\s*dns-mesh (begin|end)\b/.test(comment));
  const [first, last, another] = marks;
  if (first === undefined) return undefined;
  const lone = [first, last].find((mark) => mark !== undefined && (!mark.isAlone || mark.depth > 0));
  if (lone !== undefined) refuse(lone.line, `the mark does not stand on a line of its own outside of server blocks`);
  const [, digest] = /^ dns-mesh begin ([0-9a-f]{16})\r?$/.exec(first.text) ?? [];
  if (
    last === undefined ||
    another !== undefined ||
    !new RegExp(`^ ${end}\r?$`).test(last.text) ||
    digest === undefined
  )
    refuse(
      (another ?? first).line,
      `the marks "# ${begin} …" and "# ${end}" do not match; take them and what is between them out by hand`,
    );
  if (digestOf(text.slice(first.to, last.from)) !== digest) refuse(first.line, changedByHand);
  return { from: first.from, to: Math.min(last.to, text.length) };
}

/** What follows for the block from all others. */
function othersOf(text: string, { zones }: Stub): Listening {
  const corefile = parseCorefile(text);
  for (const { keys, line } of corefile.servers)
    for (const key of keys) {
      const { zone } = keyOf(key, line);
      if (zones.includes(zone))
        refuse(
          line,
          `there is a server block for ${zone} already; take it out, or leave the zone out with --zone for the others`,
        );
    }
  const rest = corefile.servers.filter(({ keys, line }) => keys.some((key) => keyOf(key, line).zone === ""));
  const plain = rest.filter(({ keys, line }) => keys.some((key) => isPlainRoot(key, line)));
  const [server, second] = plain;
  if (server === undefined)
    throw new UserError(
      "the Corefile has no server block for all names (.), by which it would be known on which port clients ask",
    );
  if (second !== undefined)
    refuse(second.line, "there is a second server block for all names (.); which one clients ask is not known");
  const ports = server.keys.filter((key) => isPlainRoot(key, server.line)).map((key) => keyOf(key, server.line).port);
  return { ports: [...new Set(ports)], binds: bindsOf(server, corefile) };
}

function isPlainRoot(key: string, line: number): boolean {
  const { zone, isPlain } = keyOf(key, line);
  return zone === "" && isPlain;
}

/** What a server block's key says: `tls://example.org.:853`. The root is the empty zone. */
function keyOf(
  key: string,
  line: number,
): { readonly zone: string; readonly port: string | undefined; readonly isPlain: boolean } {
  const [, scheme, rest = ""] = /^(?:([a-z0-9+]+):\/\/)?(.*)$/i.exec(key) ?? [];
  const [, zone = "", port] = /^(.*?)(?::(\d+))?$/.exec(rest) ?? [];
  if (zone.includes("/") && !zone.endsWith(".arpa") && !zone.endsWith(".arpa."))
    refuse(
      line,
      `"${key}" is a network, whose reverse zones are not known here; write them by their names, under in-addr.arpa or ip6.arpa`,
    );
  return {
    zone: zone.toLowerCase().replace(/\.$/, ""),
    port,
    isPlain: scheme === undefined || scheme.toLowerCase() === "dns",
  };
}

/** Lines of `bind` of a server block, also in snippets that it imports. */
function bindsOf({ directives }: ServerBlock, { snippets }: Corefile): readonly (readonly string[])[] {
  const imported = (directive: Directive): readonly Directive[] => {
    const { words, line } = directive;
    if (words[0] !== "import") return [directive];
    const snippet = snippets.get(words[1] ?? "");
    // CoreDNS knows those that stand before.
    if (snippet === undefined || snippet.line > line)
      refuse(
        line,
        `what "import ${words[1] ?? ""}" brings is not to be seen here, and may say where CoreDNS listens; ${importCure}`,
      );
    const nested = snippet.directives.find(({ words: [plugin] }) => plugin === "import");
    if (nested !== undefined) refuse(nested.line, "an import in a snippet is not followed; write out what it brings");
    return snippet.directives;
  };
  return directives.flatMap(imported).flatMap(({ words, line, hasBlock }) => {
    if (words[0] !== "bind") return [];
    if (hasBlock || words.some((word) => !/^[\w.:%,/-]+$/.test(word)))
      refuse(line, "a bind with more than addresses is not understood; write addresses alone");
    return [words];
  });
}
