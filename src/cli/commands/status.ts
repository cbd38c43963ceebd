import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { UserError } from "../../base/errors";
import type { Parents } from "../../preflight/parents";
import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import type { StatusReport } from "../status-report";

interface Options extends AccessOptions {
  readonly watch?: string | boolean;
  readonly clusters: boolean;
  readonly parents: boolean;
  readonly resolver?: string;
  readonly json?: boolean;
}

/** `mesh status`: what is wrong, and how everything is. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "status",
    summary: "what is wrong, and then every site and zone",
    description:
      "Asks every site over DNS for its zones' serials and for its certificate, and the clusters that stack files (Pulumi.SITE.yaml) in this folder name for their agents and reconcilers. " +
      "Of zones whose NS records follow the list, the servers of parents outside the mesh are asked what they have. " +
      "What does not answer is unknown, which is never fine; what was not asked at all is named at the end. Ends with 1 when anything is wrong or unknown.",
    examples: ["status", "status --watch", "status --access /dev/shm/mesh-lab-x/access.json", "status --json"],
  });
  withJson(withAccess(command))
    .option("--watch [SECONDS]", "looks again and again, every 2 seconds or as many as you say, until Ctrl-C")
    .option("--no-clusters", "asks no cluster")
    .option("--no-parents", "asks no parent of a zone outside the mesh")
    .option("--resolver <ADDRESS[@PORT]>", "asks this resolver where parents are, and not those of this machine")
    .action(status);
}

async function status(options: Options): Promise<void> {
  const { readAccess } = await import("../mesh-access");
  const access = readAccess(options);
  const { lookAt } = await import("../status");
  const parents = await parentsFor(options, access.isLab);
  const seconds = options.watch === undefined ? undefined : secondsOf(options.watch);
  let report: StatusReport | undefined;
  for (let turn = Date.now(); ; turn++) {
    report = await lookAt(access, { turn, clusters: options.clusters, last: report, parents });
    await print(report, options, seconds !== undefined);
    process.exitCode = report.ok ? exitCodes.fine : exitCodes.found;
    if (seconds === undefined) return;
    await delay(seconds * 1000);
  }
}

/** Nothing where parents are not to be asked. @throws UserError for a resolver that is none. */
async function parentsFor({ parents, resolver }: Options, isLab: boolean): Promise<Parents | undefined> {
  // Names of a lab are nobody's outside it.
  if (!parents || (isLab && resolver === undefined)) return undefined;
  const { Parents } = await import("../../preflight/parents");
  if (resolver === undefined) return new Parents();
  const { resolverAt } = await import("../../dns/client/parent-reader");
  const server = resolverAt(resolver.replace(/^(.*:.*)@/, "[$1]@").replace("@", ":"));
  if (server === undefined || server.port < 1 || server.port > 65_535)
    throw new UserError(`--resolver "${resolver}" is no address of a resolver, such as 192.0.2.53 or 127.0.0.1@5300`);
  return new Parents([server]);
}

async function print(report: StatusReport, { json }: Options, watches: boolean): Promise<void> {
  if (json === true) {
    if (watches) process.stdout.write(`${JSON.stringify(report)}\n`);
    else printJson(report);
    return;
  }
  const { statusText } = await import("../status-text");
  const { styleFor } = await import("../style");
  const clear = watches && process.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
  process.stdout.write(
    `${clear}${statusText(report, styleFor(process.stdout))}\n${watches && clear === "" ? "\n" : ""}`,
  );
}

function secondsOf(watch: string | boolean): number {
  const seconds = watch === true ? 2 : Number(watch);
  if (!Number.isFinite(seconds) || seconds < 0.2)
    throw new UserError(`--watch takes seconds, at least 0.2, not "${String(watch)}"`);
  return seconds;
}
