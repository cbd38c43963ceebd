import { connect } from "node:net";
import { join } from "node:path";

import type { Clock } from "../../base/clock";
import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { listFolder } from "../../base/files";
import type { Logger } from "../../base/log";
import { resolverFiles, resolverWorkers } from "../../contract/resolver";

/** What {@link restartWorkers} works with. */
export interface WorkersOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Pick<Logger, "error">;
  /** Milliseconds that a process has to come up. */
  readonly patienceMs: number;
}

const pollMs = 50;

/**
 * Restarts the processes of Knot Resolver one after the other, so that one answers all the time. When one does not come up, the others
 * stay as they are: what it chokes on, they would too.
 *
 * @returns whether all have the configuration now.
 */
export async function restartWorkers(options: WorkersOptions, signal: AbortSignal): Promise<boolean> {
  const { folder, clock, log, patienceMs } = options;
  for (const worker of resolverWorkers) {
    const control = resolverFiles(folder).control(worker);
    const before = await listFolder(control);
    await Promise.all(before.map((socket) => quit(join(control, socket)).catch(() => undefined)));
    const until = clock.now() + patienceMs;
    const isBack = async () => (await listFolder(control)).some((socket) => !before.includes(socket));
    let back = await isBack();
    while (!back && clock.now() < until && !isAborted(signal)) {
      await clock.pause(pollMs, signal);
      back = await isBack();
    }
    if (!back) {
      log.error("a process of Knot Resolver does not come up; its log says why", { worker });
      return false;
    }
  }
  return true;
}

/** Tells a process to end by its control socket, and waits until it has hung up. */
function quit(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(2000, () => socket.destroy(new Error(`${path} does not answer`)));
    socket.once("error", (error) => {
      reject(new Error(messageOf(error), { cause: error }));
    });
    socket.once("close", () => {
      resolve();
    });
    socket.on("data", () => undefined);
    socket.write("quit()\n");
  });
}
