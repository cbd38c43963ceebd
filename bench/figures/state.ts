import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { knotBinaries } from "../../harness/knot/binaries";
import { run } from "../../harness/tools/run";
import { UserError } from "../../src/base/errors";
import type { Machine } from "./file";

const root = join(__dirname, "..", "..");

/** Everything but documents: a commit of figures and tables is no other state. */
const measured = ["--", ".", ":(exclude)docs", ":(exclude)*.md"];

/**
 * The last commit that changed more than documents.
 *
 * @throws UserError when files differ from it, of which figures would say the wrong commit.
 */
export async function measuredCommit(): Promise<string> {
  const changed = await run("git", ["-C", root, "status", "--porcelain", ...measured]);
  if (changed !== "")
    throw new UserError(
      `figures are of a commit, and these files differ from it; commit them first:\n${changed.trimEnd()}`,
    );
  return (await run("git", ["-C", root, "log", "-1", "--format=%h", "--abbrev=10", ...measured])).trim();
}

/** For which it is looked what else the machine does. An average over a minute would tell of the run before. */
const lookMs = 3000;

/** The machine, and how many of its cores are busy now, before anything is measured. */
export async function machine(): Promise<Machine> {
  const [first, ...others] = cpus();
  const [before, began] = [busyMs(), performance.now()];
  await delay(lookMs);
  const load = (busyMs() - before) / (performance.now() - began);
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: 1 + others.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: Math.round(load * 100) / 100,
  };
}

/** Milliseconds for which cores worked. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Versions of what is measured, and of what it is compared with where that is a package of the machine. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const of = async (program: string, ...args: readonly string[]): Promise<string> =>
    /\d+\.\d+\.\d+/.exec(await run(program, args).catch(() => ""))?.[0] ?? "unknown";
  return {
    node: process.versions.node,
    knot: await of(knotBinaries().knotd, "--version"),
    bind: await of("named", "-v"),
  };
}
