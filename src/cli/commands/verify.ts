import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import { type AccessOptions, type MeshAccess, readAccess, withAccess } from "../mesh-access";
import type { VerifyReport } from "../verify";

interface Options extends AccessOptions {
  readonly zone?: readonly string[];
  readonly json?: boolean;
}

/** Milliseconds of silence after which a server is given up. */
const timeoutMs = 15_000;

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
  const read = readAccess(options);
  const { withClusterKeys } = await import("../cluster-keys");
  const { verifyZones } = await import("../verify");
  const { zonesOf } = await import("../look");
  const { transferPoints } = await import("../mesh-access");
  const { foldName } = await import("../../base/names");
  const { access, failures } = await withClusterKeys(read);
  const points = transferPoints(access);
  if (points.length === 0)
    throw new UserError(
      [
        "there is no key to transfer zones with: --key FILE (and --ca FILE), or stack files of sites in this folder",
        ...failures,
      ].join("\n"),
    );
  const wanted = options.zone?.map(foldName);
  const zones = zonesOf(access).filter(({ name }) => wanted?.includes(name) ?? true);
  const unknown = wanted?.filter((name) => !zones.some((zone) => zone.name === name)) ?? [];
  if (unknown.length > 0) throw new UserError(`no site owns ${unknown.join(", ")}`);
  const asked = new Set(points.map(({ site }) => site));
  const notAsked = access.mesh.sites.map(({ name }) => name).filter((name) => !asked.has(name));
  const shown = process.stderr.isTTY && options.json !== true;
  const report = await verifyZones({
    ...{ zones, points, notAsked, timeoutMs },
    pause: (ms) => delay(ms),
    ...(shown && { progress: showProgress }),
  });
  if (shown) process.stderr.write("\r\u001b[K");
  const notes = plainNote(access);
  if (options.json === true) printJson({ ...report, keyFailures: failures, notes });
  else await print(report, failures, notes);
  process.exitCode = report.ok ? exitCodes.fine : exitCodes.found;
}

function showProgress(done: number, all: number): void {
  if (done % 100 === 0) process.stderr.write(`\r${done} of ${all} copies`);
}

/** What is not as a reader of the help expects it: a key without the authorities goes where nobody was checked. */
export function plainNote({ mesh, ca }: Pick<MeshAccess, "mesh" | "ca">): readonly string[] {
  if (mesh.transport === "tcp" || ca !== undefined) return [];
  return [
    "zones were taken over plain TCP, signed and not encrypted: the mesh's authorities are not known (--ca FILE)",
  ];
}

async function print(report: VerifyReport, failures: readonly string[], notes: readonly string[]): Promise<void> {
  const { verifyText } = await import("../verify-text");
  const { styleFor } = await import("../style");
  const lines = [verifyText(report, failures, styleFor(process.stdout)), ...notes];
  process.stdout.write(`${lines.join("\n")}\n`);
}
