import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** What {@link watchFolder} watches, and for whom. */
export interface FolderWatch {
  readonly path: string;
  /** Called once for everything that was written since the last call; returns for how many milliseconds it worked. Must not throw. */
  readonly onChange: () => Promise<number>;
  /** Least milliseconds between the end of one call and the next; three times as long as the call worked, if that is more, up to `mostRestMs`. */
  readonly restMs: number;
  /** Most milliseconds between them: a call that had to wait for somebody has not worked as long as it took. */
  readonly mostRestMs: number;
  /** Milliseconds after which a folder that is not there, or went, is looked for again. */
  readonly lookAgainMs: number;
  readonly signal: AbortSignal;
}

/** Calls back when a file in a folder is written, until the signal is given. The folder may be made later. Never throws. */
export async function watchFolder(options: FolderWatch): Promise<void> {
  while (!options.signal.aborted) {
    await watchOnce(options);
    await rest(options.lookAgainMs, options.signal);
  }
}

/** Watches until the folder goes or the signal is given. */
async function watchOnce(options: FolderWatch): Promise<void> {
  const seen = { written: false, gone: false, wake: (): void => undefined };
  // A folder that was made anew has another number; the watch would stay with the one that is gone.
  const watched = await numberOf(options.path);
  let watcher: FSWatcher;
  try {
    watcher = watch(options.path, { signal: options.signal });
  } catch {
    return;
  }
  watcher.on("change", () => {
    seen.written = true;
    seen.wake();
  });
  for (const event of ["error", "close"]) {
    watcher.on(event, () => {
      seen.gone = true;
      seen.wake();
    });
  }
  while (!seen.gone && !options.signal.aborted) {
    if (seen.written) {
      seen.written = false;
      if ((await numberOf(options.path)) !== watched) break;
      const workedMs = await options.onChange();
      await rest(Math.max(options.restMs, Math.min(3 * workedMs, options.mostRestMs)), options.signal);
    } else {
      await new Promise<void>((resolve) => (seen.wake = resolve));
    }
  }
  watcher.close();
}

/** The folder's inode number; undefined when there is no such folder. */
async function numberOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch {
    return undefined;
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // The signal ended it.
  }
}
