import { type Clock, clockWords, untilClockIsSet } from "../base/clock";
import type { Logger } from "../base/log";

/** What {@link programEnd} works with. */
export interface ProgramEndParts {
  /** Given when the program is to end. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the process. */
  readonly exit: () => void;
}

/** Whatever is under way can be taken up by the next process: nothing is worth waiting longer for. */
const patienceMs = 3000;

/** Given when the process gets SIGTERM or SIGINT. */
export function terminationSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      controller.abort();
    });
  }
  return controller.signal;
}

/**
 * The end of a program that runs until it is ended: when `signal` is given, or when the clock was set, after which it is to
 * start anew. The process ends three seconds later at the latest, since a wait until a time that the old clock gave may last
 * for as long as the clock was set back.
 */
export function programEnd({ signal, clock, log, exit }: ProgramEndParts): AbortSignal {
  const clockSet = new AbortController();
  const ending = AbortSignal.any([signal, clockSet.signal]);
  const end = (): void => {
    void clock.pause(patienceMs, new AbortController().signal).then(exit);
  };
  if (ending.aborted) end();
  ending.addEventListener("abort", end);
  void untilClockIsSet(clock, ending).then((ms) => {
    if (ms === undefined) return;
    log.warn(clockWords, { seconds: Math.round(ms / 1000) });
    clockSet.abort();
  });
  return ending;
}
