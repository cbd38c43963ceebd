import { createServer, type Server } from "node:net";
import { dirname } from "node:path";

import { messageOf } from "../../base/errors";
import { ensureFolder, removeFile } from "../../base/files";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import { Slots } from "../../base/slots";
import { compareText } from "../../base/text";
import { addressAt, type RelayTarget } from "../../knot/config/remotes";
import type { Notice } from "./notify/notice";
import { ReachedAddresses } from "./reached-addresses";
import { RelayRoute, type RouteParts } from "./relay-route";
import type { Patience } from "./server-look";

/** How long a server may take to take a connection, and to say something. Knot then tries its addresses by itself. */
const usualPatience: Patience = { connectMs: 3000, answerMs: 3000, secondMs: 1000 };
/** Sockets that are open at the same time; to servers beyond, Knot goes by itself. */
const mostWays = 2000;
/** How long an address must fail before Knot loses it, and the longest time between two changes of what Knot has. */
const lastingMs = 30_000;
/** The time after the first of these changes; after each further one it is twice as long, until there was none for a while. */
const firstPauseMs = 1000;
/** That while. */
const calmMs = 2 * lastingMs;
/** Servers of which nothing is known that are looked at in one pass, whether or not Knot wants them, or side by side. */
const mostFirstLooks = 50;
/** NOTIFYs that are under way at the same time, to all servers. */
const mostTold = 200;

/** What a {@link TransferRelay} works with. */
export interface TransferRelayOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
  /** @default three seconds each */
  readonly patience?: Patience;
  /** Reads a NOTIFY of our own Knot's. @default none: it is handed on, and Knot waits for the other server's answer */
  readonly takeNotice?: (message: Buffer) => Notice | undefined;
}

/** A socket that Knot connects to, and what is behind it. */
interface Way {
  readonly server: Server;
  route: RelayRoute;
}

/**
 * Takes Knot's outgoing connections and hands them on to other servers, octet for octet: what is in them is between the
 * two Knots, whose TLS sees to it. What is gained (ADR 0044): the outgoing socket sends small pieces at once (`TCP_NODELAY`),
 * where Knot's own holds the second one back until the first is acknowledged, 40 ms later; and a server that says nothing
 * holds one of Knot's workers for three seconds and not for twenty.
 */
export class TransferRelay implements AsyncDisposable {
  readonly #ways = new Map<string, Way>();
  /** Of all servers, in Knot's form and in one order: a look in each pass goes through them. */
  #addresses: readonly string[] = [];
  /** Of servers that have no socket here: Knot goes to them by itself. */
  #direct: ReadonlySet<string> = new Set();
  readonly #outcomes: ReachedAddresses;
  readonly #parts: RouteParts;
  #isAimed = false;
  #changedAt = -Infinity;
  /** After the last change. */
  #pauseMs = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(private readonly options: TransferRelayOptions) {
    const { now, takeNotice, patience = usualPatience } = options;
    this.#outcomes = new ReachedAddresses(now);
    this.#parts = { now, patience, outcomes: this.#outcomes, takeNotice, slots: new Slots(mostTold) };
  }

  /** Takes connections for these servers from now on, and for no others. Never throws: without a relay Knot goes by itself. */
  aim(targets: readonly RelayTarget[]): Promise<void> {
    this.#work = this.#work.then(() => this.#aim(targets));
    return this.#work;
  }

  /** Where connections to a socket of the relay go, in Knot's form; undefined where nothing is behind it. */
  behind(socket: string): string | undefined {
    return this.#ways.get(socket)?.route.next;
  }

  /**
   * Addresses that Knot is to have beside the relay's sockets, in its own form: those that said something, until each
   * attempt of half a minute fails. Of one that was not tried since the relay began, what was known before stays. A server of
   * which nothing is known is looked at until it says something: Knot may not want it for days, and is to have it when the
   * agent is not there.
   *
   * @param before - What this returned last, also to a predecessor.
   * @returns `before` itself where nothing changes, and for a while after each change: Knot is configured anew for it. A pod that
   * starts finds most of them in its first seconds, and needs them should its agent end.
   */
  reached(before: readonly string[]): readonly string[] {
    const now = this.options.now();
    if (!this.#isAimed) return before;
    const were = new Set(before);
    this.#lookUnasked(were);
    if (now < this.#changedAt + this.#pauseMs) return before;
    const next = this.#addresses.filter(
      (address) => this.#direct.has(address) || this.#outcomes.isReached(address, were, lastingMs),
    );
    if (next.join(" ") === before.join(" ")) return before;
    const isCalm = now - this.#changedAt >= calmMs;
    this.#pauseMs = isCalm ? firstPauseMs : Math.min(2 * this.#pauseMs, lastingMs);
    this.#changedAt = now;
    return next;
  }

  /** Forgets how addresses fared, and looks at all servers: those that are silent now, a Knot that starts must not have. */
  lookAnew(): void {
    this.#outcomes.clear();
    void inParallel(mostFirstLooks, [...this.#ways.values()], ({ route }) => route.lookAnew());
  }

  /** Those of these addresses that said something since {@link lookAnew}, for a Knot that has none. Others follow by {@link reached}. */
  answering(before: readonly string[]): readonly string[] {
    [this.#changedAt, this.#pauseMs] = [this.options.now(), firstPauseMs];
    return before.filter((address) => this.#direct.has(address) || this.#outcomes.hasAnswered(address));
  }

  /** At servers of which nobody knows anything, or which are yet to be told something. */
  #lookUnasked(were: ReadonlySet<string>): void {
    let left = mostFirstLooks;
    for (const { route } of this.#ways.values()) {
      if (left === 0) return;
      if (route.lookUnasked(were)) left -= 1;
    }
  }

  async #aim(targets: readonly RelayTarget[]): Promise<void> {
    const wanted = new Map(targets.slice(0, mostWays).map((target) => [target.socket, target]));
    for (const [socket, way] of this.#ways) {
      if (wanted.has(socket)) continue;
      this.#ways.delete(socket);
      way.server.close();
      way.route[Symbol.dispose]();
    }
    for (const [socket, target] of wanted) {
      const way = this.#ways.get(socket);
      if (way === undefined) await this.#listen(target);
      else if (isAtSamePort(way.route.target, target)) way.route.retarget(target);
      else {
        way.route[Symbol.dispose]();
        way.route = new RelayRoute(target, this.#parts);
      }
    }
    const withSocket = new Set([...this.#ways.values()].flatMap(({ route }) => route.addresses));
    const known = new Set(targets.flatMap(addressesOf));
    this.#addresses = [...known].sort(compareText);
    this.#direct = new Set(this.#addresses.filter((address) => !withSocket.has(address)));
    this.#outcomes.keepOnly(known);
    this.#isAimed = true;
  }

  async #listen(target: RelayTarget): Promise<void> {
    const { socket } = target;
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    const way: Way = { server, route: new RelayRoute(target, this.#parts) };
    // A connection that cannot be taken is one that Knot makes by itself.
    server.on("error", () => undefined);
    server.on("connection", (local) => {
      way.route.take(local);
    });
    try {
      await ensureFolder(dirname(socket));
      // One that a predecessor left takes no connections.
      await removeFile(socket);
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ path: socket }, resolve);
      });
      this.#ways.set(socket, way);
    } catch (error) {
      this.options.log.warn("transfers go without a relay", { socket, reason: messageOf(error) });
    }
  }

  /** Ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.aim([]);
  }
}

/** In Knot's form. */
function addressesOf({ addresses, port }: RelayTarget): readonly string[] {
  return addresses.map((address) => addressAt(address, port));
}

function isAtSamePort(a: RelayTarget, b: RelayTarget): boolean {
  return a.port === b.port && a.speaks === b.speaks;
}
