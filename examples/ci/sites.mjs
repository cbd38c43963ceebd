// Prints which sites the list has, the primary first, as a workflow's outputs:
//   primary=site-a
//   others=["site-b","site-c"]
// With --expect NAME… it prints nothing and ends with 1 when these are not the list's sites, the primary first.
import { readFileSync } from "node:fs";

import { parse } from "yaml";

const file = process.env.MESH_FILE ?? "Pulumi.shared.yaml";
const sites = parse(readFileSync(file, "utf8"))?.config?.["dns-mesh:mesh"]?.sites;
if (!Array.isArray(sites) || sites.length === 0) fail(`${file}: dns-mesh:mesh lists no sites`);

const names = sites.map(({ name }) => name);
const odd = names.find((name) => typeof name !== "string" || !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name));
if (odd !== undefined) fail(`${file}: ${JSON.stringify(odd)} is not a site's name`);
const primary = sites.find(({ role }) => role === "primary-catalog")?.name;
if (primary === undefined) fail(`${file}: no site is the primary-catalog`);
const others = names.filter((name) => name !== primary);

const [option, ...expected] = process.argv.slice(2);
if (option === "--expect") {
  const there = [primary, ...[...others].sort()].join(" ");
  const wanted = [expected[0], ...expected.slice(1).sort()].join(" ");
  if (there !== wanted)
    fail(`the list has the sites ${there}, this pipeline ${wanted}: write the list's into its jobs`);
} else if (option !== undefined) fail(`unknown option ${option}; use --expect NAME…`);
else process.stdout.write(`primary=${primary}\nothers=${JSON.stringify(others)}\n`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
