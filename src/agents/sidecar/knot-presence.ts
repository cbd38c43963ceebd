import { connect } from "node:net";

import { systemClock } from "../../base/clock";
import type { DnsServer } from "../../dns/client/dns-client";

/** Between attempts to reach a Knot that is away, in milliseconds, and after a connection that ended sooner. */
const againMs = 100;

/** What a {@link KnotPresence} works with. */
export interface KnotPresenceParts {
  /** The site's own. */
  readonly knot: DnsServer;
  /** It ended a moment ago. */
  readonly ended: () => void;
  /** @default the machine's */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Notices at once that Knot has ended: a connection to it is kept open, in which nothing is said. Knot ends one that rests, and
 * takes the next; one that is away takes none.
 */
export class KnotPresence {
  #ends = 0;

  constructor(private readonly parts: KnotPresenceParts) {}

  /** How often it ended, as far as that was seen. */
  get ends(): number {
    return this.#ends;
  }

  /** Watches until the signal is given. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { pause = systemClock.pause, ended } = this.parts;
    let wasThere = false;
    while (!signal.aborted) {
      const began = performance.now();
      const found = await this.#rest(signal);
      if (found === "ended") wasThere = true;
      if (found === "refused" && wasThere) {
        wasThere = false;
        this.#ends += 1;
        ended();
      }
      // Knot ends a connection that rests as well: whether it is gone shows at once.
      const hasRested = found === "ended" && performance.now() - began > againMs;
      if (!hasRested) await pause(againMs, signal);
    }
  }

  /** Returns when a connection has ended, or was not taken. */
  #rest(signal: AbortSignal): Promise<"ended" | "refused" | "unknown"> {
    return new Promise((resolve) => {
      const { address: host, port } = this.parts.knot;
      const socket = connect({ host, port });
      let found: "ended" | "refused" | "unknown" = "unknown";
      socket.once("connect", () => (found = "ended"));
      socket.once("error", ({ code }: NodeJS.ErrnoException) => {
        if (code === "ECONNREFUSED") found = "refused";
      });
      const end = (): void => {
        socket.destroy();
      };
      signal.addEventListener("abort", end, { once: true });
      socket.once("close", () => {
        signal.removeEventListener("abort", end);
        resolve(found);
      });
      // Read, so that an end at the other side is noticed.
      socket.resume();
    });
  }
}
