import type { Updater } from "../../src/records/updater";
import { parseStackConfig } from "../../src/settings/site-settings";
import { blocksOf } from "../docs/blocks";

/** The updaters that a section's `pulumi config set` commands make, with a secret in the place of `the-secret`. */
export function guideUpdaters(id: string, secret: string): readonly Updater[] {
  const commands = blocksOf(id, "sh").join("\n");
  const list: Record<string, unknown>[] = [];
  for (const line of commands.split("\n")) {
    const found = /^pulumi config set --path 'dns-mesh:updaters\[(\d+)\]\.(\w+)(?:\[(\d+)\])?' (.+) -s \S+(.*)$/.exec(
      line,
    );
    if (found === null) {
      if (line.startsWith("pulumi config")) throw new Error(`cannot read ${line}`);
      continue;
    }
    const [, index, field = "", item, words = "", after = ""] = found;
    const text = words === "--secret" && after === " < the-secret" ? secret : words.replaceAll("'", "");
    const value = text === "true" ? true : text;
    const updater = (list[Number(index)] ??= {});
    if (item === undefined) updater[field] = value;
    else updater[field] = [...((updater[field] as unknown[] | undefined) ?? []), value];
  }
  const settings: Record<string, string> = { shared: "shared", context: "c", updaters: JSON.stringify(list) };
  const config = parseStackConfig({ get: (key) => settings[key] }, "site-c");
  if (config.kind !== "site") throw new Error("not a site");
  return config.site.updaters;
}
