import { dirname, relative, resolve, sep } from "node:path";
import { isBuiltin } from "node:module";
import importSort from "eslint-plugin-simple-import-sort";
import tseslint from "typescript-eslint";

/** Rooms from the ground up: a file imports its own room and those on lines before it. */
const rooms = [
  ["src/base"],
  ["src/dns", "src/kube", "src/vault"],
  ["src/keyring"],
  ["src/mesh"],
  ["src/records"],
  ["src/pools"],
  ["src/knot"],
  ["src/contract"],
  ["src/policies", "src/monitoring"],
  ["src/settings"],
  ["src/preflight"],
  ["src/agents", "components", "policy"],
  ["src/cli"],
  ["program.ts"],
  ["lab", "harness"],
  ["test", "bench"],
];

/** Folders that do no I/O: no sockets, files, processes or cluster calls, of Node's or of our own. */
const pure = [
  "src/keyring",
  "src/mesh",
  "src/records",
  "src/pools",
  "src/policies",
  "src/monitoring",
  "src/contract",
  "src/settings",
  "src/knot/config",
];
const pureButFor = { "src/dns": "src/dns/client" };
/** The one thing that a pure room takes from outside: random octets for a new key. */
const impure = ["src/keyring/fresh-key.ts"];

/** Where I/O is done. */
const io = [
  "src/dns/client",
  "src/knot/control",
  "src/kube",
  "src/vault/client",
  "src/base/files",
  "src/base/folder-watch",
  "src/base/http-exchange",
  "src/base/http-server",
  "src/base/json-file",
];
const pureBuiltins = ["node:crypto", "node:path", "node:url", "node:util", "node:zlib"];

const root = import.meta.dirname;
const isIn = (file, folder) => file === folder || file === `${folder}.ts` || file.startsWith(`${folder}/`);
const levelOf = (file) => rooms.findIndex((level) => level.some((room) => isIn(file, room)));
const roomOf = (file) => rooms.flat().find((room) => isIn(file, room));

function isPure(file) {
  if (impure.includes(file)) return false;
  const but = Object.entries(pureButFor).some(([folder, except]) => isIn(file, folder) && !isIn(file, except));
  return but || pure.some((folder) => isIn(file, folder));
}

/** What is wrong with an import, or undefined. */
function problemOf(file, source, isType) {
  if (!source.startsWith(".")) {
    const doesIo = source.startsWith("@pulumi/") || (isBuiltin(source) && !pureBuiltins.includes(source));
    return isPure(file) && doesIo && !isType ? `${roomOf(file)} is pure: it imports no ${source}` : undefined;
  }
  const target = relative(root, resolve(root, dirname(file), source))
    .split(sep)
    .join("/");
  if (isPure(file) && !isType && io.some((place) => isIn(target, place)))
    return `${roomOf(file)} is pure: it imports no I/O (${target})`;
  const [from, to] = [roomOf(file), roomOf(target)];
  if (from === undefined || to === undefined || from === to) return undefined;
  const sameLevel = levelOf(file) === levelOf(target) && !["lab", "harness"].includes(from);
  return sameLevel || levelOf(target) > levelOf(file)
    ? `${from} does not import ${to}: see the list of rooms in eslint.config.mjs`
    : undefined;
}

const arrows = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const file = relative(root, context.filename).split(sep).join("/");
    const check = (node) => {
      const problem =
        typeof node.source?.value === "string"
          ? problemOf(file, node.source.value, node.importKind === "type")
          : undefined;
      if (problem !== undefined) context.report({ node, message: problem });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

export default tseslint.config(
  { ignores: ["node_modules/**", "dist/**", "coverage/**", "**/*.mjs", "**/*.cjs", "index.js"] },
  ...tseslint.configs.strictTypeChecked,
  {
    plugins: { house: { rules: { arrows } } },
    languageOptions: {
      parserOptions: {
        project: ["tsconfig.json", "policy/tsconfig.json", "src/cli/dashboard/page/tsconfig.json"],
        tsconfigRootDir: root,
      },
    },
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      complexity: ["error", 16],
      "max-params": ["error", 3],
      "house/arrows": "error",
    },
  },
  {
    // Tests set mocks before they import what is tested: their order is their own.
    files: ["program.ts", "{src,components,policy,lab,harness,bench,scripts}/**"],
    plugins: { "simple-import-sort": importSort },
    rules: { "simple-import-sort/imports": "error" },
  },
  {
    files: ["{test,lab,harness,bench/test}/**"],
    rules: { "@typescript-eslint/no-unused-expressions": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
