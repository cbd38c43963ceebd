import { open, stat, truncate } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import type { LogFields, Logger } from "../../base/log";

/** What {@link KnotLog} works with. */
export interface KnotLogOptions {
  /** The file that Knot writes. */
  readonly path: string;
  /** Where a socket of the agent's leads, in Knot's form; undefined for a path that is no such socket. @default none is */
  readonly behind?: (socket: string) => string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Pick<Logger, "info" | "warn">;
}

/** What was refused, and what was transferred, since the agent started. */
export interface KnotLogCounts {
  /** Refused requests by action; `signature` for those whose signature was wrong. */
  readonly refused: ReadonlyMap<string, number>;
  readonly transfers: readonly TransferCount[];
  /** Rounds in which none of a zone's primaries gave what was asked for. */
  readonly refreshFailures: number;
}

interface TransferCount {
  readonly direction: "in" | "out";
  readonly result: "finished" | "failed";
  readonly count: number;
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
const refusedAction = /^\[[^\]]*\] ACL, denied, action ([a-z]+)/;
const transfer = /^\[[^\]]*\] [AI]XFR, (in|out)(?:coming|going), /;
const refreshFailure = /^\[[^\]]*\] refresh, failed \(/;
/** A server that Knot reaches by way of the agent; people look for its address. */
const relayed = /(?<=\b(?:remote|address) )\/[^\s,]+/g;
/** Levels at which Knot says that something failed. */
const failing: readonly string[] = ["warning", "error", "critical"];
/** Levels that Knot writes to its own output too. */
const elsewhere: readonly string[] = ["notice", "warning", "error", "critical"];

/** Reads what Knot logs of zones, passes on what matters, and keeps the file small. */
export class KnotLog {
  #offset = 0;
  #rest = "";
  #minute = 0;
  #refusals = 0;
  #leftOut = 0;
  readonly #refused = new Map<string, number>(
    ["query", "transfer", "notify", "update", "signature"].map((action) => [action, 0]),
  );
  readonly #transfers = { in: { finished: 0, failed: 0 }, out: { finished: 0, failed: 0 } };
  #refreshFailures = 0;

  constructor(private readonly options: KnotLogOptions) {}

  /** What was counted. What is too much to be read is not. */
  get counts(): KnotLogCounts {
    const results = ["finished", "failed"] as const;
    return {
      refused: this.#refused,
      transfers: (["in", "out"] as const).flatMap((direction) =>
        results.map((result) => ({ direction, result, count: this.#transfers[direction][result] })),
      ),
      refreshFailures: this.#refreshFailures,
    };
  }

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
      const [, level = "", said = ""] = /^\S+ ([a-z]+): (.*)$/.exec(line) ?? [];
      if (said === "") continue;
      const message = said.replace(relayed, (socket) => this.options.behind?.(socket) ?? socket);
      this.#count(level, message);
      if (elsewhere.includes(level) || routine.test(message)) continue;
      this.#pass(message);
    }
  }

  #count(level: string, message: string): void {
    if (refusal.test(message)) {
      const action = refusedAction.exec(message)?.[1] ?? "signature";
      this.#refused.set(action, (this.#refused.get(action) ?? 0) + 1);
    } else if (refreshFailure.test(message)) {
      this.#refreshFailures += 1;
    } else {
      const direction = transfer.exec(message)?.[1] as "in" | "out" | undefined;
      if (direction === undefined) return;
      if (failing.includes(level)) this.#transfers[direction].failed += 1;
      else if (message.includes(", finished, ")) this.#transfers[direction].finished += 1;
    }
  }

  #pass(message: string): void {
    if (!refusal.test(message)) {
      this.options.log.info(message, fieldsOf(message));
      return;
    }
    const minute = Math.floor(this.options.now() / 60_000);
    if (minute !== this.#minute) {
      if (this.#leftOut > 0) this.options.log.warn("refusals in Knot's log were left out", { lines: this.#leftOut });
      [this.#minute, this.#refusals, this.#leftOut] = [minute, 0, 0];
    }
    this.#refusals += 1;
    if (this.#refusals > mostRefusals) this.#leftOut += 1;
    else this.options.log.info(message, fieldsOf(message));
  }
}

/** What a line of Knot's is about, so that it can be found beside our own: zone, serial, who asked, and by which key. */
function fieldsOf(message: string): LogFields {
  const found = (pattern: RegExp): string | undefined => pattern.exec(message)?.[1];
  const zone = found(/^\[([^\]]*)\] /)?.replace(/(?<=.)\.$/, "");
  const serial = found(/\bserial (?:(?:\d+|none) -> )?(\d+)/);
  const [action, remote, key] = [
    found(refusedAction),
    found(/\bremote ([0-9a-f.:]+)@\d+/),
    found(/\bkey '?([^\s',]+?)\.?(?=[\s',]|$)/),
  ];
  return {
    from: "knot",
    ...(zone !== undefined && { zone }),
    ...(serial !== undefined && { serial: Number(serial) }),
    ...(action !== undefined && { action }),
    ...(remote !== undefined && { remote }),
    ...(key !== undefined && { key }),
  };
}
