import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import type { MeshDriver } from "./driver";

/** How an `up` ends before its time. */
export interface Interruption {
  readonly how: "SIGINT" | "SIGKILL";
  /** At the start of which of the operations that change a resource, counted from 1. */
  readonly at: number;
}

/**
 * Brings a stack up and ends the engine in the middle of it, as Ctrl-C would or as a machine that goes down. An `up` with
 * fewer operations ends well.
 *
 * @returns How many operations had begun when it was over.
 */
export async function upInterrupted(driver: MeshDriver, stack: string, { how, at }: Interruption): Promise<number> {
  const ending = new AbortController();
  let begun = 0;
  const end = (): void => {
    if (how === "SIGINT") ending.abort();
    else for (const pid of enginesFor(stack)) process.kill(pid, "SIGKILL");
  };
  const up = driver.up(stack, {
    signal: ending.signal,
    onEvent: ({ resourcePreEvent }) => {
      if (resourcePreEvent === undefined || resourcePreEvent.metadata.op === "same") return;
      begun += 1;
      if (begun === at) end();
    },
  });
  await up.catch(() => undefined);
  return begun;
}

/**
 * What `docs/runbooks/interrupted-up.md` says to do after an engine was killed: take away a side file of the state that it
 * left empty, and give up its lock.
 *
 * @param workDir - Where the driver keeps its state.
 */
export async function recoverFromKill(driver: MeshDriver, stack: string, workDir: string): Promise<void> {
  const folder = join(workDir, "state", ".pulumi", "stacks", "dns-mesh");
  const attributes = join(folder, `${stack}.json.attrs`);
  if (existsSync(attributes) && statSync(attributes).size === 0) rmSync(attributes);
  await driver.cancel(stack);
}

/** Process ids of `pulumi` that this process has started for a stack: others may be at work on theirs. */
function enginesFor(stack: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /\) \w (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
        const [program = "", ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        const isFor = args[args.indexOf("--stack") + 1] === stack;
        return Number(parent) === process.pid && program.endsWith("/pulumi") && isFor;
      } catch {
        return false;
      }
    });
}
