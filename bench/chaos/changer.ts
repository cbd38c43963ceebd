import { setTimeout as wait } from "node:timers/promises";

import type { Lab } from "../../lab";
import { DnsClient } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import type { Change, History } from "./history";

/** Between two changes of a zone. */
const restMs = 300;
/** When one zone after the other rests, in seconds from the start, and for how long. */
const [firstRest, restSeconds] = [16, 40];
/** Changes of each zone before anything is asked. */
const firstChanges = 10;

/**
 * Changes every zone all the time but one, which rests: what it lacks somewhere no later change brings. A change is made at the
 * zone's owner: by Knot's control socket, as somebody in the owner's pod would, which works
 * while the site is cut off; and by DNS UPDATE. What fails may have been made or not.
 */
export class Changer {
  readonly #dns = new DnsClient();
  #over = false;
  #work: Promise<unknown> = Promise.resolve();

  /** @param options.key - by which the zones may be updated */
  constructor(private readonly options: { readonly lab: Lab; readonly history: History; readonly key: TsigKey }) {}

  /** Makes the first changes of each zone. @throws Error when an owner does not take them. */
  async prepare(): Promise<void> {
    const { history } = this.options;
    await Promise.all(
      history.zones.map(async (zone) => {
        for (let i = 0; i < firstChanges; i++) await this.#make(history.attempt(zone));
      }),
    );
  }

  start(): void {
    const began = performance.now();
    const { zones } = this.options.history;
    const isAtRest = (i: number): boolean => restingZone((performance.now() - began) / 1000, zones.length) === i;
    this.#work = Promise.all(zones.map((zone, i) => this.#go(zone, () => isAtRest(i))));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #go(zone: string, isAtRest: () => boolean): Promise<void> {
    while (!this.#over) {
      if (!isAtRest()) await this.#make(this.options.history.attempt(zone)).catch(() => undefined);
      await wait(restMs);
    }
  }

  async #make(change: Change): Promise<void> {
    if (isByUpdate(change)) await this.#update(change);
    else await this.#replace(change);
    this.options.history.acknowledge(change);
  }

  async #replace({ zone, name, number }: Change): Promise<void> {
    await this.#owner(zone).control.zoneReplace(zone, { owner: name, ttl: 60, type: "TXT", data: `"${number}"` });
  }

  async #update({ zone, name, number }: Change): Promise<void> {
    const record = { name, class: "IN", ttl: 60, type: "TXT", strings: [String(number)] } as const;
    const changes = [{ kind: "add", record }] as const;
    await this.#dns.update(this.#owner(zone).server, { zone, changes }, this.options.key);
  }

  #owner(zone: string) {
    const { lab } = this.options;
    return lab.site(lab.plan.owner(zone) ?? "");
  }
}

/** Which of so many zones rests so many seconds after the start, by its place; -1 at first, for none. */
export function restingZone(seconds: number, zones: number): number {
  return seconds < firstRest ? -1 : Math.floor((seconds - firstRest) / restSeconds) % zones;
}

/**
 * One in four: names that are made once. An UPDATE that nobody answered may be carried out later, which would put an older
 * number in the place of a newer one.
 */
function isByUpdate({ number }: Change): boolean {
  return number % 4 === 1;
}
