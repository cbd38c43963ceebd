import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import { dnskeyText, dsText } from "../../src/dns/rdata/trust-types";
import { PythonLines } from "../python-lines";
import { run } from "../tools/run";

/** Text of the records of a type at a zone's apex, sorted. */
export async function apexTexts(server: DnsServer, zone: string, type: "CDS" | "DNSKEY"): Promise<string[]> {
  const { answers } = await new DnsClient({ timeoutMs: 1000 }).query(server, zone, type);
  const text = type === "CDS" ? dsText : dnskeyText;
  const rdata = answers.flatMap((record) =>
    record.type === "OTHER" && record.typeName === type ? [record.rdata] : [],
  );
  return rdata.map(text).sort();
}

/**
 * Has dnspython check a zone's answers at a server against DS records.
 *
 * @returns tags of the keys that signed the answers.
 */
export async function validate(lookup: {
  readonly server: DnsServer;
  readonly zone: string;
  readonly ds: readonly string[];
  readonly questions: readonly (readonly [name: string, type: string])[];
}): Promise<readonly number[]> {
  const { server, zone, ds, questions } = lookup;
  validator ??= new PythonLines(join(__dirname, "validate.py"));
  return (await validator.ask({ address: server.address, port: server.port, zone, ds, questions })) as number[];
}

let validator: PythonLines | undefined;

/** What BIND's `delv` says of an answer, given the zone's keys as its only trust. */
export async function delv(lookup: {
  readonly server: DnsServer;
  readonly zone: string;
  readonly ds: readonly string[];
  readonly question: readonly [name: string, type: string];
}): Promise<string> {
  const { server, zone, ds, question } = lookup;
  const folder = await mkdtemp(join(tmpdir(), "mesh-delv-"));
  try {
    const anchors = ds.map((text) => text.replace(/^(\d+ \d+ \d+) (.*)$/, `"${zone}" static-ds $1 "$2";`));
    const file = join(folder, "anchors");
    await writeFile(file, `trust-anchors { ${anchors.join(" ")} };\n`);
    const to = [`@${server.address}`, "-p", String(server.port), "-a", file, `+root=${zone}`];
    return await run("delv", [...to, ...question], { timeoutMs: 10_000 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
