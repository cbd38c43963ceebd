import { parseStackConfig, type SiteConfig } from "../../src/settings/site-settings";

/** What `pulumi config set` of a document sets: lists and objects by their names. */
export type Settings = Readonly<Record<string, unknown>>;

const command =
  /^pulumi config set (?:--secret )?(?:--path )?'?dns-mesh:([\w.[\]]+)'?(?: (?!<)(\S+)| < (\S+)) -s (\S+)$/;

/**
 * Reads the commands `pulumi config set` of a block of a document, all for one stack; others must be `pulumi up`.
 *
 * @param files - texts of the files that commands read, by name
 * @throws Error that shows a line that is neither
 */
export function settingsSet(block: string, files: Readonly<Record<string, string>> = {}): Settings {
  const settings: Record<string, unknown> = {};
  for (const line of block.trim().split("\n")) {
    if (/^pulumi up -s \S+$/.test(line)) continue;
    const [, path = "", value, file = ""] = command.exec(line) ?? [];
    const text = value ?? files[file];
    if (path === "" || text === undefined) throw new Error(`this sets nothing: ${line}`);
    put(settings, path.split(/[.[\]]+/).filter((step) => step !== ""), /^\d+$/.test(text) ? Number(text) : text);
  }
  return settings;
}

function put(into: Record<string, unknown>, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    into[first] = value;
    return;
  }
  into[first] ??= /^\d+$/.test(rest[0] ?? "") ? [] : {};
  put(into[first] as Record<string, unknown>, rest, value);
}

/** What a site's stack makes of settings. */
export function siteConfigOf(settings: Settings, site: string): SiteConfig {
  const all: Settings = { ...settings, shared: "organization/dns-mesh/shared", context: site };
  const get = (name: string): string | undefined =>
    typeof all[name] === "object" ? JSON.stringify(all[name]) : (all[name] as string | undefined);
  const config = parseStackConfig({ get }, site);
  if (config.kind !== "site") throw new Error("these are no settings of a site");
  return config.site;
}
