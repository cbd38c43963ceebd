import { whenUnread } from "../output-end";

/** How what is under way is told to end. */
export interface Stopping extends Disposable {
  readonly signal: AbortSignal;
  /** Prints a line, as long as somebody reads them. */
  readonly print: (line: string) => void;
}

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Turns Ctrl-C, the end of the terminal and that of the pipe behind (`| head`) into a signal that ends what is under way
 * in order, however often it is pressed. An engine is in a group of its own and would go on without this process, until
 * it could not print any more: operations would stay pending, and the lock.
 */
export function stopping(write: (line: string) => void): Stopping {
  const controller = new AbortController();
  let isRead = true;
  const print = (line: string): void => {
    if (isRead) write(line);
  };
  const stop = (): void => {
    print(
      controller.signal.aborted ? "still ending what is under way" : "stopping: what is under way is ended in order",
    );
    controller.abort();
  };
  for (const name of names) process.on(name, stop);
  const unread = whenUnread(() => {
    isRead = false;
    controller.abort();
  });
  return {
    signal: controller.signal,
    print,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, stop);
      unread[Symbol.dispose]();
    },
  };
}
