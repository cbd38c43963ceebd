import type { Command } from "commander";

import { addCommand, printJson, textOf, within, withJson } from "../command";

interface Options {
  readonly zone?: string;
  readonly json?: boolean;
}

/** `mesh import`: a zone file as DnsRecords. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "import [FILE]",
      summary: "a zone file as DnsRecords",
      description:
        'Prints the objects, and on the standard error what it leaves out. "-" and no FILE read the standard input.',
      examples: ["import example.zone > records.yaml", "import --zone example.com dump.txt | kubectl apply -f -"],
    }).option("--zone <NAME>", "the zone, where the file does not say it"),
  ).action(importFile);
}

async function importFile(file = "-", { zone, json }: Options): Promise<void> {
  const { importZone } = await import("../../records/convert");
  const { readZoneFile } = await import("../../records/zone-file");
  const { manifestText } = await import("../manifest-text");
  const text = textOf(file);
  const { objects, leftOut } = within(file, () => importZone(readZoneFile(text, zone)));
  for (const { line, why } of leftOut) console.error(`${file}: line ${line}: left out: ${why}`);
  if (json === true) printJson({ apiVersion: "v1", kind: "List", items: objects });
  else process.stdout.write(manifestText(objects));
}
