import { randomInt } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

import type { DnsServer } from "../../src/dns/client/dns-client";
import { DnsError } from "../../src/dns/errors";
import { decodeMessage, encodeMessage, type Message } from "../../src/dns/message";
import { queryMessage } from "../../src/dns/request";
import { rcodeName } from "../../src/dns/types";

/** A server that is asked, by a name that the figures go by. */
export interface Watched {
  readonly name: string;
  /** At an IPv4 address. */
  readonly server: DnsServer;
}

/** What is asked of whom until each gives the wanted answer. */
export interface WatchOrder {
  readonly servers: readonly Watched[];
  readonly question: { readonly name: string; readonly type: string };
  readonly accept: (answer: Message) => boolean;
  /** {@link AnswerWatch.hint} will be called, so that asking without a hint can wait. @default false */
  readonly hinted?: boolean;
  /** Milliseconds from the acknowledgement to giving up. @default 30000 */
  readonly limitMs?: number;
}

/** Most questions a second, over all servers, that are asked without a hint: what measures must not weigh on what is measured. */
const questionsPerSecond = 4000;

/** Bounds for the time between two questions to a server without a hint, in milliseconds; the lower one is the first too. */
const paces = { unhinted: { least: 1, greatest: 50 }, hinted: { least: 50, greatest: 250 } } as const;

/** Not every server gave the wanted answer in time. */
export class LateError extends Error {
  override readonly name = "LateError";
}

/** Makes watches, all of which ask from one unconnected UDP socket. */
export class AnswerWatcher implements AsyncDisposable {
  readonly #watches = new Map<number, { readonly watch: AnswerWatch; readonly index: number }>();
  #nextId = randomInt(0x10000);
  #asked = 0;

  private constructor(private readonly socket: Socket) {
    socket.on("message", (bytes, from) => {
      this.#receive(bytes, from);
    });
  }

  static async open(): Promise<AnswerWatcher> {
    const socket = createSocket("udp4");
    socket.bind(0);
    await once(socket, "listening");
    return new AnswerWatcher(socket);
  }

  /** Questions sent so far: what the measuring itself put on the servers. */
  get asked(): number {
    return this.#asked;
  }

  /** Begins before the change is made, so that no hint is lost; see {@link AnswerWatch.since}. */
  watch(order: WatchOrder): AnswerWatch {
    const watch: AnswerWatch = new AnswerWatch(order, {
      ask: (index, message) => {
        this.#ask(watch, { index, message });
      },
      over: () => {
        for (const [id, entry] of this.#watches) if (entry.watch === watch) this.#watches.delete(id);
      },
    });
    return watch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await once(this.socket, "close");
  }

  #ask(watch: AnswerWatch, { index, message }: { index: number; message: Buffer }): void {
    const server = watch.order.servers[index]?.server;
    if (server === undefined) return;
    this.#nextId = (this.#nextId + 1) & 0xffff;
    this.#watches.set(this.#nextId, { watch, index });
    const bytes = Buffer.from(message);
    bytes.writeUInt16BE(this.#nextId, 0);
    this.#asked++;
    // What could not be sent is asked again like what was lost.
    this.socket.send(bytes, server.port, server.address, () => undefined);
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    const at = performance.now();
    const id = bytes.length < 2 ? -1 : bytes.readUInt16BE(0);
    const entry = this.#watches.get(id);
    const server = entry?.watch.order.servers[entry.index]?.server;
    if (entry === undefined || server?.port !== from.port || server.address !== from.address) return;
    this.#watches.delete(id);
    entry.watch.answered(entry.index, { bytes, at });
  }
}

interface Asking {
  readonly ask: (index: number, message: Buffer) => void;
  readonly over: () => void;
}

interface State {
  timer?: NodeJS.Timeout;
  hintedAt?: number;
  answeredAt?: number;
  /** What it said last, for whoever waits in vain. */
  last: string;
}

/** One change that is awaited at some servers. Made by {@link AnswerWatcher.watch}. */
export class AnswerWatch implements Disposable {
  readonly #states: readonly State[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #message: Buffer;
  #left: number;
  #acknowledgedAt: number | undefined;
  #settled: (() => void) | undefined;
  #over = false;

  constructor(
    readonly order: WatchOrder,
    private readonly asking: Asking,
  ) {
    this.#states = order.servers.map(() => ({ last: "no answer" }));
    this.#index = new Map(order.servers.map(({ name }, index) => [name, index]));
    this.#message = encodeMessage(queryMessage({ id: 0, ...order.question }));
    this.#left = order.servers.length;
  }

  /** Says that a server has probably got the change just now: it is asked at once, and soon again. Others are ignored. */
  hint(server: string): void {
    const state = this.#states[this.#index.get(server) ?? -1];
    if (state === undefined) return;
    state.hintedAt = performance.now();
    this.#askIn(state, 0);
  }

  /**
   * Waits until every server has given the wanted answer.
   *
   * @param acknowledgedAt when the owner acknowledged the change, by `performance.now()`.
   * @returns milliseconds from then on by server; 0 for one that answered sooner than the acknowledgement was read.
   * @throws LateError that names who did not, and what they said, when the limit is reached.
   */
  async since(acknowledgedAt: number): Promise<ReadonlyMap<string, number>> {
    const { servers, limitMs = 30_000 } = this.order;
    this.#acknowledgedAt = acknowledgedAt;
    // One after the other, so that the questions do not come all at once.
    for (const [i, state] of this.#states.entries())
      if (state.timer === undefined) this.#askIn(state, this.#interval(state) * ((i + 1) / servers.length));
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      this.#settled = () => {
        clearTimeout(limit);
        resolve();
      };
      if (this.#left === 0) this.#settled();
    });
    this[Symbol.dispose]();
    if (this.#left > 0) throw new LateError(`within ${limitMs} ms ${this.#complaint()}`);
    const times = this.#states.map(({ answeredAt = 0 }) => Math.max(0, answeredAt - acknowledgedAt));
    return new Map(servers.map(({ name }, index) => [name, times[index] ?? 0]));
  }

  /** Takes a datagram from a server. The watcher calls it. */
  answered(index: number, { bytes, at }: { readonly bytes: Buffer; readonly at: number }): void {
    const state = this.#states[index];
    if (state === undefined || this.#done(state)) return;
    try {
      const answer = decodeMessage(bytes);
      state.last = `${rcodeName(answer.rcode)}, ${answer.answers.length} records`;
      if (!answer.flags.qr || !this.order.accept(answer)) return;
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      state.last = error.message;
      return;
    }
    state.answeredAt = at;
    clearTimeout(state.timer);
    if (--this.#left === 0) this.#settled?.();
  }

  /** Asks no more. */
  [Symbol.dispose](): void {
    this.#over = true;
    for (const state of this.#states) clearTimeout(state.timer);
    this.asking.over();
  }

  #done(state: State): boolean {
    return this.#over || state.answeredAt !== undefined;
  }

  /** Asks after so many milliseconds, and then again and again. */
  #askIn(state: State, delayMs: number): void {
    if (this.#done(state)) return;
    const ask = (): void => {
      this.asking.ask(this.#states.indexOf(state), this.#message);
      this.#askIn(state, this.#interval(state));
    };
    clearTimeout(state.timer);
    if (delayMs > 0) state.timer = setTimeout(ask, delayMs);
    else ask();
  }

  /** Grows with the time that went by, so that a figure is off by a tenth of itself, or half the time since the hint. */
  #interval({ hintedAt }: State): number {
    const now = performance.now();
    if (hintedAt !== undefined) return Math.max(2, Math.min((now - hintedAt) / 2, paces.hinted.least));
    const { least, greatest } = this.order.hinted === true ? paces.hinted : paces.unhinted;
    const grown = (now - (this.#acknowledgedAt ?? now)) / 10;
    return Math.max(least, (this.#left * 1000) / questionsPerSecond, Math.min(grown, greatest));
  }

  #complaint(): string {
    const { servers, question } = this.order;
    const missing = servers.flatMap(({ name }, i) => {
      const state = this.#states[i];
      return state?.answeredAt === undefined ? [`${name} (${state?.last ?? ""})`] : [];
    });
    const some = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", …" : "");
    return `${missing.length} of ${servers.length} servers did not answer ${question.type} of "${question.name}" as wanted: ${some}`;
  }
}
