import { connect, type Socket } from "node:net";

import { frameMessage, FrameReader } from "../../dns/framing";
import { addressAt, type RelayTarget } from "../../knot/config/remotes";
import type { ReachedAddresses } from "./reached-addresses";
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

/** What {@link RelayRoute} works with, the same for all of them. */
export interface RouteParts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly patience: Patience;
  readonly outcomes: ReachedAddresses;
  /** The answer to a NOTIFY of our own Knot's; undefined for what is none, or is not signed as it should be. */
  readonly answerNotify: ((message: Buffer) => Buffer | undefined) | undefined;
}

/** The way from a socket of the agent's to another server, as long as that has the same addresses. */
export class RelayRoute implements Disposable {
  readonly #open = new Set<Socket>();
  readonly #looks = new Set<ServerLook>();
  /** Connections in which the server has said nothing yet, and to which of its addresses. */
  readonly #waiting = new Map<Socket, string>();
  /** Which of its addresses said something last. */
  #address: string | undefined;
  /** Milliseconds since 1970. */
  #awayUntil = 0;
  /** From when on it may be looked at while it is away, in milliseconds since 1970; undefined during a look. */
  #lookAt: number | undefined = 0;
  /** When it is looked at unasked, as long as no address said anything; never where a predecessor knew one of them. */
  #unaskedAt: number;

  constructor(
    readonly target: RelayTarget,
    private readonly parts: RouteParts,
  ) {
    // A handshake is dear, and Knot itself asks most of its sources within half a minute.
    this.#unaskedAt = target.speaks === "tls" ? parts.now() + againMs : 0;
  }

  /** In Knot's form. */
  get addresses(): readonly string[] {
    return this.target.addresses.map((host) => this.#at(host));
  }

  /** Where connections go, in Knot's form. */
  get next(): string | undefined {
    const host = this.#address ?? this.target.addresses[0];
    return host === undefined ? undefined : this.#at(host);
  }

  /** Takes a connection of Knot's. */
  take(local: Socket): void {
    this.#note(local);
    if (this.target.speaks === "dns" && this.parts.answerNotify !== undefined) {
      this.#takeNotices(local, this.parts.answerNotify);
      return;
    }
    if (!this.#isAway) {
      this.#handOn(local, this.#inTurn());
      return;
    }
    local.destroy();
    if (this.#mayLook) void this.#ask();
  }

  /**
   * Looks at a server of which nobody knows anything, when it is time to. Returns whether it did.
   *
   * @param known - addresses of which a predecessor knew, in Knot's form
   */
  lookUnasked(known: ReadonlySet<string>): boolean {
    if (this.#address !== undefined || this.#lookAt === undefined || this.parts.now() < this.#unaskedAt) return false;
    if (this.addresses.some((address) => known.has(address))) {
      this.#unaskedAt = Infinity;
      return false;
    }
    void this.#ask();
    return true;
  }

  get #isAway(): boolean {
    return this.parts.now() < this.#awayUntil;
  }

  get #mayLook(): boolean {
    return this.#lookAt !== undefined && this.parts.now() >= this.#lookAt;
  }

  /** That which said something last comes first, and those that failed come last, the latest at the end: one that is away is not waited for each time. */
  #inTurn(): readonly string[] {
    const rank = (host: string): number => (host === this.#address ? -1 : (this.#failedAt(host) ?? 0));
    return [...this.target.addresses].sort((a, b) => rank(a) - rank(b));
  }

  #handOn(local: Socket, [host, ...others]: readonly string[]): void {
    if (host === undefined) {
      this.#awayUntil = this.parts.now() + awayMs;
      local.destroy();
      return;
    }
    const remote = connect({ host, port: this.target.port, noDelay: true, allowHalfOpen: true });
    this.#note(remote);
    const timer = setTimeout(() => {
      whenRead(() => {
        if (remote.connecting) remote.destroy();
      });
    }, this.parts.patience.connectMs);
    const failed = (): void => {
      clearTimeout(timer);
      if (local.destroyed) return;
      this.#noteFailure(host);
      this.#handOn(local, others);
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
    const isUnanswered = (): boolean => local.bytesRead > 0 && remote.bytesRead === 0;
    const timer = setTimeout(() => {
      whenRead(() => {
        if (isUnanswered()) this.#giveUp(host);
        if (remote.bytesRead === 0) remote.destroy();
      });
    }, this.parts.patience.answerMs);
    const over = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(remote);
    };
    this.#waiting.set(remote, host);
    remote.once("data", () => {
      over();
      this.#noteAnswer(host);
    });
    const ended = (): void => {
      over();
      if (!local.destroyed && isUnanswered()) this.#noteFailure(host);
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

  /** An address that says nothing says it to all who wait: none of Knot's workers is held there any longer. */
  #giveUp(host: string): void {
    this.#noteFailure(host);
    for (const [remote, to] of this.#waiting) if (to === host) remote.destroy();
    if (this.#address === host) this.#address = undefined;
    const since = this.parts.now() - againMs;
    const isAway = (other: string): boolean => (this.#failedAt(other) ?? 0) > since;
    if (this.target.addresses.every(isAway)) this.#awayUntil = this.parts.now() + awayMs;
  }

  /**
   * Answers a NOTIFY of our own Knot's in the place of the other server and passes it on. Knot waits for each answer before it
   * goes to the next server, and keeps the zone from everything meanwhile; what it says then is of a version that is gone, for
   * which others ask all sources of the zone. Whether it arrives does not count: the agent sees to it that others have what is here.
   */
  #takeNotices(local: Socket, answerNotify: (message: Buffer) => Buffer | undefined): void {
    const frames = new FrameReader();
    local.on("data", (chunk: Buffer) => {
      for (const message of frames.push(chunk)) {
        const answer = answerNotify(message);
        // Knot goes by itself.
        if (answer === undefined) {
          local.destroy();
          return;
        }
        local.write(frameMessage(answer));
        if (!this.#isAway || this.#mayLook) void this.#ask(Buffer.from(message));
      }
    });
    local.once("end", () => local.end());
    local.resume();
  }

  /**
   * Has a server say something: finds out whether it is still away, so that Knot is sent away no longer than it is.
   *
   * @param question - a message of Knot's. @default one by which nothing is wanted
   */
  async #ask(question?: Buffer): Promise<void> {
    const { connectMs, answerMs } = this.parts.patience;
    // What comes late is of a version that is gone.
    const patience = { connectMs, answerMs: question === undefined ? lookPatience * answerMs : answerMs };
    this.#lookAt = undefined;
    for (const host of this.#inTurn()) {
      const look = new ServerLook({ ...this.target, host, ...(question && { question }) }, patience);
      this.#looks.add(look);
      const answers = await look.answers;
      this.#looks.delete(look);
      if (answers) {
        this.#noteAnswer(host);
        this.#lookAt = 0;
        return;
      }
      this.#noteFailure(host);
    }
    this.#lookAt = this.parts.now() + lookMs;
    this.#awayUntil = this.parts.now() + awayMs;
  }

  #noteAnswer(host: string): void {
    this.parts.outcomes.noteReached(this.#at(host));
    this.#address = host;
    this.#awayUntil = 0;
  }

  #noteFailure(host: string): void {
    this.parts.outcomes.noteFailure(this.#at(host));
    this.#unaskedAt = this.parts.now() + againMs;
  }

  #failedAt(host: string): number | undefined {
    return this.parts.outcomes.failedAt(this.#at(host));
  }

  #at(host: string): string {
    return addressAt(host, this.target.port);
  }

  /** A connection that breaks is closed at the other end as well; there is nothing else to do about it. */
  #note(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#open.delete(socket));
  }

  /** Ends all connections. */
  [Symbol.dispose](): void {
    for (const look of this.#looks) look.end();
    for (const socket of this.#open) socket.destroy();
  }
}
