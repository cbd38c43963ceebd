import { isMap, isScalar, isSeq, type YAMLMap, type YAMLSeq } from "yaml";

import { messageOf, UserError } from "../../base/errors";
import { fields } from "../../base/json";
import { foldName } from "../../base/names";
import type { Mesh } from "../../mesh/model";
import { parseMesh } from "../../settings/parse";
import { contentOf, documentIn, stackNameIn } from "../stacks/stack-file";

/** Where the list is in the shared stack's file. */
const listPath = ["config", "dns-mesh:mesh"];

/** The one list as it stands in a file. */
export interface ListFile {
  readonly file: string;
  /** The stack whose file it is; "shared" where the file is not called as one. */
  readonly stack: string;
  readonly text: string;
  readonly mesh: Mesh;
  /** All settings of the file, as they are written. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The list of sites in the text. */
  readonly sites: YAMLSeq;
  /** A site's entry in the text. @throws UserError when there is none that can be edited. */
  entryOf(site: string): YAMLMap;
  /** The place of a site's entry among `sites`. */
  indexOf(site: string): number;
}

/**
 * Reads the list from the text of the shared stack's file.
 *
 * @throws UserError when the file has no list, or one that breaks a rule.
 */
export function readList(file: string, text: string): ListFile {
  const document = documentIn(file, text);
  const node = document.getIn(listPath, true);
  const sites: unknown = isMap(node) ? node.get("sites", true) : undefined;
  if (!isSeq(sites))
    throw new UserError(
      `${file} has no list of sites under ${listPath.join(", ")}; name the shared stack's file with --file, or edit the list where it is`,
    );
  const settings = fields(fields(contentOf(file, document))["config"]);
  const mesh = within(file, () => parseMesh(settings["dns-mesh:mesh"]));
  const indexOf = (site: string): number => sites.items.findIndex((item) => isMap(item) && item.get("name") === site);
  const entryOf = (site: string): YAMLMap => {
    const entry = sites.items[indexOf(site)];
    if (!isMap(entry))
      throw new UserError(`${file}: the entry of ${site} is not written in its place; edit it by hand`);
    return entry;
  };
  return { file, stack: stackNameIn(file) ?? "shared", text, mesh, settings, sites, entryOf, indexOf };
}

/** A site's list of zones in the text; undefined where it has none. */
export function zonesOf(entry: YAMLMap): YAMLSeq | undefined {
  const zones: unknown = entry.get("zones", true);
  return isSeq(zones) ? zones : undefined;
}

/** The place of a zone in a site's list of zones, by its folded name. */
export function zoneIndex(zones: YAMLSeq, zone: string): number {
  return zones.items.findIndex((item) => {
    const name: unknown = isMap(item) ? item.get("name") : isScalar(item) ? item.value : undefined;
    return typeof name === "string" && foldName(name) === zone;
  });
}

/** Puts the file's name before what is wrong in it. */
function within<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (problem) {
    throw new UserError(`${file}: ${messageOf(problem)}`, { cause: problem });
  }
}
