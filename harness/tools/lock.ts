import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A process that can be told from a later one with the same number: `started` is in clock ticks since boot. */
export interface ProcessId {
  readonly pid: number;
  readonly started: string;
}

/** The process with this number as it is now, or undefined when there is none (a zombie counts as none). */
export function processId(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : { pid, started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

/** Whether this very process still runs. */
export function isAlive(process: ProcessId | undefined): boolean {
  return process !== undefined && processId(process.pid)?.started === process.started;
}

/** This process. */
export function ownProcess(): ProcessId {
  const own = processId(process.pid);
  if (!own) throw new Error("/proc is not mounted");
  return own;
}

function holder(path: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessId;
  } catch {
    return undefined;
  }
}

/** Removes a dead holder's lock. Another process may have done so and taken the lock meanwhile; then that one is put back. */
function discard(path: string, aside: string): void {
  try {
    renameSync(path, aside);
    if (isAlive(holder(aside))) linkSync(aside, path);
  } catch {
    return;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Takes the lock when it is free or its holder is dead. The file appears complete (link), so a reader never sees half of one. */
function tryLock(path: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(ownProcess()));
  try {
    linkSync(own, path);
    return true;
  } catch {
    const held = holder(path);
    if (held && !isAlive(held)) discard(path, `${own}.stale`);
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Runs `work` while holding the lock file, waiting for other processes that hold it. A holder that died is passed over.
 * `waiting` is called once when there is somebody to wait for.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, waiting?: () => void): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  for (let tries = 0; !tryLock(path); tries++) {
    if (tries === 2) waiting?.();
    await delay(tries < 10 ? 50 : 500);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
