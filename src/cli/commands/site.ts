import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { startOfDay } from "../../base/text";
import type { SiteRole } from "../../mesh/model";
import { addCommand, printJson, withJson } from "../command";
import type { ListEdit } from "../list/edits";
import type { ListFile } from "../list/list-file";

/** Options of every command that edits the list. */
export interface EditOptions {
  readonly file: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface AddOptions extends EditOptions {
  readonly role: string;
  readonly address: readonly string[];
  readonly source?: readonly string[];
  readonly zone?: readonly string[];
}

/** `mesh site`: sites of the one list. */
export function register(program: Command): void {
  const site = addCommand(program, {
    usage: "site",
    summary: "sites of the one list: add, retire, remove",
    description: "Each edits the shared stack's file and nothing else; it takes effect by the ups that it names.",
    examples: ["site add site-d --address 192.0.2.44 --zone standard-2.internal.dns", "site remove site-d"],
  });
  editing(
    addCommand(site, {
      usage: "add <NAME>",
      summary: "one more site at the end of the list",
      examples: ["site add site-d --address 192.0.2.44 --source 198.51.100.0/28 --zone standard-2.internal.dns"],
    }),
  )
    .option("--role <ROLE>", "standard or secondary-catalog", "standard")
    .requiredOption("--address <IP...>", "where the site is asked; auto: where its load balancer says")
    .option("--source <CIDR...>", "where its own traffic comes from, if from elsewhere")
    .option("--zone <ZONE...>", "zones that it owns")
    .action((name: string, options: AddOptions) =>
      edit(options, async () => {
        const { addSite } = await import("../list/edits");
        const { role, address, source, zone } = options;
        const isAuto = address.length === 1 && address[0] === "auto";
        const entry = { name, role: role as SiteRole, addresses: isAuto ? ("auto" as const) : address };
        return (list) => addSite(list, { ...entry, ...(source && { sources: source }), ...(zone && { zones: zone }) });
      }),
    );
  editing(
    addCommand(site, {
      usage: "retire <NAME>",
      summary: "marks a site and its zones to leave from a day on",
      description: "A site that was retired before leaves without being held back, however many leave with it.",
      examples: ["site retire site-d", "site retire site-d --on 2026-12-31"],
    }),
  )
    .option("--on <DATE>", "the day, as 2026-12-31; today when left out")
    .action((name: string, options: EditOptions & { readonly on?: string }) =>
      edit(options, async () => {
        const { retireSite } = await import("../list/edits");
        const { listedSites } = await import("../../mesh/waiting");
        return (list) =>
          retireSite(
            list,
            name,
            dayOf(
              options.on,
              listedSites(list.mesh).find((each) => each.name === name),
            ),
          );
      }),
    );
  editing(
    addCommand(site, {
      usage: "remove <NAME>",
      summary: "takes a site off the list",
      description: "What up of the shared stack would refuse is refused here, by what the stacks said last.",
      examples: ["site remove site-d", "site remove site-d --dry-run"],
    }),
  ).action((name: string, options: EditOptions) =>
    edit(
      options,
      async () => {
        const { removeSite } = await import("../list/edits");
        return (list) => removeSite(list, name);
      },
      { removes: true },
    ),
  );
}

/** The options of every command that edits the list. */
export function editing(command: Command): Command {
  return withJson(command)
    .option("--file <FILE>", "the shared stack's file", "Pulumi.shared.yaml")
    .option("--dry-run", "shows what would be written, and writes nothing");
}

/** Today, unless another day is asked for or something has its day already. */
export function dayOf(on: string | undefined, marked: { readonly retired?: string } | undefined): string {
  const today = new Date().toISOString().slice(0, 10);
  const day = on ?? marked?.retired ?? today;
  if (startOfDay(day) === undefined)
    throw new UserError(`--on "${day}" is not a day; write year, month and day, for example ${today}`);
  return day;
}

/** Carries an edit out and prints what came of it. */
export async function edit(
  { file, dryRun = false, json }: EditOptions,
  load: () => Promise<(list: ListFile) => ListEdit>,
  { removes }: { readonly removes: boolean } = { removes: false },
): Promise<void> {
  const { applyEdit, outcomeLines } = await import("../list/apply");
  const { pulumiReader } = await import("../stacks/reader");
  const removal = { stacks: pulumiReader(file), today: new Date().toISOString().slice(0, 10) };
  const outcome = await applyEdit({ file, dryRun, edit: await load(), ...(removes && { removal }) });
  if (json === true) printJson(outcome);
  else for (const line of outcomeLines(outcome)) console.log(line);
}
