import { parseArgs } from "node:util";

import { messageOf, UserError } from "../../src/base/errors";
import { ensureTools } from "../tools";
import { type Catalogue, ofShared, ofSite } from ".";
import { ChangedMesh } from "./changed-mesh";
import { Matrix, type Outcome } from "./matrix";
import { writeTables } from "./tables";
import { unitsOf } from "./units";

const help = `npm run matrix -- [--only NAME]… [--json]

Changes each setting of both kinds of stacks on a running mesh and takes the change back: two sites of two pods in real
clusters, asked 500 questions a second over UDP and as many over TCP all the time. Counts answers that are lost, says
which pods restart, and whether a second up changes nothing. Takes about an hour. What it finds goes into
docs/changing-settings.md.

  --only NAME   this setting alone, as the tables call it; may be given more than once
  --json        prints what it found as one JSON object on the last line
  --help        this text`;

function log(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
}

const catalogues = [ofSite, ofShared];

function chosen(only: readonly string[]): readonly Catalogue[] {
  const names = catalogues.flatMap(({ changes, refused }) => [...changes, ...refused].map(({ name }) => name));
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UserError(`no setting "${unknown}" is changed; there are ${[...new Set(names)].join(", ")}`);
  if (only.length === 0) return catalogues;
  const isWanted = ({ name }: { readonly name: string }): boolean => only.includes(name);
  return catalogues.map((all) => ({
    ...all,
    changes: all.changes.filter(isWanted),
    refused: all.refused.filter(isWanted),
  }));
}

async function run(wanted: readonly Catalogue[]): Promise<{ outcomes: Outcome[]; refusals: string[] }> {
  await ensureTools(["kubernetes", "pulumi", "provider", "knot", "vault", "knot-resolver"], log);
  await using changed = await ChangedMesh.start(log, { hasAll: true });
  const matrix = new Matrix(changed, log);
  const refusals: string[] = [];
  for (const { refused } of wanted) for (const one of refused) refusals.push(...(await matrix.refused(one)));
  const outcomes: Outcome[] = [];
  for (const unit of unitsOf(wanted.flatMap(({ changes }) => changes))) {
    const found = await matrix.run(unit);
    writeTables(found);
    outcomes.push(...found);
  }
  return { outcomes, refusals };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string", multiple: true }, json: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    console.log(help);
    return;
  }
  const { outcomes, refusals } = await run(chosen(values.only ?? []));
  const failed = outcomes.filter(({ problems }) => problems.length > 0);
  for (const { name, problems } of failed) console.error(`${name}: ${problems.join("; ")}`);
  for (const refusal of refusals) console.error(refusal);
  if (values.json === true) console.log(JSON.stringify({ outcomes, refusals }));
  process.exitCode = failed.length + refusals.length > 0 ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(error instanceof UserError ? messageOf(error) : error);
  process.exitCode = 1;
});
