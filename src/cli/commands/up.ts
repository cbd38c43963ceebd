import { dirname } from "node:path";

import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes, FailedError } from "../exit-codes";
import type { NewStacks } from "../up/new-stacks";
import { wholeNumber } from "./preview";

interface Options {
  readonly file: string;
  readonly site?: readonly string[];
  readonly only?: readonly string[];
  readonly policyPack?: readonly string[];
  readonly policyPackConfig?: readonly string[];
  readonly parallel: string;
  readonly yes?: boolean;
  readonly new?: boolean;
  readonly json?: boolean;
}

/** `mesh up`: all stacks, in their order. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "up",
      summary: "brings up the shared stack, the primary, then the other sites side by side",
      description:
        "Shows what the list changes, and asks. When one fails, nothing new begins; run it again to go on. Ctrl-C ends what is under way in order.",
      examples: [
        "up",
        "up --yes --parallel 8",
        "up --yes --new",
        "up --site site-d",
        "up --only site-b",
        "up --policy-pack policy",
      ],
    }),
  )
    .option("--file <FILE>", "the shared stack's file", "Pulumi.shared.yaml")
    .option("--site <NAME...>", "these sites, after the shared stack and the primary")
    .option("--only <STACK...>", "these stacks and nothing else")
    .option("--policy-pack <FOLDER...>", "has Pulumi judge each stack by these policy packs")
    .option("--policy-pack-config <FILE...>", "the packs' settings, in the same order")
    .option("--parallel <N>", "how many sites are brought up at a time", "4")
    .option("--yes", "does not ask")
    .option("--new", "with --yes: the mesh is a new one, whose shared stack is to be made")
    .action(up);
}

async function up(options: Options): Promise<void> {
  const { file } = options;
  const { bringUp, outcomeLines } = await import("../up/bring-up");
  const { openEngine } = await import("../stacks/engine");
  const { stopping } = await import("../up/stopping");
  const width = Math.max(1, wholeNumber("--parallel", options.parallel));
  const { stages, mesh } = await stagesFor(options);
  const write = options.json === true ? (line: string) => void process.stderr.write(`${line}\n`) : console.log;
  await confirm(options, { stacks: stages.flat(), sites: mesh.sites.map(({ name }) => name) }, write);
  const { policyPack: policyPacks, policyPackConfig: policyConfigs } = options;
  const engine = await openEngine(dirname(file), { policyPacks, policyConfigs });
  using stop = stopping(write);
  const { signal, print } = stop;
  const outcome = await bringUp({ engine, stages, width, signal, now: () => performance.now(), print });
  if (options.json === true) printJson(outcome);
  else for (const line of outcomeLines(outcome)) print(line);
  if (signal.aborted) process.exitCode = exitCodes.interrupted;
  else if (outcome.failed.length > 0) process.exitCode = exitCodes.found;
}

async function stagesFor({ file, site, only }: Options) {
  const { readList } = await import("../list/list-file");
  const { stackText } = await import("../stacks/stack-file");
  const { stagesOf } = await import("../up/order");
  const { mesh } = readList(file, stackText(file));
  return { mesh, stages: stagesOf(file, mesh, { ...(site && { sites: site }), ...(only && { only }) }) };
}

/** Shows what the list changes, and asks whether to go on. @throws FailedError when `up` would refuse it, or nobody says yes. */
async function confirm(
  { file, yes, new: isNew = false }: Options,
  { stacks, sites }: Pick<NewStacks, "stacks" | "sites">,
  print: (line: string) => void,
): Promise<void> {
  const { previewMesh } = await import("../preview/gather");
  const { listText } = await import("../preview/text");
  const { pulumiReader, stackNames, stackOf } = await import("../stacks/reader");
  const { newStacks, newStacksLines } = await import("../up/new-stacks");
  const today = new Date().toISOString().slice(0, 10);
  const preview = await previewMesh({ file, reader: pulumiReader(file), today, stacks: [] });
  print(listText(preview));
  print(`Stacks: ${stacks.join(", ")}`);
  if (preview.refused.length > 0) throw new FailedError("up would refuse this. Nothing was changed");
  // As for pulumi itself.
  const asks = yes !== true && process.env["PULUMI_SKIP_CONFIRMATIONS"] !== "true";
  const shared = stackOf(file);
  const there = (await stackNames(file)).filter((stack) => stack !== shared || preview.compared);
  for (const line of newStacksLines(shared, newStacks({ shared, stacks, sites, there, isNew, asks }))) print(line);
  if (!asks) return;
  if (!process.stdin.isTTY)
    throw new UserError("this is not a terminal to ask on; mesh up --yes does it without asking");
  const { onTerminal } = await import("../init/ask");
  using questions = onTerminal();
  const isAnswer = (text: string): string | undefined => (/^(yes|no)$/.test(text) ? undefined : "yes or no");
  if ((await questions.ask("Bring them up? yes or no", "no", isAnswer)) !== "yes")
    throw new FailedError("not brought up. Nothing was changed");
}
