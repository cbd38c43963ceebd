import { setTimeout as wait } from "node:timers/promises";

import type { Lab } from "../../lab";
import { DnsClient } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import type { Change, History } from "./history";

/** Between two changes of a zone. */
const restMs = 300;
/** Changes of each zone before anything is asked. */
const firstChanges = 10;

/**
 * Changes every zone all the time, at its owner: by Knot's control socket, as somebody in the owner's pod would, which works
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
    this.#work = Promise.all(this.options.history.zones.map((zone) => this.#go(zone)));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #go(zone: string): Promise<void> {
    while (!this.#over) {
      await this.#make(this.options.history.attempt(zone)).catch(() => undefined);
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

/**
 * One in four: names that are made once. An UPDATE that nobody answered may be carried out later, which would put an older
 * number in the place of a newer one.
 */
function isByUpdate({ number }: Change): boolean {
  return number % 4 === 1;
}
