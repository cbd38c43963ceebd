import { z } from "zod";

import { absolute } from "../dns/name";
import { formatRdata } from "../dns/rdata";
import { type RecordSet, recordTypes } from "../records/model";
import { recordSetOf } from "../records/record-set";

/** Records that a zone begins with, as the list has them: DnsRecord specs without their zone. */
export const initialRecords = z
  .array(
    z.strictObject({
      name: z.string({ error: 'must be text; write the name within the zone, or "@"' }),
      type: z.enum(recordTypes, { error: `must be one of ${recordTypes.join(", ")}` }),
      ttl: z.number({ error: "must be a number of seconds" }).optional(),
      value: z.string({ error: "must be text; write the data as a zone file has it" }).optional(),
      values: z.array(z.string({ error: "must be text" }), { error: "must be a list of texts" }).optional(),
    }),
    { error: "must be a list of records, each with name, type and value" },
  )
  .describe("Initial records beside the skeleton's SOA and NS, as in a DnsRecord's spec. Not beside zoneFile.");

type InitialRecords = z.infer<typeof initialRecords>;

interface ListedZone {
  readonly name: string;
  readonly zoneFile?: string | undefined;
  readonly records?: InitialRecords | undefined;
}

/** What is wrong with a zone's initial records: the path below the zone, and the end of a sentence. */
export function initialRecordProblems(
  zone: ListedZone,
): { readonly path: (string | number)[]; readonly message: string }[] {
  if (zone.records === undefined) return [];
  if (zone.zoneFile !== undefined)
    return [{ path: ["records"], message: "stand beside a zoneFile; write them into it, or leave it out" }];
  const others = new Set(zone.records.filter(({ type }) => type !== "CNAME").map(({ name }) => name.toLowerCase()));
  return zone.records.flatMap((record, i) => {
    const reading = readingOf(zone.name, record);
    const problems = reading.kind === "refused" ? [...reading.problems] : [];
    if (record.type === "CNAME" && others.has(record.name.toLowerCase()))
      problems.push(`the name ${record.name} has a CNAME and other records; keep the CNAME alone, or leave it out`);
    return problems.map((message) => ({ path: ["records", i], message: message.replace(/^spec\.?/, "") }));
  });
}

/** The records as lines of a master file, names absolute. @throws Error for records with problems. */
export function initialRecordLines(zone: string, records: InitialRecords): string[] {
  return records.flatMap((record) => {
    const reading = readingOf(zone, record);
    if (reading.kind === "refused") throw new Error(reading.problems.join("; "));
    return linesOf(reading.set);
  });
}

function readingOf(zone: string, { ttl, value, values, ...record }: InitialRecords[number]) {
  return recordSetOf({
    zone,
    ...record,
    ...(ttl !== undefined && { ttl }),
    ...(value !== undefined && { value }),
    ...(values !== undefined && { values }),
  });
}

function linesOf({ name, ttl, type, records }: RecordSet): string[] {
  return records.map((record) => `${absolute(name)} ${ttl} IN ${type} ${formatRdata(record)}`);
}
