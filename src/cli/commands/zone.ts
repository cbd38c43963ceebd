import type { Command } from "commander";

import { foldName } from "../../base/names";
import type { Mesh, Zone } from "../../mesh/model";
import { addCommand, textOf } from "../command";
import { dayOf, edit, editing, type EditOptions } from "./site";

interface AddOptions extends EditOptions {
  readonly site: string;
  readonly dnssec?: boolean;
  readonly zoneFile?: string;
}

/** `mesh zone`: zones of the one list. */
export function register(program: Command): void {
  const zone = addCommand(program, {
    usage: "zone",
    summary: "zones of the one list: add, retire, remove",
    description: "Each edits the shared stack's file and nothing else; it takes effect by the ups that it names.",
    examples: ["zone add new.example --site site-c", "zone retire new.example", "zone remove new.example"],
  });
  editing(
    addCommand(zone, {
      usage: "add <NAME>",
      summary: "one more zone of a site",
      examples: [
        "zone add new.example --site site-c",
        "zone add new.example --site site-c --dnssec --zone-file db.new",
      ],
    }),
  )
    .requiredOption("--site <NAME>", "the site that owns it")
    .option("--dnssec", "its owner signs it")
    .option("--zone-file <FILE>", "what it begins with, a zone file")
    .action((name: string, options: AddOptions) =>
      edit(options, async () => {
        const { addZone } = await import("../list/edits");
        const { site, dnssec = false, zoneFile } = options;
        const text = zoneFile === undefined ? {} : { zoneFile: textOf(zoneFile) };
        return (list) => addZone(list, { name, site, dnssec, ...text });
      }),
    );
  editing(
    addCommand(zone, {
      usage: "retire <NAME>",
      summary: "marks a zone to leave from a day on",
      description: "The first of two steps: it is served as ever, and takes no new DnsRecord.",
      examples: ["zone retire new.example", "zone retire new.example --on 2026-12-31"],
    }),
  )
    .option("--on <DATE>", "the day, as 2026-12-31; today when left out")
    .action((name: string, options: EditOptions & { readonly on?: string }) =>
      edit(options, async () => {
        const { retireZone } = await import("../list/edits");
        return (list) => retireZone(list, name, dayOf(options.on, zoneIn(list.mesh, name)));
      }),
    );
  editing(
    addCommand(zone, {
      usage: "remove <NAME>",
      summary: "takes a zone off the list, once it is retired and empty",
      description: "What up of the shared stack would refuse is refused here, by what the stacks said last.",
      examples: ["zone remove new.example", "zone remove new.example --dry-run"],
    }),
  ).action((name: string, options: EditOptions) =>
    edit(
      options,
      async () => {
        const { removeZone } = await import("../list/edits");
        return (list) => removeZone(list, name);
      },
      { removes: true },
    ),
  );
}

function zoneIn({ sites }: Mesh, name: string): Zone | undefined {
  return sites.flatMap(({ zones }) => zones).find((zone) => zone.name === foldName(name));
}
