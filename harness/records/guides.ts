import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseStackConfig } from "../../src/settings/site-settings";
import type { Updater } from "../../src/records/updater";

/** A guide's text. */
function guide(name: string): string {
  return readFileSync(join(__dirname, "..", "..", "docs", "guides", `${name}.md`), "utf8");
}

/** Blocks of code in a guide, as they stand there, below the heading that is given. */
export function guideBlocks(name: string, o: { readonly language: string; readonly below: string }): string[] {
  const text = guide(name);
  const start = text.indexOf(`\n${o.below}\n`);
  if (start < 0) throw new Error(`docs/guides/${name}.md has no heading "${o.below}"`);
  const level = /^#+/.exec(o.below)?.[0] ?? "#";
  const rest = text.slice(start + o.below.length + 2);
  const end = new RegExp(`^#{1,${level.length}} `, "m").exec(rest)?.index ?? rest.length;
  const blocks = [...rest.slice(0, end).matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return blocks.filter(([, language]) => language === o.language).map(([, , block = ""]) => block);
}

/** The updaters that a guide's `pulumi config set` commands make, with a secret in the place of `the-secret`. */
export function guideUpdaters(name: string, below: string, secret: string): readonly Updater[] {
  const commands = guideBlocks(name, { language: "sh", below }).join("\n");
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
