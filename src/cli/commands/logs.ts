import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { withMesh } from "../access-options";
import { addCommand, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import type { Gathered } from "../logs/gather";
import type { LogEntry } from "../logs/log-line";

interface Options {
  readonly file?: string;
  readonly access?: string;
  readonly site?: readonly string[];
  readonly zone?: readonly string[];
  readonly container?: readonly string[];
  readonly since?: string;
  readonly tail?: string;
  readonly follow?: true;
  readonly previous?: true;
  readonly json?: true;
}

/** From when on, where nothing else says how much. */
const usualSince = "1h";

/** `mesh logs`: what the programs of all sites wrote, in one order. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "logs",
    summary: "what all sites' programs logged, ordered by time",
    description:
      "Reads the logs of each site's pods (Knot, its agent, the record operator, and the last run of reconciler, rotator and backups) from the clusters that stack files in this folder name, or those of a lab. " +
      "Of the last hour, unless --since or --tail says how much. --json prints a line of JSON for each. " +
      "What cannot be read is named on the standard error, and ends with 1.",
    examples: [
      "logs --since 10m",
      "logs --site site-b --container agent --follow",
      "logs --zone example.com --since 2026-12-01T08:00:00Z --json",
      "logs --access /dev/shm/mesh-lab-x/access.json --tail 20",
    ],
  });
  withJson(withMesh(command))
    .option("--site <NAME...>", "these sites alone")
    .option("--zone <NAME...>", "what is about these zones")
    .option("-c, --container <NAME...>", "these programs alone: knot, agent, prepare, operator, reconciler …")
    .option("--since <WHEN>", "from so long ago on (90s, 10m, 1h30m, 2d), or from a time on (2026-12-01T08:00:00Z)")
    .option("--tail <N>", "the last lines of each container alone, of those that are asked for")
    .option("-f, --follow", "goes on with what is written from now on, also by pods that start later, until Ctrl-C")
    .option("-p, --previous", "what containers wrote before they were started the last time")
    .action(logs);
}

async function logs(options: Options): Promise<void> {
  const { sinceMs } = await import("../logs/since");
  const { foldName } = await import("../../base/names");
  const { zoneFilter } = await import("../logs/log-line");
  const { since, tail, zone, follow, previous } = options;
  if (follow && previous) throw new UserError("what containers wrote before is over: --previous without --follow");
  const from = since ?? (tail === undefined && !previous ? usualSince : undefined);
  const last = tail === undefined ? undefined : countOf(tail);
  const ending = new AbortController();
  const query = {
    signal: ending.signal,
    ...(from !== undefined && { sinceMs: sinceMs(from, Date.now()) }),
    ...(last !== undefined && { tail: last }),
    ...(zone && { wanted: zoneFilter(zone.map(foldName)) }),
  };
  const { logPlaces } = await import("../logs/places");
  const { LogReader } = await import("../logs/gather");
  const { readAccess } = await import("../mesh-access");
  const { places, notAsked } = await logPlaces(readAccess(options), {
    ...(options.site && { sites: options.site }),
    ...(options.container && { containers: options.container }),
    ...(previous && { previous }),
  });
  const print = await printerFor(options);
  const reader = new LogReader(places, query);
  const failures = report(await reader.gather(), notAsked, print);
  if (follow !== true) return;
  const { Follower } = await import("../logs/follow");
  const onTrouble = (line: string): void => {
    process.exitCode = exitCodes.found;
    complain(line);
  };
  await new Follower(reader, { onEntries: print, onTrouble }, { said: failures }).run();
}

/** Prints what was read, and says what was not. */
function report(
  { entries, failures }: Gathered,
  notAsked: readonly string[],
  print: (entries: readonly LogEntry[]) => void,
): readonly string[] {
  print(entries);
  const missing = notAsked.map((site) => `${site}: no stack file here (Pulumi.${site}.yaml) names its cluster`);
  for (const line of [...failures, ...missing]) complain(line);
  process.exitCode = failures.length + missing.length === 0 ? exitCodes.fine : exitCodes.found;
  return failures;
}

async function printerFor({ json }: Options): Promise<(entries: readonly LogEntry[]) => void> {
  const { entryJson, entryText } = await import("../logs/log-text");
  const { styleFor } = await import("../style");
  const style = styleFor(process.stdout);
  const textOf = json === true ? entryJson : (entry: LogEntry) => entryText(entry, style);
  return (entries) => {
    for (let at = 0; at < entries.length; at += linesAtOnce)
      process.stdout.write(
        `${entries
          .slice(at, at + linesAtOnce)
          .map(textOf)
          .join("\n")}\n`,
      );
  };
}

/** Lines that are made one text: all of a large mesh would be more than a string may hold. */
const linesAtOnce = 1000;

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

function countOf(tail: string): number {
  if (!/^\d+$/.test(tail)) throw new UserError(`--tail takes a number of lines, not "${tail}"`);
  return Number(tail);
}
