"use strict";
/*
 * What Pulumi runs: program.ts and all that it imports, as one file of JavaScript in dist/. It is made anew once a source differs.
 * Pulumi would start the TypeScript compiler for each run, and translate each file anew in each checkout (ADR 0041).
 */
const { createHash } = require("node:crypto");
const { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");

const file = join(__dirname, "dist", "program.js");
const options = {
  absWorkingDir: __dirname,
  entryPoints: ["program.ts"],
  bundle: true,
  write: false,
  platform: "node",
  format: "cjs",
  target: "node22",
  legalComments: "none",
  logLevel: "silent",
  // Pulumi and the program share one copy of its packages; esbuild finds its own program beside itself.
  external: ["@pulumi/*", "esbuild"],
};

/** What the file follows from, as a comment: every source, the versions of all packages, and how it is made. */
function origin() {
  const below = (folder) =>
    readdirSync(join(__dirname, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const own = ["index.js", "package.json", "program.ts", "tsconfig.json"].map((name) => join(__dirname, name));
  const hash = createHash("sha256");
  for (const source of [...own, ...below("components").sort(), ...below("src").sort()]) {
    const text = readFileSync(source);
    hash.update(`${text.length}\0`).update(text);
  }
  return `// of ${hash.digest("hex")}\n`;
}

/** The file's text, if it is of these sources and whole. */
function kept(mark) {
  try {
    const text = readFileSync(file, "utf8");
    return text.startsWith(mark) && text.endsWith(mark) ? text : undefined;
  } catch {
    return undefined;
  }
}

function made(mark) {
  const { outputFiles } = require("esbuild").buildSync(options);
  const text = `${mark}${outputFiles[0].text}${mark}`;
  try {
    const temporary = `${file}.${process.pid}`;
    mkdirSync(join(__dirname, "dist"), { recursive: true });
    writeFileSync(temporary, text);
    renameSync(temporary, file);
  } catch {
    // A folder that cannot be written costs half a second each time.
  }
  return text;
}

function load() {
  const mark = origin();
  const program = new Module(file, module);
  program.filename = file;
  program.paths = module.paths;
  program._compile(kept(mark) ?? made(mark), file);
  return program.exports;
}

/*
 * Ends the program once nobody reads what it prints: its engine was killed, perhaps before anything began. Pulumi's runner (3.259.0) prints
 * that it could not print, and goes on with that for ever, at the cost of a core.
 */
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(1));

module.exports = load();
