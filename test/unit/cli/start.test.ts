import { expect } from "chai";
import { build, type Metafile } from "esbuild";
import { join } from "node:path";

const root = join(__dirname, "../../..");
const entry = "src/cli/mesh.ts";

/** What runs before a command is known: whatever is imported other than by `import()`. */
function loadedAtStart({ inputs }: Metafile): {
  readonly files: readonly string[];
  readonly builtin: readonly string[];
} {
  const files = new Set<string>();
  const builtin = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path, kind, external } of inputs[file]?.imports ?? []) {
      if (kind === "dynamic-import" || path === "<runtime>") continue;
      if (external) builtin.add(path);
      else visit(path);
    }
  };
  visit(entry);
  return { files: [...files], builtin: [...builtin].sort() };
}

/** Counts in the place of times: a start that is slow loads what it does not need. */
describe("the start of mesh", function () {
  this.timeout(60_000);
  let metafile: Metafile;

  before(async () => {
    const external = ["@pulumi/*", "esbuild", "tsx"];
    const place = { absWorkingDir: root, entryPoints: [entry], external };
    ({ metafile } = await build({ ...place, bundle: true, write: false, metafile: true, platform: "node" }));
  });

  it("loads commander and the commands' own modules, and of everything else what each of them needs", () => {
    const { files } = loadedAtStart(metafile);
    const others = files.filter((file) => !/^(src\/cli\/commands\/|node_modules\/commander\/)/.test(file));
    expect(others.sort()).to.deep.equal([
      "package.json",
      "src/base/errors.ts",
      "src/base/names.ts",
      "src/base/text.ts",
      "src/cli/access-options.ts",
      "src/cli/command.ts",
      "src/cli/completion.ts",
      "src/cli/exit-codes.ts",
      "src/cli/mesh.ts",
      "src/cli/output-end.ts",
      "src/cli/program.ts",
      "src/mesh/waiting.ts",
    ]);
  });

  it("runs less than 300 KiB of source, of the megabytes that the whole command is", () => {
    const octets = (files: readonly string[]): number =>
      files.reduce((sum, file) => sum + (metafile.inputs[file]?.bytes ?? 0), 0);
    expect(octets(loadedAtStart(metafile).files)).to.be.within(100_000, 300 * 1024);
    expect(octets(Object.keys(metafile.inputs))).to.be.above(1024 * 1024);
  });

  it("loads none of Node.js's modules for networks and cryptography, which take as long as the rest", () => {
    expect(loadedAtStart(metafile).builtin).to.deep.equal([
      "node:child_process",
      "node:events",
      "node:fs",
      "node:path",
      "node:process",
      "node:timers/promises",
      "node:url",
      "node:worker_threads",
    ]);
  });
});
