import { exitCodes } from "./exit-codes";

const ends = new Set<() => void>();

/** Has what is under way end in its own way once nobody reads what it prints. Without that, the process ends at once. */
export function whenUnread(end: () => void): Disposable {
  ends.add(end);
  return { [Symbol.dispose]: () => void ends.delete(end) };
}

/**
 * Takes an error of the standard output or error. `mesh … | head` hangs up before the end (EPIPE), a closed terminal too
 * (EIO): then what was found so far counts, and where nothing is known yet it is not known to be fine.
 */
export function onOutputError(
  error: NodeJS.ErrnoException,
  exit: (code: number) => void = (code) => process.exit(code),
): void {
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  if (ends.size === 0) exit(Number(process.exitCode ?? exitCodes.found));
  for (const end of ends) end();
}
