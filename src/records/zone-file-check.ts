import { UserError } from "../base/errors";
import { atLine, directiveOf, type Entry, EntryReader, recordFields } from "../dns/master-file";
import { isSubdomain } from "../dns/name";
import { typeNameOf } from "../dns/rdata";
import { zoneConflicts } from "./zone-conflicts";
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

function knotProblem(entry: Entry): string | undefined {
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
