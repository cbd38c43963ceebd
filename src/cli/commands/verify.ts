import type { Command } from "commander";

import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import type { VerifyReport } from "../verify";

interface Options extends AccessOptions {
  readonly zone?: readonly string[];
  readonly json?: boolean;
}

/** `mesh verify`: whether every copy of every zone is the owner's. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "verify",
    summary: "compares the content of every zone at every site",
    description:
      "Transfers each zone from each site (and each pod that can be reached by itself), over TLS and signed, and compares its canonical digest with the owner's. Copies of different serials are asked for again for a few seconds first. " +
      "The key is --key, or each site's own, read from the clusters that stack files in this folder name. Ends with 1 where copies differ, or somebody could not be asked.",
    examples: ["verify", "verify --zone example.com --json", "verify --key reader.key --ca mesh-ca.pem"],
  });
  withJson(withAccess(command)).option("--zone <NAMES...>", "these zones alone").action(verify);
}

async function verify(options: Options): Promise<void> {
  const { readAccess } = await import("../mesh-access");
  const access = readAccess(options);
  const { verifyMesh } = await import("../verify-mesh");
  const { foldName } = await import("../../base/names");
  const isShown = process.stderr.isTTY && options.json !== true;
  const { report, keyFailures, notes } = await verifyMesh(access, {
    ...(options.zone && { wanted: options.zone.map(foldName) }),
    ...(isShown && { progress: showProgress }),
  });
  if (isShown) process.stderr.write("\r\u001b[K");
  if (options.json === true) printJson({ ...report, keyFailures, notes });
  else await print(report, keyFailures, notes);
  process.exitCode = report.ok ? exitCodes.fine : exitCodes.found;
}

function showProgress(done: number, all: number): void {
  if (done % 100 === 0) process.stderr.write(`\r${done} of ${all} copies`);
}

async function print(report: VerifyReport, failures: readonly string[], notes: readonly string[]): Promise<void> {
  const { verifyText } = await import("../verify-text");
  const { styleFor } = await import("../style");
  const lines = [verifyText(report, failures, styleFor(process.stdout)), ...notes];
  process.stdout.write(`${lines.join("\n")}\n`);
}
