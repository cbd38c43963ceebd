import tseslint from "typescript-eslint";

/** Folders that must stay pure: no sockets, files, processes or cluster calls. */
const pure = ["src/{keyring,mesh,policies,records,settings}/**", "src/dns/*", "src/knot/config/**"];

const io = [
  "node:fs",
  "node:fs/*",
  "node:net",
  "node:dgram",
  "node:tls",
  "node:http",
  "node:https",
  "node:child_process",
  "fs",
  "net",
  "dgram",
  "tls",
  "http",
  "https",
  "child_process",
];

export default tseslint.config(
  { ignores: ["node_modules/**", "dist/**", "coverage/**", "**/*.mjs", "**/*.cjs"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      complexity: ["error", 16],
      "max-params": ["error", 3],
    },
  },
  {
    files: pure,
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: io,
          patterns: [{ group: ["**/client/**", "**/control/**", "**/kube/**", "**/agents/**", "@pulumi/*"], message: "pure folders import no I/O" }],
        },
      ],
    },
  },
  {
    files: ["test/**"],
    rules: { "@typescript-eslint/no-unused-expressions": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
