import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { UserError } from "../../src/base/errors";
import { absolute } from "../../src/dns/name";
import { formatRecord, typeNameOf } from "../../src/dns/rdata";
import { readZoneFile, type ZoneFile } from "../../src/records/zone-file";
import { zoneConflicts } from "../../src/records/zone-file-check";

const run = promisify(execFile);

/** How our reading of a zone file stands to BIND's. */
export type Comparison =
  | { readonly kind: "same"; readonly records: number }
  | { readonly kind: "bothRefuse"; readonly ours: string }
  | { readonly kind: "weRefuse"; readonly ours: string; readonly records: number }
  | { readonly kind: "bindRefuses"; readonly theirs: string }
  | { readonly kind: "differ"; readonly missing: readonly string[]; readonly extra: readonly string[] };

/**
 * Reads a zone file with our reader and with BIND's `named-checkzone`, and compares the records. Ours are written plainly
 * and read by BIND, so that it is BIND that says what is the same. Types without a reader here are not compared.
 *
 * @param zone - The zone's name; without one that which our reader finds, else `example`.
 */
export async function compareWithBind(text: string, zone?: string): Promise<Comparison> {
  const found = zone ?? zoneOf(text);
  const reading = readOurs(text, found);
  const name = found ?? (typeof reading === "string" ? "example" : reading.zone);
  const theirs = await readByBind(text, name);
  if (typeof reading === "string")
    return typeof theirs === "string"
      ? { kind: "bothRefuse", ours: reading }
      : { kind: "weRefuse", ours: reading, records: theirs.length };
  if (typeof theirs === "string") return { kind: "bindRefuses", theirs };
  const plain = await readByBind(`${reading.records.map(({ record }) => formatRecord(record)).join("\n")}\n`, name);
  const unread = new Set(reading.leftOut.flatMap((each) => (each.unread ? [each.unread.type.toLowerCase()] : [])));
  const mixed = mixedTtls(reading);
  const compared = (lines: readonly string[] | string) =>
    typeof lines === "string"
      ? [lines]
      : lines
          .filter((line) => !unread.has(line.split(" ")[3] ?? ""))
          .map((line) =>
            line.replace(/^(\S+) \d+ in (\S+)/, (all, name: string, type: string) => {
              return mixed.has(`${name} ${type}`) ? `${name} in ${type}` : all;
            }),
          );
  const [ours, wanted] = [compared(plain), compared(theirs)];
  const [inOurs, inTheirs] = [new Set(ours), new Set(wanted)];
  const missing = wanted.filter((line) => !inOurs.has(line));
  const extra = ours.filter((line) => !inTheirs.has(line));
  if (missing.length + extra.length > 0) return { kind: "differ", missing, extra };
  return { kind: "same", records: wanted.length };
}

/** RRsets with several TTLs: BIND takes one of them, which one hangs on what stands between the records. */
function mixedTtls({ records }: ZoneFile): ReadonlySet<string> {
  const ttls = new Map<string, number>();
  const mixed = new Set<string>();
  for (const { record } of records) {
    const key = `${absolute(record.name)} ${typeNameOf(record)}`.toLowerCase();
    if ((ttls.get(key) ?? record.ttl) !== record.ttl) mixed.add(key);
    ttls.set(key, record.ttl);
  }
  return mixed;
}

/** A name for a zone file that does not say its own; undefined for one that does. */
function zoneOf(text: string): string | undefined {
  const reading = readOurs(text, undefined);
  return typeof reading === "string" && reading.includes("nothing says") ? "example" : undefined;
}

function readOurs(text: string, zone: string | undefined): ZoneFile | string {
  try {
    const file = readZoneFile(text, zone);
    const [conflict] = zoneConflicts(file);
    return conflict === undefined ? file : `line ${conflict.line}: ${conflict.message}`;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** The records that BIND reads, one a line in lower case with single blanks; what it says when it refuses. */
async function readByBind(text: string, zone: string): Promise<readonly string[] | string> {
  const folder = await mkdtemp(join(tmpdir(), "dns-mesh-bind-"));
  try {
    const path = join(folder, "zone");
    await writeFile(path, text);
    const lenient = ["-k", "-m", "-M", "-n", "-r", "-S", "-T"].flatMap((option) => [option, "ignore"]);
    const args = ["-D", "-o", "-", "-s", "full", "-i", "none", ...lenient, zone === "" ? "." : zone, path];
    const { stdout } = await run("named-checkzone", args, { maxBuffer: 1 << 28, cwd: folder });
    return stdout
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith(";"))
      .map((line) => line.replace(/\s+/g, " ").toLowerCase());
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr ?? error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
