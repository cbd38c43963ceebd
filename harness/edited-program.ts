import { readFileSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

import type { ProgramName } from "../components/bundle";
import { UserError } from "../src/base/errors";

const root = join(__dirname, "..");

/** Another text in the place of one that stands in a source file once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A program of a pod's, made from sources with edits: with a guard that is broken, or with times of seconds. */
export async function editedProgram(program: ProgramName, edits: readonly Edit[]): Promise<string> {
  const folder = program === "agent" ? "sidecar" : program;
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`src/agents/${folder}/main.ts`],
    ...{ bundle: true, write: false, platform: "node", format: "cjs", target: "node22", logLevel: "silent" },
    plugins: [
      {
        name: "edits",
        setup: (building) => {
          building.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const here = edits.filter(({ file }) => join(root, file) === path);
            if (here.length === 0) return undefined;
            return { contents: here.reduce(edited, readFileSync(path, "utf8")), loader: "ts" };
          });
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? "";
}

/** A file's text with an edit. @throws UserError when the text to replace does not stand there once: it has moved. */
export function edited(text: string, { file, from, to }: Edit): string {
  if (text.split(from).length !== 2) throw new UserError(`${file} does not have this text once: ${from}`);
  return text.replace(from, () => to);
}
