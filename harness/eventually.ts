import { setTimeout as wait } from "node:timers/promises";

/**
 * Tries until the check stops throwing; the last failure is thrown when the time is up.
 * @param seconds how long to try at the most
 * @param everyMs how long to rest between tries
 */
export async function eventually<T>(seconds: number, check: () => Promise<T> | T, everyMs = 200): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= end) throw error;
      await wait(everyMs);
    }
  }
}
