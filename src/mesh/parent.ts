import { isWithin } from "../base/names";
import type { Delegated, ParentLook } from "../dns/client/parent-reader";
import type { DelegationRecords } from "./name-servers";

/**
 * How a parent outside the mesh stands to what it should have. One that names none of the zone's servers (`elsewhere`), or
 * does not delegate the zone (`none`), may be meant so: a private zone, or another view of a public one.
 */
export interface ParentState {
  readonly kind: "same" | "differs" | "elsewhere" | "none" | "unread";
  /** The parent; missing where it is not known. The root is "". */
  readonly parent?: string;
  /** What is to be done there so that it has what it should: `add NS ns1.example.org.`. */
  readonly changes: readonly string[];
  /** Why it could not be read. */
  readonly reason?: string;
}

/** Compares what a parent has of a zone with what it should have. */
export function compareParent(zone: string, wanted: DelegationRecords, look: ParentLook): ParentState {
  if (look.kind === "unread") return { kind: "unread", changes: [], reason: look.reason };
  const { parent, answers } = look;
  const found = answers.map(({ server, delegated }) => ({
    server,
    delegated,
    changes: changesFor(zone, wanted, delegated ?? nothing),
  }));
  const distinct = new Set(found.map(({ changes }) => changes.join("\n")));
  const changes =
    distinct.size === 1
      ? (found[0]?.changes ?? [])
      : found.flatMap(({ server, changes: own }) => own.map((change) => `${change} (at ${server})`));
  const standing = found.flatMap(({ delegated }) => delegated?.servers ?? []);
  if (changes.length === 0) return { kind: "same", parent, changes };
  if (standing.length === 0) return { kind: "none", parent, changes };
  const isOurs = standing.some((server) => wanted.servers.includes(server));
  return { kind: isOurs ? "differs" : "elsewhere", parent, changes };
}

/** What {@link compareParent} found, in a line. */
export function parentSentence(zone: string, { kind, parent, changes, reason = "" }: ParentState): string {
  const who = parent === undefined || parent === "" ? "the root" : parent;
  const todo = changes.join(", ");
  switch (kind) {
    case "same":
      return `${who} has of ${zone} what it should`;
    case "differs":
      return `${who} has of ${zone} what it should not: ${todo}`;
    case "elsewhere":
      return `${who} sends whoever asks for ${zone} to other servers; if they are to ask the mesh: ${todo}`;
    case "none":
      return `${who} does not delegate ${zone}; if resolvers are to find it from there: ${todo}`;
    case "unread":
      return `what the parent of ${zone} has is not known: ${reason}`;
  }
}

const nothing: Delegated = { servers: [], glue: [], ds: [] };

function changesFor(zone: string, wanted: DelegationRecords, { servers, glue, ds }: Delegated): readonly string[] {
  // What stands for a name goes with it.
  const kept = glue.filter((each) => wanted.servers.includes(nameIn(each)) && isWithin(nameIn(each), zone));
  return [
    ...difference(wanted.servers, servers).map(([verb, server]) => `${verb} NS ${server}.`),
    ...difference(wanted.glue, kept).map(([verb, each]) => `${verb} ${addressText(each)}`),
    ...dsChanges(wanted.ds, ds),
  ];
}

function dsChanges(wanted: readonly string[] | undefined, standing: readonly string[]): readonly string[] {
  // A zone that says nothing of keys is unsigned, or signed by somebody who publishes no CDS records.
  if (wanted === undefined) return standing.map((ds) => `take out DS ${ds}, unless the zone is signed with that key`);
  const covers = (one: string, other: string): boolean =>
    keyOf(one) === keyOf(other) && digestType(one) !== digestType(other);
  // Another digest of the same key says the same.
  return [
    ...wanted
      .filter((ds) => !standing.includes(ds) && !standing.some((each) => covers(each, ds)))
      .map((ds) => `add DS ${ds}`),
    ...standing
      .filter((ds) => !wanted.includes(ds) && !wanted.some((each) => covers(each, ds)))
      .map((ds) => `take out DS ${ds}`),
  ];
}

/** Key tag and algorithm. */
function keyOf(ds: string): string {
  return ds.split(" ").slice(0, 2).join(" ");
}

function digestType(ds: string): string | undefined {
  return ds.split(" ")[2];
}

function difference(wanted: readonly string[], standing: readonly string[]): readonly (readonly [string, string])[] {
  return [
    ...wanted.filter((each) => !standing.includes(each)).map((each) => ["add", each] as const),
    ...standing.filter((each) => !wanted.includes(each)).map((each) => ["take out", each] as const),
  ];
}

function nameIn(glue: string): string {
  return glue.split(" ")[0] ?? "";
}

/** `name address` as a record. */
export function addressText(glue: string): string {
  const [name = "", address = ""] = glue.split(" ");
  return `${name}. ${address.includes(":") ? "AAAA" : "A"} ${address}`;
}
