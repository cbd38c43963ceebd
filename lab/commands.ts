import { UserError } from "../src/base/errors";
import { foldName, isWithin } from "../src/base/names";
import type { NameServers } from "../src/mesh/model";
import type { CutDirection } from "./network";

/** Which programs of a site are meant. */
export type Victim = "knot" | "agent" | "all";

/** What a user may have the lab do. */
export type Command =
  | { readonly kind: "add site"; readonly site: string | undefined }
  | { readonly kind: "remove site" | "heal" | "start"; readonly site: string }
  | { readonly kind: "cut"; readonly site: string; readonly direction: CutDirection }
  | { readonly kind: "delay"; readonly site: string; readonly ms: number; readonly jitterMs: number }
  | { readonly kind: "loss"; readonly site: string; readonly percent: number }
  | { readonly kind: "kill"; readonly site: string; readonly victim: Victim }
  | {
      readonly kind: "change";
      readonly zone: string;
      readonly name: string;
      readonly type: string;
      readonly value: string;
    }
  | { readonly kind: "add zone"; readonly zone: string; readonly site: string }
  | { readonly kind: "remove zone"; readonly zone: string }
  | { readonly kind: "ask"; readonly site: string; readonly name: string; readonly type: string }
  | { readonly kind: "name servers"; readonly servers: NameServers }
  | { readonly kind: "wait" | "wait name servers"; readonly seconds: number }
  | { readonly kind: "wait alert"; readonly alert: string; readonly site: string; readonly seconds: number }
  | { readonly kind: "wait quiet"; readonly seconds: number }
  | { readonly kind: "mesh"; readonly args: readonly string[] }
  | { readonly kind: "watch" | "alerts" }
  | { readonly kind: "status" | "help" | "quit" };

type Read = (args: readonly string[]) => Command;

interface Form {
  /** Words that it begins with. */
  readonly words: string;
  /** Arguments as the help has them; those in brackets may be left out. */
  readonly args: string;
  readonly help: string;
  /** Whether the last argument is the rest of the line. */
  readonly rest?: true;
  readonly read: Read;
}

/** Made for forms of which the number of arguments was checked. */
const at = (args: readonly string[], index: number): string => args[index] ?? "";

const ofSite =
  (kind: "remove site" | "heal" | "start"): Read =>
  (args) => ({ kind, site: at(args, 0) });

const forms: readonly Form[] = [
  {
    words: "add site",
    args: "[NAME]",
    help: "one more site joins, with a zone of its own",
    read: (args) => ({ kind: "add site", site: args[0] }),
  },
  { words: "remove site", args: "NAME", help: "a site leaves, and its zones with it", read: ofSite("remove site") },
  {
    words: "cut",
    args: "NAME [in|out]",
    help: "unplugs a site, or loses just what goes in or comes out (namespaces only)",
    read: (args) => ({ kind: "cut", site: at(args, 0), direction: direction(args[1]) }),
  },
  { words: "heal", args: "NAME", help: "plugs it in again (namespaces only)", read: ofSite("heal") },
  {
    words: "delay",
    args: "NAME MS [JITTER]",
    help: "each packet from and to a site takes so much longer; a round trip twice that (namespaces only)",
    read: (args) => ({
      kind: "delay",
      site: at(args, 0),
      ms: amount(at(args, 1), "MS", 60_000),
      jitterMs: amount(args[2] ?? "0", "JITTER", 60_000),
    }),
  },
  {
    words: "loss",
    args: "NAME PERCENT",
    help: "so many packets from and to a site are lost (namespaces only)",
    read: (args) => ({ kind: "loss", site: at(args, 0), percent: amount(at(args, 1), "PERCENT", 100) }),
  },
  {
    words: "kill",
    args: "NAME knot|agent|all",
    help: "ends programs of a site at once; they stay away",
    read: (args) => ({ kind: "kill", site: at(args, 0), victim: victim(at(args, 1)) }),
  },
  { words: "start", args: "NAME", help: "starts what does not run at a site", read: ofSite("start") },
  {
    words: "change",
    args: "ZONE NAME TYPE VALUE",
    rest: true,
    help: "sets a record at its owner and tells how long the others take",
    read: (args) => ({
      kind: "change",
      zone: foldName(at(args, 0)),
      name: at(args, 1),
      type: at(args, 2).toUpperCase(),
      value: at(args, 3),
    }),
  },
  {
    words: "add zone",
    args: "ZONE at SITE",
    help: "a site owns one more zone",
    read: (args) => {
      if (args[1] !== "at") throw new UserError('write "at" between the zone and its site');
      return { kind: "add zone", zone: at(args, 0), site: at(args, 2) };
    },
  },
  {
    words: "remove zone",
    args: "ZONE",
    help: "a zone leaves the mesh",
    read: (args) => ({ kind: "remove zone", zone: at(args, 0) }),
  },
  {
    words: "ask",
    args: "SITE NAME [TYPE]",
    help: "what a site answers, and how long it takes",
    read: (args) => ({
      kind: "ask",
      site: at(args, 0),
      name: foldName(at(args, 1)),
      type: (args[2] ?? "SOA").toUpperCase(),
    }),
  },
  {
    words: "wait converged",
    args: "[SECONDS]",
    help: "until every reachable site answers every zone as its owner does (60 s at most)",
    read: (args) => ({ kind: "wait", seconds: amount(args[0] ?? "60", "SECONDS", 3600) }),
  },
  {
    words: "name servers",
    args: "all|catalog|NAMES",
    help: "NS records name all sites, the catalog sites, or those listed with commas, from then on",
    read: (args) => ({ kind: "name servers", servers: servers(at(args, 0)) }),
  },
  {
    words: "wait name servers",
    args: "[SECONDS]",
    help: "until every reachable site answers these NS records (60 s at most)",
    read: (args) => ({ kind: "wait name servers", seconds: amount(args[0] ?? "60", "SECONDS", 3600) }),
  },
  {
    words: "watch",
    args: "",
    help: "a Prometheus with the mesh's alert rules, whose minutes are seconds, looks at the lab",
    read: () => ({ kind: "watch" }),
  },
  { words: "alerts", args: "", help: "what fires, and what is about to", read: () => ({ kind: "alerts" }) },
  {
    words: "wait alert",
    args: "NAME SITE [SECONDS]",
    help: "until that alert of a site fires (120 s at most)",
    read: (args) => ({
      kind: "wait alert",
      alert: at(args, 0),
      site: at(args, 1),
      seconds: amount(args[2] ?? "120", "SECONDS", 3600),
    }),
  },
  {
    words: "wait quiet",
    args: "[SECONDS]",
    help: "until no alert fires or is about to (120 s at most)",
    read: (args) => ({ kind: "wait quiet", seconds: amount(args[0] ?? "120", "SECONDS", 3600) }),
  },
  {
    words: "mesh",
    args: "COMMAND",
    rest: true,
    help: "what the command mesh says of this lab, asked from inside of it: mesh status",
    read: (args) => ({ kind: "mesh", args: at(args, 0).split(/\s+/) }),
  },
  { words: "status", args: "", help: "the table of all sites", read: () => ({ kind: "status" }) },
  { words: "help", args: "", help: "this list", read: () => ({ kind: "help" }) },
  { words: "quit", args: "", help: "ends the lab and removes everything", read: () => ({ kind: "quit" }) },
];

/** All commands, a line each. */
export function commandHelp(): string {
  const heads = forms.map(({ words, args }) => `${words} ${args}`.trimEnd());
  const width = Math.max(...heads.map(({ length }) => length));
  return forms.map(({ help }, i) => `  ${(heads[i] ?? "").padEnd(width)}  ${help}`).join("\n");
}

/** A line without its remark: `#` at the beginning or behind a space, outside of quotes, and what follows. */
function withoutRemark(line: string): string {
  return /^(?:"[^"]*"?|[^"\s#]#*|\s(?!#))*/.exec(` ${line}`)?.[0].trim() ?? "";
}

/**
 * Reads one line; undefined when nothing, or nothing but a remark (`#`), stands there.
 *
 * @throws UserError that says what is wrong and how the command is written.
 */
export function parseCommand(line: string): Command | undefined {
  const text = withoutRemark(line);
  if (text === "") return undefined;
  const words = text.split(/\s+/);
  const form = forms.find((each) => each.words.split(" ").every((word, i) => word === words[i]));
  if (form === undefined) throw new UserError(unknownCommand(words));
  const args = argumentsOf(form, text);
  try {
    return form.read(args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; write: ${form.words} ${form.args}`);
  }
}

function argumentsOf(form: Form, text: string): readonly string[] {
  const rest = text.split(/\s+/).slice(form.words.split(" ").length);
  const names = form.args === "" ? [] : form.args.split(" ");
  const least = names.filter((name) => !name.startsWith("[")).length;
  const most = form.rest === true ? Infinity : names.length;
  if (rest.length < least || rest.length > most) {
    throw new UserError(
      `"${text}" has ${rest.length < least ? "too few" : "too many"} arguments; write: ${`${form.words} ${form.args}`.trimEnd()}`,
    );
  }
  if (form.rest !== true) return rest;
  const before = new RegExp(`^(?:\\S+\\s+){${form.words.split(" ").length + least - 1}}`);
  return [...rest.slice(0, least - 1), text.replace(before, "")];
}

function unknownCommand(words: readonly string[]): string {
  const alike = forms.filter(({ words: known }) => known.split(" ")[0] === words[0]);
  const choices = (alike.length > 0 ? alike : forms).map(({ words: known }) => known).join(", ");
  const said = words.slice(0, alike.length > 0 ? 2 : 1).join(" ");
  return `unknown command "${said}"; there are: ${choices} ("help" explains them)`;
}

function amount(text: string, what: string, most: number): number {
  const value = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || value > most)
    throw new UserError(`${what} must be a number from 0 to ${most}, not "${text}"`);
  return value;
}

function servers(text: string): NameServers {
  return text === "all" || text === "catalog" ? text : text.split(",");
}

function direction(text: string | undefined): CutDirection {
  if (text === undefined) return "both";
  if (text === "in" || text === "out") return text;
  throw new UserError(`"${text}" is neither in nor out`);
}

function victim(text: string): Victim {
  if (text === "knot" || text === "agent" || text === "all") return text;
  throw new UserError(`"${text}" is none of knot, agent and all`);
}

/** The absolute name of a record: `@` is the zone itself, a name outside it is meant below it. */
export function recordName(name: string, zone: string): string {
  if (name === "@") return zone;
  const folded = foldName(name);
  return isWithin(folded, zone) ? folded : `${folded}.${zone}`;
}
