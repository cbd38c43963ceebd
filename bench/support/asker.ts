import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

import { decodeMessage, encodeMessage } from "../../src/dns/message";
import { queryMessage } from "../../src/dns/request";
import type { Heard } from "./turns";
import type { Watched } from "./watch";

/** Milliseconds between two questions to a site. */
const defaultPaceMs = 20;
/** What was not answered by then is lost. */
const lostMs = 2000;

/** Asks all sites for the addresses of a name, all the time, and remembers what they answer. */
export class Asker implements AsyncDisposable {
  readonly #open = new Map<number, { readonly site: string; readonly at: number }>();
  readonly #heard: Heard[] = [];
  readonly #latest = new Map<string, string>();
  #next = 0;
  #lost = 0;
  readonly #timer: NodeJS.Timeout;
  readonly #name: string;

  private constructor(
    private readonly socket: Socket,
    private readonly sites: readonly Watched[],
    { name, paceMs }: { readonly name: string; readonly paceMs: number },
  ) {
    this.#name = name;
    socket.on("message", (bytes) => {
      this.#receive(bytes, performance.now());
    });
    this.#timer = setInterval(() => {
      this.#ask();
    }, paceMs);
  }

  /** @param paceMs - milliseconds between two questions to a site */
  static async begin(sites: readonly Watched[], name: string, paceMs = defaultPaceMs): Promise<Asker> {
    const socket = createSocket("udp4");
    socket.bind(0);
    await once(socket, "listening");
    return new Asker(socket, sites, { name, paceMs });
  }

  /** All that was answered so far. */
  get heard(): readonly Heard[] {
    return this.#heard;
  }

  /** Questions that nobody answered. */
  get lost(): number {
    return this.#lost;
  }

  /** Whether every site's latest answer is this address and nothing else. */
  agrees(address: string): boolean {
    return this.sites.every(({ name }) => this.#latest.get(name) === address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.socket.close();
    await once(this.socket, "close");
  }

  #ask(): void {
    const now = performance.now();
    for (const [id, { at }] of this.#open) {
      if (at > now - lostMs) break;
      this.#open.delete(id);
      this.#lost++;
    }
    for (const { name, server } of this.sites) {
      const id = (this.#next = (this.#next + 1) & 0xffff);
      this.#open.set(id, { site: name, at: now });
      const message = encodeMessage(queryMessage({ id, name: this.#name, type: "A" }));
      this.socket.send(message, server.port, server.address, () => undefined);
    }
  }

  #receive(bytes: Buffer, at: number): void {
    const { id, answers } = decodeMessage(bytes);
    const asked = this.#open.get(id);
    if (asked === undefined) return;
    this.#open.delete(id);
    const values = answers.flatMap((record) => ("address" in record ? [record.address] : []));
    this.#heard.push({ site: asked.site, at, values });
    this.#latest.set(asked.site, values.join());
  }
}
