import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../../base/errors";
import { ensureFolder, writeAtomically } from "../../base/files";
import { listedSites, primaryOf } from "../../mesh/waiting";
import { parseMesh } from "../../settings/parse";
import { parseStackConfig } from "../../settings/site-settings";
import { inOneLine } from "../list/yaml-text";
import { asSettings, settingsIn } from "../stacks/stack-file";

/** A site of a mesh to be. */
export interface InitSite {
  readonly name: string;
  /** Of the kubeconfig. */
  readonly context: string;
  /** Or the one word "auto". */
  readonly addresses: readonly string[];
  readonly zones: readonly string[];
}

/** A mesh to be. The first site has the primary catalog, the second is its stand-in. */
export interface InitAnswers {
  readonly directoryZone: string;
  readonly catalogZone: string;
  /** Of Pulumi's backend: the word "organization" for a folder or a bucket. */
  readonly organization: string;
  /** Path of the kubeconfig, if not the usual one. */
  readonly kubeconfig?: string | undefined;
  readonly sites: readonly InitSite[];
}

/** A file that is to be written. */
export interface InitFile {
  readonly name: string;
  readonly text: string;
}

/**
 * The files of a new mesh's stacks, each of which its own program has accepted.
 *
 * @throws UserError with the place of what breaks a rule.
 */
export function initFiles(answers: InitAnswers): readonly InitFile[] {
  const shared = { name: "Pulumi.shared.yaml", text: sharedText(answers) };
  parseStackConfig(asSettings(settingsIn(shared.name, shared.text)), "shared");
  const sites = answers.sites.map((site) => {
    const file = { name: `Pulumi.${site.name}.yaml`, text: siteText(site, answers) };
    parseStackConfig(asSettings(settingsIn(file.name, file.text)), site.name);
    return file;
  });
  if (answers.sites.some(({ name }) => name === "shared"))
    throw new UserError(`a site cannot be called "shared", which is the stack that all share; choose another name`);
  return [shared, ...sites];
}

function sharedText({ directoryZone, catalogZone, sites }: InitAnswers): string {
  const roles = ["primary-catalog", "secondary-catalog"];
  const entries = sites.map(({ name, addresses, zones }, i) =>
    [
      `      - name: ${inOneLine(name)}`,
      `        role: ${roles[i] ?? "standard"}`,
      `        addresses: ${isAuto(addresses) ? "auto" : inOneLine(addresses)}`,
      ...(zones.length > 0 ? [`        zones: ${inOneLine(zones)}`] : []),
    ].join("\n"),
  );
  return `# yaml-language-server: $schema=schemas/shared.schema.json
# The one list of sites. mesh site and mesh zone edit it.
config:
  dns-mesh:mesh:
    directoryZone: ${inOneLine(directoryZone)}
    catalogZone: ${inOneLine(catalogZone)}
    sites:
${entries.join("\n")}
`;
}

function isAuto([first, ...others]: readonly string[]): boolean {
  return first === "auto" && others.length === 0;
}

function siteText({ context }: InitSite, { organization, kubeconfig }: InitAnswers): string {
  return `# yaml-language-server: $schema=schemas/site.schema.json
# What is particular to this site; everything about the mesh comes from the shared stack.
config:
  dns-mesh:shared: ${inOneLine(`${organization}/dns-mesh/shared`)}
  dns-mesh:context: ${inOneLine(context)}
${kubeconfig === undefined ? "" : `  dns-mesh:kubeconfig: ${inOneLine(kubeconfig)}\n`}`;
}

/**
 * Writes what is missing. A file that is there stays as it is, and must be the very one that would be written.
 *
 * @returns names of the files that were written.
 * @throws UserError when one is there and is another one; nothing was written then.
 */
export async function writeNew(folder: string, files: readonly InitFile[]): Promise<readonly string[]> {
  const paths = files.map(({ name, text }) => ({ name, text, path: join(folder, name) }));
  const there = paths.filter(({ path }) => existsSync(path));
  const others = there.filter(({ path, text }) => readFileSync(path, "utf8") !== text);
  if (others.length > 0)
    throw new UserError(
      `${others.map(({ path }) => path).join(", ")}: there already, and never overwritten. Nothing was written; ` +
        `take away what is only an example, or change a mesh that you have with mesh site and mesh zone`,
    );
  await ensureFolder(folder);
  const missing = paths.filter((each) => !there.includes(each));
  for (const { path, text } of missing) await writeAtomically(path, text, 0o644);
  return missing.map(({ name }) => name);
}

/** What to run once the files are there. */
export function initSteps(answers: InitAnswers): readonly string[] {
  const text = sharedText(answers);
  const mesh = parseMesh(settingsIn("Pulumi.shared.yaml", text)["dns-mesh:mesh"]);
  const primary = primaryOf(mesh);
  const others = listedSites(mesh)
    .map(({ name }) => name)
    .filter((name) => name !== primary);
  const stacks = ["shared", primary, ...others];
  // Addresses that are not known yet are found out between the ups.
  if (mesh.waiting !== undefined) return ["mesh up"];
  return [...stacks.map((stack) => `pulumi stack init ${stack}`), ...stacks.map((stack) => `pulumi up -s ${stack}`)];
}
