import { open, stat, truncate } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import type { Logger } from "../../base/log";

/** What {@link KnotLog} works with. */
export interface KnotLogOptions {
  /** The file that Knot writes. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Pick<Logger, "info" | "warn">;
}

const lookEveryMs = 1000;
/** Octets that are read in one look; what is more than that is left out. */
const mostOctets = 1024 * 1024;
/** Octets from which the file is emptied once they were read. */
const emptyFrom = 64 * 1024;
/** Refusals that are passed on in a minute: strangers can cause one with each question. */
const mostRefusals = 200;
const refusal = /^\[[^\]]*\] (?:ACL, denied,|TSIG, )/;

/** What Knot says of zones at rest, and of what it permits. All that it refuses, and why, goes on. */
const routine =
  /^\[[^\]]*\] (?:ACL, allowed,|refresh timer trimmed|refresh, .*zone is up-to-date|IXFR, outgoing, .*zone is up-to-date)/;
/** Levels that Knot writes to its own output too. */
const elsewhere: readonly string[] = ["notice", "warning", "error", "critical"];

/** Reads what Knot logs of zones, passes on what matters, and keeps the file small. */
export class KnotLog {
  #offset = 0;
  #rest = "";
  #minute = 0;
  #refusals = 0;
  #leftOut = 0;

  constructor(private readonly options: KnotLogOptions) {}

  /** Looks each second until the signal is given. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Knot makes the file when it starts; one that cannot be read now can be later.
      await this.look().catch(() => undefined);
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Passes on what was written since the last look. @throws what the file system throws */
  async look(): Promise<void> {
    const { path } = this.options;
    const { size } = await stat(path);
    if (size < this.#offset) this.#offset = 0;
    if (size - this.#offset > mostOctets) {
      this.options.log.warn("too much of Knot's log to pass on", { octetsLeftOut: size - this.#offset - mostOctets });
      this.#offset = size - mostOctets;
      this.#rest = "";
    }
    if (size > this.#offset) this.#take(await this.#read(size - this.#offset));
    if (this.#offset < emptyFrom) return;
    await truncate(path, 0);
    this.#offset = 0;
  }

  async #read(octets: number): Promise<string> {
    await using file = await open(this.options.path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(octets), 0, octets, this.#offset);
    this.#offset += bytesRead;
    return buffer.toString("utf8", 0, bytesRead);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, level = "", message = ""] = /^\S+ ([a-z]+): (.*)$/.exec(line) ?? [];
      if (message === "" || elsewhere.includes(level) || routine.test(message)) continue;
      this.#pass(message);
    }
  }

  #pass(message: string): void {
    if (!refusal.test(message)) {
      this.options.log.info(message, { from: "knot" });
      return;
    }
    const minute = Math.floor(this.options.now() / 60_000);
    if (minute !== this.#minute) {
      if (this.#leftOut > 0) this.options.log.warn("refusals in Knot's log were left out", { lines: this.#leftOut });
      [this.#minute, this.#refusals, this.#leftOut] = [minute, 0, 0];
    }
    this.#refusals += 1;
    if (this.#refusals > mostRefusals) this.#leftOut += 1;
    else this.options.log.info(message, { from: "knot" });
  }
}
