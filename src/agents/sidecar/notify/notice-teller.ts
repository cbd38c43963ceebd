import type { Socket } from "node:net";

import type { Slots } from "../../../base/slots";
import { frameMessage, FrameReader } from "../../../dns/framing";
import { KeptNotices } from "./kept-notices";
import type { Notice } from "./notice";

/** What a {@link NoticeTeller} works with. */
export interface TellerParts {
  /** Undefined for a message that is no NOTIFY of our own Knot's. */
  readonly take: (message: Buffer) => Notice | undefined;
  /** Shared by all servers. */
  readonly slots: Slots;
  /** Whether the server said something to a message. Never throws. */
  readonly ask: (question: Uint8Array) => Promise<boolean>;
  /** How many NOTIFYs may be under way to the server now. */
  readonly width: () => number;
}

/**
 * Answers NOTIFYs of our own Knot's in the place of another server and passes them on. Knot waits for each answer before it
 * goes to the next server, and keeps the zone from everything meanwhile; what it says then is of a version that is gone, for
 * which others ask all sources of the zone. As Knot takes the answer for the other server's, the newest one of each zone
 * stays here until it has arrived.
 */
export class NoticeTeller {
  readonly #kept = new KeptNotices();
  #underWay = 0;

  constructor(private readonly parts: TellerParts) {}

  /** Takes a connection of Knot's. */
  take(local: Socket): void {
    const frames = new FrameReader();
    local.on("data", (chunk: Buffer) => {
      for (const message of frames.push(chunk)) {
        const notice = this.parts.take(message);
        // Knot goes by itself.
        if (notice === undefined) {
          local.destroy();
          return;
        }
        local.write(frameMessage(notice.answer));
        this.#kept.keep(notice);
        this.go();
      }
    });
    local.once("end", () => local.end());
    local.resume();
  }

  /** Sends what may be sent now. Returns whether that is anything. */
  go(): boolean {
    let began = false;
    while (this.#underWay < this.parts.width()) {
      const notice = this.#kept.take();
      if (notice === undefined) return began;
      began = true;
      void this.#send(notice);
    }
    return began;
  }

  /** Sends nothing more of what it has. */
  clear(): void {
    this.#kept.clear();
  }

  async #send(notice: Notice): Promise<void> {
    this.#underWay += 1;
    const hasArrived = await this.parts.slots.run(() => this.parts.ask(notice.signed()));
    this.#underWay -= 1;
    this.#kept.done(notice, hasArrived);
    this.go();
  }
}
