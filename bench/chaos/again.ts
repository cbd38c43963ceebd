import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CommandError, run } from "../../harness/tools/run";
import { type Extra, type Fault, formatFaults } from "./fault";
import { rules, type Violation } from "./report";

/** For a lab to start, for its end to be judged, and to end. */
const marginMs = 240_000;

/** Runs this command again with a script, in a network and a lab of their own. Returns whether that broke the same rule. */
export async function breaksAgain(
  faults: readonly Fault[],
  original: {
    readonly rule: Violation["rule"];
    readonly mesh: Readonly<Record<"sites" | "replicas" | "seed" | "patience", number>>;
    readonly extras: readonly Extra[];
  },
): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "mesh-chaos-"));
  try {
    const script = join(folder, "faults.chaos");
    await writeFile(script, formatFaults(faults));
    const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
    const besides = original.extras.length === 0 ? {} : { with: original.extras.join() };
    const options = { ...original.mesh, ...besides, script, shrink: "no" };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const apart = ["--net", "--mount", "--", "setpriv", "--pdeathsig", "TERM", "--", ...program, ...args];
    await run("unshare", apart, { timeoutMs: Math.max(...faults.map(({ to }) => to)) * 1000 + marginMs });
    return false;
  } catch (error) {
    if (error instanceof CommandError && error.status === 1) return error.output.stdout.includes(rules[original.rule]);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
