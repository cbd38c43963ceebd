import type { Command } from "commander";

import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, printJson, textOf, within, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import type { LintZone } from "../lint";

interface Options extends AccessOptions {
  readonly json?: boolean;
}

/** `mesh lint`: what is wrong across zones. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "lint [ZONEFILES...]",
    summary: "looks across zones for what breaks or was not meant",
    description:
      "CNAME, MX, SRV and NS that lead to nothing within these zones, loops of CNAMEs, missing glue, SPF and DMARC that receivers refuse. Looks at the files, or at the mesh's zones, transferred from their owners as verify does. Names outside of these zones are not judged. Ends with 1 when anything is found.",
    examples: ["lint", "lint example.com.zone example.net.zone", "lint --json"],
  });
  withJson(withAccess(command)).action(lint);
}

async function lint(files: readonly string[], options: Options): Promise<void> {
  const { lintZones } = await import("../lint");
  const { styleFor } = await import("../style");
  const zones = files.length > 0 ? await readFiles(files) : await transferred(options);
  const findings = lintZones(zones);
  process.exitCode = findings.length === 0 ? exitCodes.fine : exitCodes.found;
  if (options.json === true) {
    printJson({ zones: zones.map(({ name }) => name), findings });
    return;
  }
  const { bad, doubtful, good } = styleFor(process.stdout);
  for (const { severity, zone, name, type, rule, message } of findings)
    console.log((severity === "error" ? bad : doubtful)(`${severity}  ${zone}  ${name} ${type}: ${message} (${rule})`));
  if (findings.length === 0) console.log(good(`${zones.length} zones: nothing found`));
}

async function readFiles(files: readonly string[]): Promise<readonly LintZone[]> {
  const { readZoneFile } = await import("../../records/zone-file");
  return files.map((file) => {
    const text = textOf(file);
    const { zone, records } = within(file, () => readZoneFile(text));
    return { name: zone, records: records.map(({ record }) => record) };
  });
}

async function transferred(options: Options): Promise<readonly LintZone[]> {
  const { withClusterKeys } = await import("../cluster-keys");
  const { takeZones } = await import("../take-zones");
  const { readAccess } = await import("../mesh-access");
  const { access, failures } = await withClusterKeys(readAccess(options));
  return takeZones(access, failures);
}
