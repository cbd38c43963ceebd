import { createRequire, Module } from "node:module";

const load = createRequire(__filename);

/** Modules of Pulumi's SDK by the functions that they export. */
const late: Readonly<Record<string, readonly string[]>> = {
  "@pulumi/pulumi/runtime/closure/serializeClosure": ["serializeFunction", "serializeFunctionAsync"],
  "@pulumi/pulumi/runtime/closure/codePaths": ["computeCodePaths", "findWorkspaceRoot", "packageArchivePath"],
};

/*
 * Has these loaded by their first call: they turn functions into text that runs elsewhere, bring the TypeScript compiler and npm's
 * resolver for it, and take two thirds of the time that loading the SDK takes (ADR 0041). Imported before the SDK, by whatever
 * has no such functions.
 */
for (const [name, functions] of Object.entries(late)) {
  const file = load.resolve(name);
  if (load.cache[file] !== undefined) continue;
  const standIn = new Module(file);
  const real = (): Record<string, (...args: readonly unknown[]) => unknown> => {
    if (load.cache[file] === standIn) Reflect.deleteProperty(load.cache, file);
    return load(file) as ReturnType<typeof real>;
  };
  standIn.filename = file;
  standIn.loaded = true;
  standIn.exports = Object.fromEntries(
    functions.map((each) => [each, (...args: readonly unknown[]) => real()[each]?.(...args)]),
  );
  load.cache[file] = standIn;
}
