import type { Command } from "commander";

import { addCommand, printJson, withJson } from "../command";

interface Options {
  readonly zone?: string;
  readonly json?: boolean;
}

/** `mesh export`: DnsRecords as a zone file. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "export [FILES...]",
      summary: "DnsRecords (YAML or JSON) as a zone file",
      description:
        'Prints the zone file, and on the standard error what it leaves out. "-" and no FILE read the standard input.',
      examples: ["export records.yaml > example.zone"],
    })
      .option("--zone <NAME>", "the zone, where the objects are of several")
      .addHelpText("after", "  kubectl get dnsrecords -o yaml | mesh export"),
  ).action(exportFiles);
}

async function exportFiles(files: readonly string[], { zone, json }: Options): Promise<void> {
  const { exportZone } = await import("../../records/convert");
  const { objectsIn } = await import("../record-files");
  const objects = (files.length === 0 ? ["-"] : files).flatMap(objectsIn);
  const { text, problems } = exportZone(objects, zone);
  for (const problem of problems) console.error(`left out: ${problem}`);
  if (json === true) printJson({ zoneFile: text, leftOut: problems });
  else process.stdout.write(text);
}
