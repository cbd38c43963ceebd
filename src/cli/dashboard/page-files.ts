import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { UserError } from "../../base/errors";

/** A file as it is served. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

/** What stands as it is; the script is made. */
export const staticFiles = ["index.html", "page.css", "icon.svg"] as const;
/** Where a package has the page, beside the command. */
export const packedFolder = "dashboard";
/** The name of the script, in a package and before browsers. */
export const scriptFile = "page.js";

const types = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  js: "text/javascript; charset=utf-8",
} as const;

/**
 * The page's files by their paths: beside the running file, as a package has them, or made of the sources of a clone.
 *
 * @param here - The folder of the running file.
 * @throws UserError where neither is there.
 */
export async function pageFiles(here: string): Promise<ReadonlyMap<string, PageFile>> {
  const packed = join(here, packedFolder);
  const isPacked = existsSync(join(packed, scriptFile));
  const source = join(here, "page");
  if (!isPacked && !existsSync(join(source, "main.tsx")))
    throw new UserError(
      "the page is not beside this file: call mesh dashboard in a clone (npm run mesh -- dashboard), or install what npm pack makes of it",
    );
  const texts = await Promise.all(
    staticFiles.map(async (name) => [name, await readFile(join(isPacked ? packed : source, name), "utf8")] as const),
  );
  const script = isPacked ? await readFile(join(packed, scriptFile), "utf8") : await madeScript();
  return new Map([...texts, [scriptFile, script] as const].map(([name, text]) => [pathOf(name), fileOf(name, text)]));
}

async function madeScript(): Promise<string> {
  const { bundle } = await import("../../../components/bundle");
  return bundle("page");
}

function pathOf(name: string): string {
  return name === "index.html" ? "/" : `/${name}`;
}

function fileOf(name: string, text: string): PageFile {
  const kind = name.slice(name.lastIndexOf(".") + 1) as keyof typeof types;
  return { type: types[kind], text };
}
