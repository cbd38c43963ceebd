import { dirname } from "node:path";

import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import type { Preview, PreviewRequest } from "../preview/gather";

interface Options {
  readonly file: string;
  readonly stack?: readonly string[];
  readonly offline?: boolean;
  readonly markdown?: boolean;
  readonly expectNoChanges?: boolean;
  readonly maxRemovals?: string;
  readonly refresh?: boolean;
  readonly policyPack?: readonly string[];
  readonly policyPackConfig?: readonly string[];
  readonly parallel: string;
  readonly json?: boolean;
}

/** `mesh preview`: what `up` of all stacks would do, DNS and infrastructure in one. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "preview",
      summary: "what up would change: sites, zones, records, peers, policies, resources",
      description:
        "Compares the list with what the stacks said last, and has Pulumi plan what it can reach. It writes nothing. Ends with 1 when up would refuse something, or a threshold is passed.",
      examples: [
        "preview",
        "preview --markdown > comment.md",
        "preview --offline --max-removals 1",
        "preview --refresh --expect-no-changes",
        "preview --policy-pack policy",
      ],
    }),
  )
    .option("--file <FILE>", "the shared stack's file", "Pulumi.shared.yaml")
    .option("--stack <NAME...>", "plans these stacks alone")
    .option("--offline", "plans no resources: the list and the last outputs alone")
    .option("--markdown", "prints a comment for a pull request")
    .option(
      "--expect-no-changes",
      "ends with 1 when anything changes, or cannot be seen; with --refresh not for the way to a cluster",
    )
    .option("--max-removals <N>", "ends with 1 when more sites, zones and resources go than that")
    .option("--refresh", "looks at what is really there first: for drift")
    .option("--policy-pack <FOLDER...>", "has Pulumi judge each stack by these policy packs")
    .option("--policy-pack-config <FILE...>", "the packs' settings, in the same order")
    .option("--parallel <N>", "how many stacks are planned at a time", "4")
    .action(preview);
}

async function preview(options: Options): Promise<void> {
  const { previewMesh } = await import("../preview/gather");
  const { pulumiReader } = await import("../stacks/reader");
  requirePlanning(options);
  const most = options.maxRemovals === undefined ? undefined : wholeNumber("--max-removals", options.maxRemovals);
  const found = await previewMesh({
    file: options.file,
    ...(options.offline !== true && (await lookedUp(options.file))),
    reader: pulumiReader(options.file),
    today: new Date().toISOString().slice(0, 10),
    width: Math.max(1, wholeNumber("--parallel", options.parallel)),
    ...(options.stack !== undefined && { stacks: options.stack }),
    ...(options.offline !== true && { engine: await engineFor(options) }),
    ...(process.stderr.isTTY && { progress: (line) => void process.stderr.write(`${line}\n`) }),
  });
  const { problemsOf, reachedOtherwise } = await import("../preview/problems");
  const expectNoChanges = options.expectNoChanges === true;
  const refresh = options.refresh === true;
  const passed = expectNoChanges && refresh ? reachedOtherwise(found) : [];
  const problems = problemsOf(found, {
    expectNoChanges,
    refresh,
    offline: options.offline === true,
    ...(most !== undefined && { most }),
  });
  if (options.json === true) printJson({ ...found, reachedOtherwise: passed, problems });
  else await print(found, { passed: passedLines(passed), problems, isMarkdown: options.markdown === true });
  if (problems.length > 0) process.exitCode = exitCodes.found;
}

/** @throws UserError for options that are about planned resources where none are planned: they would hold of nothing. */
function requirePlanning({ offline, refresh, policyPack }: Options): void {
  if (offline !== true) return;
  const idle = [refresh === true ? "--refresh" : "", policyPack === undefined ? "" : "--policy-pack"].filter(Boolean);
  if (idle.length > 0)
    throw new UserError(`${idle.join(" and ")} is about what is planned, and --offline plans nothing; leave one out`);
}

/** The list with the addresses that load balancers have at present, and what there is to say of them. */
async function lookedUp(file: string): Promise<Pick<PreviewRequest, "text" | "addresses">> {
  const { readList } = await import("../list/list-file");
  const { stackText } = await import("../stacks/stack-file");
  const { lookUpAddresses } = await import("../up/taken");
  return lookUpAddresses(readList(file, stackText(file)));
}

async function engineFor({ file, refresh, policyPack: policyPacks, policyPackConfig: policyConfigs }: Options) {
  const { openEngine } = await import("../stacks/engine");
  return openEngine(dirname(file), { refresh, policyPacks, policyConfigs });
}

function passedLines(passed: readonly string[]): readonly string[] {
  if (passed.length === 0) return [];
  return [
    `${passed.join(", ")}: reached by another kubeconfig or context than when brought up last, and else as it was left: no drift`,
  ];
}

interface Remarks {
  readonly passed: readonly string[];
  readonly problems: readonly string[];
  readonly isMarkdown: boolean;
}

async function print(found: Preview, { passed, problems, isMarkdown }: Remarks): Promise<void> {
  if (isMarkdown) {
    const { previewMarkdown } = await import("../preview/markdown");
    process.stdout.write(previewMarkdown(found));
    for (const line of passed) console.error(line);
  } else {
    const { previewText } = await import("../preview/text");
    console.log(previewText(found));
    for (const line of passed) console.log(`\n${line}`);
  }
  for (const problem of problems) console.error(problem);
}

/** A number as an option has it. @throws UserError for anything else. */
export function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UserError(`${option} "${text}" is not a whole number`);
  return Number(text);
}
