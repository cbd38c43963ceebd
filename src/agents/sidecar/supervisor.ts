import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

import { isAborted } from "../../base/clock";
import type { Logger } from "../../base/log";

/** What {@link supervise} runs. */
export interface SupervisorOptions {
  /** The program, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** Options of Node's own. @default those of this process */
  readonly nodeFlags?: readonly string[];
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Has the program end (SIGTERM), which may take its time, and then ends the supervisor. */
  readonly signal: AbortSignal;
  /** First wait before a restart; doubled up to 30 seconds, and the first again after a minute without a crash. @default 200 */
  readonly firstWaitMs?: number;
}

const longestWaitMs = 30_000;
const calmMs = 60_000;

/**
 * Keeps a program running: starts it again whenever it ends. As the container's first process it lives on when the
 * program crashes, so that neither the container nor the pod restarts.
 */
export async function supervise(o: SupervisorOptions): Promise<void> {
  const first = o.firstWaitMs ?? 200;
  let wait = first;
  while (!isAborted(o.signal)) {
    const started = o.now();
    const end = await runOnce(o);
    if (isAborted(o.signal)) return;
    if (o.now() - started > calmMs) wait = first;
    o.log.error("the agent exited and is restarted", { ...end, afterMs: wait });
    await delay(wait, undefined, { signal: o.signal }).catch(() => undefined);
    wait = Math.min(wait * 2, longestWaitMs);
  }
}

function runOnce(o: SupervisorOptions): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
  const child: ChildProcess = fork(o.script, o.args, { ...(o.nodeFlags && { execArgv: [...o.nodeFlags] }) });
  const stop = (): void => {
    child.kill("SIGTERM");
  };
  o.signal.addEventListener("abort", stop);
  return new Promise((resolve) => {
    const ended = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      o.signal.removeEventListener("abort", stop);
      resolve({ code, killedBy });
    };
    child.once("exit", ended);
    child.once("error", () => {
      ended(null, null);
    });
  });
}
