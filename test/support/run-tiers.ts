import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureTools } from "./tools";

/** What a tier counted. A command without counts of its own counts as one. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Tier {
  readonly name: string;
  readonly run: () => Promise<Counts> | Counts;
}

/** Runs a command with our output; passing is one passed, anything else one failed. */
function command(script: string): Counts {
  const ok = spawnSync("npm", ["run", "--silent", script], { stdio: "inherit" }).status === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** Runs mocha and reads its counts. A run that died before it could count is a failure, and so is one without a test. */
function mocha(folder: string): Counts {
  const scratch = mkdtempSync(join(tmpdir(), "dns-mesh-tier-"));
  const file = join(scratch, "counts.json");
  try {
    const { status } = spawnSync(
      "mocha",
      [
        "--config",
        "test/mocharc.json",
        "--reporter",
        join(__dirname, "counting-reporter.cjs"),
        `test/${folder}/**/*.test.ts`,
      ],
      { stdio: "inherit", env: { ...process.env, TIER_COUNTS: file } },
    );
    return withStatus(readCounts(file), status);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readCounts(file: string): Counts | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Counts;
  } catch {
    return undefined;
  }
}

function withStatus(counts: Counts | undefined, status: number | null): Counts {
  if (counts === undefined || counts.passed + counts.failed === 0) return { passed: 0, failed: 1, skipped: 0 };
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const tiers: readonly Tier[] = [
  {
    name: "tools",
    run: async () => {
      await ensureTools(undefined, (line) => {
        console.log(line);
      });
      return { passed: 0, failed: 0, skipped: 0 };
    },
  },
  { name: "lint", run: () => command("lint") },
  { name: "types", run: () => command("types") },
  { name: "format", run: () => command("format:check") },
  { name: "unused", run: () => command("unused") },
  { name: "unit", run: () => mocha("unit") },
  // Single parts before real servers, then whole meshes of real servers and agents.
  { name: "peers", run: () => mocha("lab/{dns,knot,manifests,plugins,pulumi,vault}") },
  { name: "lab", run: () => mocha("lab/{agent,bench,interop,lab}") },
  { name: "cluster", run: () => mocha("cluster") },
];

/** Runs one tier and prints what it took; a tier that throws is a failure with its reason. */
async function runTier(tier: Tier): Promise<Counts> {
  console.log(`\n== ${tier.name}`);
  const started = Date.now();
  let counts: Counts;
  try {
    counts = await tier.run();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    counts = { passed: 0, failed: 1, skipped: 0 };
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`== ${tier.name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds} s`);
  return counts;
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !tiers.some((tier) => tier.name === name));
  if (unknown.length > 0) {
    console.error(`no such tier: ${unknown.join(", ")}; there are ${tiers.map((tier) => tier.name).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const tier of tiers.filter((one) => wanted.length === 0 || wanted.includes(one.name))) {
    const started = Date.now();
    const counts = await runTier(tier);
    lines.push(`${tier.name.padEnd(8)} ${((Date.now() - started) / 1000).toFixed(1).padStart(7)} s`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  console.log(`\n${lines.join("\n")}\n`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exitCode = total.failed > 0 || total.skipped > 0 ? 1 : 0;
}

void main();
