import { UserError } from "../base/errors";
import { atLine, directiveOf, EntryReader, type FileEntry, recordFields } from "../dns/master-file";
import { isSubdomain } from "../dns/name";
import { recordKey, typeNameOf } from "../dns/rdata";
import { readZone, type ZoneFile } from "./zone-file";

/** Mnemonics that Knot reads in a zone file (3.5.8). Every other type can be written as `TYPE1234 \# …`. */
const knotTypes = new Set(
  (
    "A NS CNAME SOA PTR HINFO MINFO MX TXT RP AFSDB RT KEY AAAA LOC SRV NAPTR KX CERT DNAME APL DS SSHFP IPSECKEY RRSIG " +
    "NSEC DNSKEY DHCID NSEC3 NSEC3PARAM TLSA SMIMEA CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS DSYNC SPF NID L32 " +
    "L64 LP EUI48 EUI64 URI CAA RESINFO WALLET"
  ).split(" "),
);

/**
 * What is wrong with the text of a zone that its site's Knot is to load as a file: what no server reads, what Knot alone
 * does not, records that Knot would leave out, and those that cannot be together. Data of types without a reader here is
 * not looked at.
 *
 * @param zone - Name of the zone that the file must be of.
 * @returns a sentence each, with the line.
 */
export function zoneFileProblems(text: string, zone: string): readonly string[] {
  const { file, problems } = readZone(text, zone);
  const known = new Set(problems.map(lineOf));
  const more = knotProblems(text).filter((problem) => !known.has(lineOf(problem)));
  return [...problems, ...more, ...(problems.length === 0 && file !== undefined ? contentProblems(file) : [])];
}

/** Each problem has its line before the colon. */
function lineOf(problem: string): string {
  return problem.slice(0, problem.indexOf(":"));
}

function contentProblems(file: ZoneFile): string[] {
  const hasSoa = file.records.some(({ record }) => record.type === "SOA");
  const outside = file.leftOut.flatMap(({ line, why, unread }) => (unread ? [] : [{ line, message: why }]));
  const conflicts = [...outside, ...zoneConflicts(file), ...belowDname(file)];
  return [
    ...(hasSoa ? [] : ["there is no SOA record; begin with one, or leave zoneFile out for a skeleton"]),
    ...conflicts.map(({ line, message }) => atLine(line, new UserError(message))),
  ];
}

/** RFC 6672 section 2.4. */
function belowDname({ records }: ZoneFile): { readonly line: number; readonly message: string }[] {
  const renamed = records.filter(({ record }) => typeNameOf(record) === "DNAME").map(({ record }) => record.name);
  return records.flatMap(({ line, record: { name } }) => {
    const above = renamed.find((each) => name !== each && isSubdomain(name, each));
    return above === undefined ? [] : [{ line, message: `${name} is below ${above}, whose DNAME renames all of it` }];
  });
}

/** What is right in a zone file and not read by Knot. */
function knotProblems(text: string): string[] {
  const problems: string[] = [];
  try {
    for (const entry of new EntryReader(text).entries()) {
      const problem = knotProblem(entry);
      if (problem !== undefined) problems.push(atLine(entry.line, new UserError(problem)));
    }
  } catch (error) {
    // The reader of the zone reports it.
    if (!(error instanceof UserError)) throw error;
  }
  return problems;
}

function knotProblem(entry: FileEntry): string | undefined {
  const directive = directiveOf(entry);
  if (directive === "$GENERATE") return "$GENERATE is BIND's alone, and Knot does not read it; write the records out";
  if (directive === "$DATE") return "Knot does not read $DATE; take it away";
  const foreign = entry.tokens.find(({ text }) => /[^ -~\t]/.test(text));
  if (foreign !== undefined)
    return `"${foreign.text}" has characters outside ASCII; write names as xn--…, and other octets as \\DDD`;
  if (directive !== undefined) return undefined;
  const type = recordFields(entry).type.text.toUpperCase();
  if (knotTypes.has(type) || /^TYPE\d+$/.test(type)) return undefined;
  return `Knot does not read the type ${type} by that name; write TYPE1234 \\# LENGTH HEX (RFC 3597)`;
}

/** A record by what it must not stand beside. `key` makes the same for equal records; few are asked for it. */
interface Placed {
  readonly line: number;
  readonly name: string;
  readonly type: string;
  readonly key: () => string;
}

/** A record that another one excludes. */
interface ZoneConflict {
  readonly line: number;
  readonly message: string;
}

/** What may stand beside a CNAME (RFC 4035 section 2.5, RFC 2535 section 2.3.5). */
const besideCname = new Set(["RRSIG", "NSEC", "KEY", "SIG", "NXT"]);

/** Types of which a name has one record at most. */
const singletons = ["CNAME", "DNAME"];

/** The records of a zone that cannot be together at a name (RFC 1034 section 3.6.2, RFC 6672 section 2.4). */
export function zoneConflicts({ records, leftOut }: ZoneFile): ZoneConflict[] {
  const placed = [
    ...records.map(({ line, record }): Placed => {
      return { line, name: record.name, type: typeNameOf(record), key: () => recordKey(record) };
    }),
    ...leftOut.flatMap(({ line, unread }): Placed[] => (unread ? [{ line, ...unread, key: () => `${line}` }] : [])),
  ];
  const byName = new Map<string, Placed[]>();
  for (const each of placed) {
    const set = byName.get(each.name);
    if (set === undefined) byName.set(each.name, [each]);
    else set.push(each);
  }
  const shared = [...byName.values()].filter(({ length }) => length > 1);
  return shared.flatMap((set) => [...doubles(set), ...besideAlias(set)]);
}

function doubles(set: readonly Placed[]): ZoneConflict[] {
  return singletons.flatMap((type) => {
    const [first, ...others] = set.filter((each) => each.type === type);
    const other = others.find(({ key }) => key() !== first?.key());
    if (other === undefined) return [];
    return [{ line: other.line, message: `${other.name} has a second ${type}; a name has one at most` }];
  });
}

function besideAlias(set: readonly Placed[]): ZoneConflict[] {
  const alias = set.find(({ type }) => type === "CNAME");
  const other = set.find(({ type }) => type !== "CNAME" && !besideCname.has(type));
  if (alias === undefined || other === undefined) return [];
  const line = Math.max(alias.line, other.line);
  return [
    { line, message: `${alias.name} has a CNAME beside ${other.type}; a CNAME stands alone (RFC 1034 section 3.6.2)` },
  ];
}
