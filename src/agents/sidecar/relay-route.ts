import { connect, type Socket } from "node:net";

import type { Slots } from "../../base/slots";
import { addressAt, type RelayTarget } from "../../knot/config/remotes";
import type { Notice } from "./notify/notice";
import { NoticeTeller } from "./notify/notice-teller";
import type { ReachedAddresses } from "./reached-addresses";
import { callAgain } from "./second-call";
import { type Patience, ServerLook, whenRead } from "./server-look";

/** For how long after it was found away, and after the last look in vain, Knot is sent away at once: it waits for a server that is away only once. */
const awayMs = 300_000;
/** Until a server that failed is looked at unasked, and another of its addresses is worth an attempt before it. */
const againMs = 30_000;
/** In which a server ends a connection that Knot has ended. */
const endMs = 10_000;
/** Between looks at a server that is away, which come about when Knot wants it. */
const lookMs = 1000;
/** How much longer a look waits for an answer: it holds nobody, and a machine that is only slow must pass. */
const lookPatience = 3;
/** How many times as long as an answer took, the next one at the same address is waited for; no longer than in a look. */
const tookPatience = 2;
/** How many times as long as an answer took, a server is waited for at least before it is called a second time. */
const secondPatience = 1.5;
/** NOTIFYs that are under way to one server at the same time, as long as it answers. */
const mostTold = 4;

/** What {@link RelayRoute} works with, the same for all of them. */
export interface RouteParts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly patience: Patience;
  readonly outcomes: ReachedAddresses;
  /** Undefined for what is no NOTIFY of our own Knot's, or is not signed as it should be. */
  readonly takeNotice: ((message: Buffer) => Notice | undefined) | undefined;
  /** For NOTIFYs that are passed on, to all servers. */
  readonly slots: Slots;
}

/** An attempt to reach a server. */
interface Attempt {
  readonly target: RelayTarget;
  /** Answers that there were before. */
  readonly began: number;
}

/** What one of a server's addresses said last. */
interface Heard {
  /** Which of the server's answers it was, counted from 1. */
  readonly count: number;
  /** Milliseconds from the connection to the first octet. */
  readonly took: number;
}

/** The way from a socket of the agent's to another server, as long as that has the same port. */
export class RelayRoute implements Disposable {
  /** All connections; those of ours have the address to which they go. */
  readonly #open = new Map<Socket, string | undefined>();
  readonly #looks = new Map<ServerLook, string>();
  readonly #teller: NoticeTeller | undefined;
  #target: RelayTarget;
  #isOver = false;
  #answers = 0;
  readonly #heard = new Map<string, Heard>();
  /** Which of its addresses said something last. */
  #address: string | undefined;
  /** Milliseconds since 1970. */
  #awayUntil = 0;
  /** From when on it may be looked at while it is away, in milliseconds since 1970; undefined during a look. */
  #lookAt: number | undefined = 0;
  /** When it is looked at unasked, as long as no address said anything; never where a predecessor knew one of them. */
  #unaskedAt: number;

  constructor(
    target: RelayTarget,
    private readonly parts: RouteParts,
  ) {
    const { takeNotice, slots } = parts;
    this.#target = target;
    this.#unaskedAt = this.#firstLookAt();
    if (target.speaks === "dns" && takeNotice !== undefined)
      this.#teller = new NoticeTeller({
        ...{ take: takeNotice, slots },
        ask: (question) => (this.#isKnown ? this.#ask(question) : this.#look(question)),
        width: () => this.#width,
      });
  }

  get target(): RelayTarget {
    return this.#target;
  }

  /** The server has other addresses: connections to those that stay go on, a transfer among them. */
  retarget(target: RelayTarget): void {
    if (target.addresses.join(" ") === this.#target.addresses.join(" ")) return;
    this.#target = target;
    if (this.#address !== undefined && !this.#has(this.#address)) this.#address = undefined;
    for (const host of this.#heard.keys()) if (!this.#has(host)) this.#heard.delete(host);
    [this.#awayUntil, this.#lookAt, this.#unaskedAt] = [0, 0, this.#firstLookAt()];
    for (const [look, host] of this.#looks) if (!this.#has(host)) look.end();
    for (const [socket, host] of this.#open) if (host !== undefined && !this.#has(host)) socket.destroy();
    this.#teller?.go();
  }

  /** A handshake is dear, and Knot itself asks most of its sources within half a minute. */
  #firstLookAt(): number {
    return this.#target.speaks === "tls" ? this.parts.now() + againMs : 0;
  }

  /** In Knot's form. */
  get addresses(): readonly string[] {
    return this.#target.addresses.map((host) => this.#at(host));
  }

  /** Where connections go, in Knot's form. */
  get next(): string | undefined {
    const host = this.#address ?? this.#target.addresses[0];
    return host === undefined ? undefined : this.#at(host);
  }

  /** Takes a connection of Knot's. */
  take(local: Socket): void {
    this.#note(local);
    if (this.#teller !== undefined) {
      this.#teller.take(local);
      return;
    }
    if (!this.#isAway) {
      this.#handOn(local, this.#attempt(), this.#inTurn());
      return;
    }
    local.destroy();
    if (this.#mayLook) void this.#look();
  }

  /**
   * Looks at a server of which nobody knows anything, or which is yet to be told something, when it is time to. Returns
   * whether it did.
   *
   * @param known - addresses of which a predecessor knew, in Knot's form
   */
  lookUnasked(known: ReadonlySet<string>): boolean {
    if (this.#lookAt === undefined || this.parts.now() < this.#unaskedAt) return false;
    if (this.#teller?.go() === true) return true;
    if (this.#address !== undefined) return false;
    if (this.addresses.some((address) => known.has(address))) {
      this.#unaskedAt = Infinity;
      return false;
    }
    void this.#look();
    return true;
  }

  /** Looks at the server, if that is not being done, whatever is known of it. One that says nothing is one of which nobody knows anything. */
  async lookAnew(): Promise<void> {
    if (this.#lookAt === undefined) return;
    const before = this.#answers;
    if (!(await this.#look()) && this.#answers === before) this.#address = undefined;
  }

  get #isAway(): boolean {
    return this.parts.now() < this.#awayUntil;
  }

  get #mayLook(): boolean {
    return this.#lookAt !== undefined && this.parts.now() >= this.#lookAt;
  }

  /** Whether it said something last, so that nothing has to be found out. */
  get #isKnown(): boolean {
    return this.#address !== undefined && !this.#isAway;
  }

  get #width(): number {
    if (this.#isOver) return 0;
    if (this.#isKnown) return mostTold;
    return this.#isAway && !this.#mayLook ? 0 : 1;
  }

  #attempt(): Attempt {
    return { target: this.#target, began: this.#answers };
  }

  /** That which said something last comes first, and those that failed come last, the latest at the end: one that is away is not waited for each time. */
  #inTurn(): readonly string[] {
    const rank = (host: string): number => (host === this.#address ? -1 : (this.#failedAt(host) ?? 0));
    return [...this.#target.addresses].sort((a, b) => rank(a) - rank(b));
  }

  #handOn(local: Socket, attempt: Attempt, hosts: readonly string[]): void {
    const [host, ...others] = hosts.filter((each) => this.#has(each));
    if (host === undefined) {
      this.#noteAway(attempt);
      local.destroy();
      return;
    }
    const remote = this.#connect(host);
    const timer = setTimeout(() => {
      whenRead(() => {
        if (remote.connecting) remote.destroy();
      });
    }, this.parts.patience.connectMs);
    const failed = (): void => {
      clearTimeout(timer);
      if (local.destroyed) return;
      this.#noteFailure(host, attempt);
      this.#handOn(local, attempt, others);
    };
    remote.once("close", failed);
    remote.once("connect", () => {
      clearTimeout(timer);
      remote.off("close", failed);
      this.#converse(local, remote, host);
    });
    local.once("end", () => remote.setTimeout(endMs, () => remote.destroy()));
    local.once("close", () => remote.destroy());
  }

  /** Knot speaks first. A server that has not said anything by the end of the patience is as good as one that takes no connection. */
  #converse(local: Socket, remote: Socket, host: string): void {
    const [attempt, connectedAt] = [this.#attempt(), performance.now()];
    const isUnanswered = (): boolean => local.bytesRead > 0 && remote.bytesRead === 0;
    const timer = setTimeout(() => {
      whenRead(() => {
        if (isUnanswered()) this.#giveUp(host, attempt);
        if (remote.bytesRead === 0) remote.destroy();
      });
    }, this.#patienceFor(host));
    const afterMs = this.#secondFor(host);
    const spoke = (second: Socket, took: number): void => {
      clearTimeout(timer);
      this.#noteAnswer(host, took);
      remote.removeAllListeners("close").destroy();
      second.once("close", () => local.destroy());
    };
    const endSecond =
      afterMs === undefined
        ? () => undefined
        : callAgain({ ...{ local, afterMs, isUnanswered, spoke }, connect: () => this.#connect(host) });
    remote.once("data", () => {
      clearTimeout(timer);
      endSecond();
      this.#noteAnswer(host, performance.now() - connectedAt);
    });
    const ended = (): void => {
      clearTimeout(timer);
      if (!local.destroyed && isUnanswered()) this.#noteFailure(host, attempt);
    };
    // One that ends without a word, as a load balancer without a server, has failed as well, and holds nobody.
    remote.once("end", ended);
    remote.once("close", () => {
      ended();
      local.destroy();
    });
    local.pipe(remote).pipe(local);
    local.resume();
  }

  #connect(host: string): Socket {
    const remote = connect({ host, port: this.#target.port, noDelay: true, allowHalfOpen: true });
    this.#note(remote, host);
    return remote;
  }

  /** In milliseconds: a server that is slow is waited for as long as it was seen to take. */
  #patienceFor(host: string): number {
    const { answerMs } = this.parts.patience;
    const took = tookPatience * (this.#heard.get(host)?.took ?? 0);
    return Math.min(Math.max(answerMs, took), lookPatience * answerMs);
  }

  /** In milliseconds, until it is called a second time; undefined where it is not. */
  #secondFor(host: string): number | undefined {
    const { secondMs } = this.parts.patience;
    return secondMs && Math.max(secondMs, secondPatience * (this.#heard.get(host)?.took ?? 0));
  }

  /** Not so one that answered others meanwhile: there a packet was lost. */
  #giveUp(host: string, attempt: Attempt): void {
    if (this.#hasAnswered(host, attempt)) return;
    this.#noteFailure(host, attempt);
    if (this.#address === host) this.#address = undefined;
    const since = this.parts.now() - againMs;
    const isAway = (other: string): boolean => (this.#failedAt(other) ?? 0) > since;
    if (this.#target.addresses.every(isAway)) this.#noteAway(attempt);
  }

  /**
   * Finds out whether a server is still away, so that Knot is sent away no longer than it is.
   *
   * @param question - a message of Knot's. @default one by which nothing is wanted
   */
  async #look(question?: Uint8Array): Promise<boolean> {
    const { target } = this;
    this.#lookAt = undefined;
    const answers = await this.#ask(question, lookPatience * this.parts.patience.answerMs);
    if (target === this.#target) this.#lookAt = answers ? 0 : this.parts.now() + lookMs;
    if (answers) this.#teller?.go();
    return answers;
  }

  /**
   * Has a server say something. Returns whether it did.
   *
   * @param answerMs - @default as long as a connection of Knot's waits
   */
  async #ask(question?: Uint8Array, answerMs?: number): Promise<boolean> {
    const { connectMs } = this.parts.patience;
    const attempt = this.#attempt();
    for (const host of this.#inTurn()) {
      if (this.#isOver || attempt.target !== this.#target) return false;
      const patience = { connectMs, answerMs: answerMs ?? this.#patienceFor(host) };
      const look = new ServerLook({ ...this.#target, host, ...(question && { question }) }, patience);
      this.#looks.set(look, host);
      const took = await look.took;
      this.#looks.delete(look);
      if (took !== undefined) {
        this.#noteAnswer(host, took);
        return true;
      }
      this.#noteFailure(host, attempt);
    }
    this.#noteAway(attempt);
    return false;
  }

  #noteAnswer(host: string, took: number): void {
    if (this.#isOver || !this.#has(host)) return;
    this.#answers += 1;
    this.#heard.set(host, { count: this.#answers, took });
    this.parts.outcomes.noteReached(this.#at(host));
    this.#address = host;
    this.#awayUntil = 0;
  }

  #noteFailure(host: string, attempt: Attempt): void {
    if (this.#isOver || !this.#has(host) || this.#hasAnswered(host, attempt)) return;
    this.parts.outcomes.noteFailure(this.#at(host));
    this.#unaskedAt = this.parts.now() + againMs;
  }

  /** No address was of use in an attempt. */
  #noteAway({ target, began }: Attempt): void {
    if (this.#answers === began && target === this.#target) this.#awayUntil = this.parts.now() + awayMs;
  }

  /** Whether an address said something after an attempt began. */
  #hasAnswered(host: string, { began }: Attempt): boolean {
    return (this.#heard.get(host)?.count ?? 0) > began;
  }

  #has(host: string): boolean {
    return this.#target.addresses.includes(host);
  }

  #failedAt(host: string): number | undefined {
    return this.parts.outcomes.failedAt(this.#at(host));
  }

  #at(host: string): string {
    return addressAt(host, this.#target.port);
  }

  /** A connection that breaks is closed at the other end as well; there is nothing else to do about it. */
  #note(socket: Socket, host?: string): void {
    this.#open.set(socket, host);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#open.delete(socket));
  }

  /** Ends all connections. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#teller?.clear();
    for (const look of this.#looks.keys()) look.end();
    for (const socket of this.#open.keys()) socket.destroy();
  }
}
