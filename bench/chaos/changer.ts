import { setTimeout as wait } from "node:timers/promises";

import type { Lab } from "../../lab";
import type { Change, History } from "./history";

/** Between two changes of a zone. */
const restMs = 300;
/** Changes of each zone before anything is asked. */
const firstChanges = 10;

/**
 * Changes every zone all the time, at its owner by Knot's control socket, as somebody in the owner's pod would: it works while
 * the site is cut off. What fails may have been made or not.
 */
export class Changer {
  #over = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly lab: Lab,
    private readonly history: History,
  ) {}

  /** Makes the first changes of each zone. @throws Error when an owner does not take them. */
  async prepare(): Promise<void> {
    await Promise.all(
      this.history.zones.map(async (zone) => {
        for (let i = 0; i < firstChanges; i++) await this.#make(this.history.attempt(zone));
      }),
    );
  }

  start(): void {
    this.#work = Promise.all(this.history.zones.map((zone) => this.#go(zone)));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #go(zone: string): Promise<void> {
    while (!this.#over) {
      await this.#make(this.history.attempt(zone)).catch(() => undefined);
      await wait(restMs);
    }
  }

  async #make(change: Change): Promise<void> {
    const { zone, name, number } = change;
    const { control } = this.lab.site(this.lab.plan.owner(zone) ?? "");
    await control.zoneReplace(zone, { owner: name, ttl: 60, type: "TXT", data: `"${number}"` });
    this.history.acknowledge(change);
  }
}
