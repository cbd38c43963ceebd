import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { listedSites } from "../../mesh/waiting";
import { addCommand, printJson, progressTo, withJson } from "../command";
import { exitCodes, FailedError } from "../exit-codes";
import type { ListFile } from "../list/list-file";
import type { AddressFinder } from "../site-addresses";
import type { NewStacks } from "../up/new-stacks";
import type { Choice } from "../up/order";
import { wholeNumber } from "./preview";

interface Options {
  readonly file: string;
  readonly site?: readonly string[];
  readonly only?: readonly string[];
  readonly refresh?: boolean;
  readonly policyPack?: readonly string[];
  readonly policyPackConfig?: readonly string[];
  readonly parallel: string;
  readonly addressTimeout: string;
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
        "Shows what the list changes, and asks. When one fails, nothing new begins; run it again to go on. Ctrl-C ends what is under way in order. Sites with addresses: auto get those of their load balancers, which are written into the list.",
      examples: [
        "up",
        "up --yes --parallel 8",
        "up --yes --new",
        "up --site site-d",
        "up --only site-b",
        "up --refresh --only site-b",
        "up --policy-pack policy",
      ],
    }),
  )
    .option("--file <FILE>", "the shared stack's file", "Pulumi.shared.yaml")
    .option("--site <NAME...>", "these sites, after the shared stack and the primary")
    .option("--only <STACK...>", "these stacks and nothing else")
    .option("--refresh", "looks at what is really there first, and puts back what somebody took away")
    .option("--policy-pack <FOLDER...>", "has Pulumi judge each stack by these policy packs")
    .option("--policy-pack-config <FILE...>", "the packs' settings, in the same order")
    .option("--parallel <N>", "how many sites are brought up at a time", "4")
    .option("--address-timeout <SECONDS>", "how long a load balancer of a new site has to give it an address", "300")
    .option("--yes", "does not ask")
    .option("--new", "with --yes: the mesh is a new one, whose shared stack is to be made")
    .action(up);
}

async function up(options: Options): Promise<void> {
  const { file } = options;
  const { bringUp, outcomeLines } = await import("../up/bring-up");
  const { bringUpFollowing } = await import("../up/following");
  const { openEngine } = await import("../stacks/engine");
  const { stopping } = await import("../up/stopping");
  const width = Math.max(1, wholeNumber("--parallel", options.parallel));
  const patienceMs = 1000 * wholeNumber("--address-timeout", options.addressTimeout);
  const { stages, list, choice } = await stagesFor(options);
  const write = progressTo(options);
  // With --only nothing else is brought up, so that nothing can follow an address.
  const find = await finderFor(list, stages.flat());
  const text = options.only === undefined ? await lookedUp(list, { stacks: stages.flat(), find }, write) : list.text;
  const sites = listedSites(list.mesh).map(({ name }) => name);
  await confirm(options, { stacks: stages.flat(), sites, text }, write);
  const { refresh, policyPack: policyPacks, policyPackConfig: policyConfigs } = options;
  const engine = await openEngine(dirname(file), { refresh, policyPacks, policyConfigs });
  using stop = stopping(write);
  const { signal, print } = stop;
  await rewritten(list, text);
  const request = { engine, width, signal, now: () => performance.now(), print };
  const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined);
  const outcome = await (options.only === undefined
    ? bringUpFollowing({ ...request, file, choice, find, patienceMs, pause })
    : bringUp({ ...request, stages }));
  if (options.json === true) printJson(outcome);
  else for (const line of outcomeLines(outcome)) print(line);
  if (signal.aborted) process.exitCode = exitCodes.interrupted;
  else if (outcome.failed.length > 0) process.exitCode = exitCodes.found;
}

async function stagesFor({ file, site, only }: Options) {
  const { readList } = await import("../list/list-file");
  const { stackText } = await import("../stacks/stack-file");
  const { stagesOf } = await import("../up/order");
  const list = readList(file, stackText(file));
  const choice: Choice = { ...(site && { sites: site }), ...(only && { only }) };
  return { list, choice, stages: stagesOf(file, list.mesh, choice) };
}

/**
 * How the clusters of sites are asked for addresses.
 *
 * @throws UserError for a site with `addresses: auto` whose settings do not go with that.
 */
async function finderFor({ file, mesh }: ListFile, stacks: readonly string[]): Promise<AddressFinder> {
  const { addressFinder, autoSites, configsBeside } = await import("../site-addresses");
  const { requireAutoService } = await import("../../preflight/service-address");
  const configOf = configsBeside(file);
  for (const { name: site } of autoSites(mesh)) {
    const config = stacks.includes(site) ? configOf(site) : undefined;
    if (config !== undefined) requireAutoService({ site, service: config.service });
  }
  return addressFinder({ directoryZone: mesh.directoryZone, configOf });
}

/** The list's text with the addresses that load balancers have at present. Says what differs, and what is not known. */
async function lookedUp(
  list: ListFile,
  options: { readonly stacks: readonly string[]; readonly find: AddressFinder },
  print: (line: string) => void,
): Promise<string> {
  const { lookUpAddresses } = await import("../up/taken");
  const { printableText } = await import("../../base/text");
  const { text, addresses } = await lookUpAddresses(list, options);
  for (const { said } of addresses) print(printableText(said));
  return text;
}

async function rewritten({ file, text: before }: ListFile, text: string): Promise<void> {
  const { rewrite } = await import("../list/write");
  if (text !== before) await rewrite({ file, before, text });
}

/** Shows what the list changes, and asks whether to go on. @throws FailedError when `up` would refuse it, or nobody says yes. */
async function confirm(
  { file, yes, new: isNew = false, json = false }: Options,
  { stacks, sites, text }: Pick<NewStacks, "stacks" | "sites"> & { readonly text: string },
  print: (line: string) => void,
): Promise<void> {
  const { previewMesh } = await import("../preview/gather");
  const { listText } = await import("../preview/text");
  const { pulumiReader, stackNames, stackOf } = await import("../stacks/reader");
  const { newStacks, newStacksLines } = await import("../up/new-stacks");
  const today = new Date().toISOString().slice(0, 10);
  const preview = await previewMesh({ file, text, reader: pulumiReader(file), today, stacks: [] });
  print(listText(preview));
  print(`Stacks: ${stacks.join(", ")}`);
  if (preview.refused.length > 0) throw new FailedError("up would refuse this. Nothing was changed");
  // As for pulumi itself.
  const asks = yes !== true && process.env["PULUMI_SKIP_CONFIRMATIONS"] !== "true";
  const shared = stackOf(file);
  const there = (await stackNames(file)).filter((stack) => stack !== shared || preview.compared);
  const made = newStacks({ shared, stacks, sites, there, isNew, asks });
  for (const line of newStacksLines(shared, made)) print(line);
  if (!asks) return;
  const { questionsFor } = await import("../init/ask");
  const flags = made.includes(shared) ? "--yes --new" : "--yes";
  using questions = questionsFor({ json }, `mesh up ${flags} does it without asking`);
  const isAnswer = (text: string): string | undefined => (/^(yes|no)$/.test(text) ? undefined : "yes or no");
  if ((await questions.ask("Bring them up? yes or no", "no", isAnswer)) !== "yes")
    throw new FailedError("not brought up. Nothing was changed");
}
