import { UserError } from "../base/errors";
import { readZoneFile, type ZoneFile } from "./zone-file";
import { EntryReader } from "./zone-lines";

/**
 * Everything for which Knot would refuse a zone file, or leave out records of it: a sentence each, with the line.
 *
 * Types whose data has no reader here are Knot's own business.
 *
 * @param zone - Name of the zone that the file must be of.
 */
export function zoneFileProblems(text: string, zone: string): readonly string[] {
  let file: ZoneFile;
  try {
    file = readZoneFile(text, zone);
    const generated = generateLines(text);
    if (generated.length > 0) return generated;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message.split("\n");
  }
  const outside = file.leftOut.filter(({ why }) => why.endsWith(`is not within the zone ${zone}`));
  return [
    ...(file.records.some(({ record }) => record.type === "SOA")
      ? []
      : ["there is no SOA record; begin with one, or leave zoneFile out for a skeleton"]),
    ...outside.map(({ line, why }) => `line ${line}: ${why}`),
    ...aliasProblems(file),
  ];
}

/** Knot does not know that directive, which `mesh import` writes out. */
function generateLines(text: string): readonly string[] {
  return [...new EntryReader(text).entries()]
    .filter(({ tokens: [first] }) => first?.isQuoted === false && first.text.toUpperCase() === "$GENERATE")
    .map(({ line }) => `line ${line}: $GENERATE is BIND's alone, and Knot does not read it; write the records out`);
}

/** A CNAME stands alone at its name (RFC 2181 section 10.1). */
function aliasProblems({ records }: ZoneFile): readonly string[] {
  const types = new Map<string, Set<string>>();
  for (const { record } of records) types.set(record.name, (types.get(record.name) ?? new Set()).add(record.type));
  const aliases = records.filter(({ record }) => record.type === "CNAME");
  const seen = new Set<string>();
  return aliases.flatMap(({ line, record }) => {
    const isSecond = seen.has(record.name);
    seen.add(record.name);
    if (isSecond) return [`line ${line}: ${record.name} has a second CNAME; take one away`];
    const others = [...(types.get(record.name) ?? [])].filter((type) => type !== "CNAME");
    return others.length === 0
      ? []
      : [`line ${line}: ${record.name} has a CNAME beside ${others.join(", ")}; keep the CNAME alone, or leave it out`];
  });
}
