import { recordKey, typeNameOf } from "../dns/rdata";
import type { ZoneFile } from "./zone-file";

/** A record by what it must not stand beside. `key` is the same for equal records. */
interface Placed {
  readonly line: number;
  readonly name: string;
  readonly type: string;
  readonly key: string;
}

/** A record that another one excludes. */
export interface ZoneConflict {
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
      return { line, name: record.name, type: typeNameOf(record), key: recordKey(record) };
    }),
    ...leftOut.flatMap(({ line, unread }): Placed[] => (unread ? [{ line, ...unread, key: `${line}` }] : [])),
  ];
  const byName = new Map<string, Placed[]>();
  for (const each of placed) {
    const set = byName.get(each.name);
    if (set === undefined) byName.set(each.name, [each]);
    else set.push(each);
  }
  return [...byName.values()].flatMap((set) => [...doubles(set), ...besideAlias(set)]);
}

function doubles(set: readonly Placed[]): ZoneConflict[] {
  return singletons.flatMap((type) => {
    const [first, ...others] = set.filter((each) => each.type === type);
    const other = others.find(({ key }) => key !== first?.key);
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
