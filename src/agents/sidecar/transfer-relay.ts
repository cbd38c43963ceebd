import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";

import { messageOf } from "../../base/errors";
import { ensureFolder, removeFile } from "../../base/files";
import type { Logger } from "../../base/log";
import { compareText } from "../../base/text";
import { addressAt, type RelayTarget } from "../../knot/config/remotes";

/** How long a server may take to take a connection. Knot then tries its addresses by itself. */
const connectMs = 3000;
/** For how long after that Knot is sent away at once, so that it waits for a server that is away only once. */
const awayMs = 30_000;
/** Sockets that are open at the same time; to servers beyond, Knot goes by itself. */
const mostWays = 2000;
/** In which a server ends a connection that Knot has ended. */
const endMs = 10_000;
/** How long an address must fail before Knot loses it, and the time between two changes of what Knot has. */
const lastingMs = 30_000;
/** Between looks at a server that is away, which come about when Knot wants it. */
const lookMs = 1000;
/** Servers of which nothing is known that are looked at in one pass, whether or not Knot wants them. */
const mostFirstLooks = 50;

/** How it was with an address at the last attempts. Times are milliseconds since 1970. */
type Outcome =
  { readonly kind: "reached" } | { readonly kind: "failed"; readonly first: number; readonly last: number };

/** A socket that Knot connects to, and what is behind it. */
interface Way {
  readonly server: Server;
  target: RelayTarget;
  /** Which of its addresses took a connection last. */
  address: string | undefined;
  /** Milliseconds since 1970. */
  awayUntil: number;
  /** From when on it may be looked at while it is away, in milliseconds since 1970; undefined during a look. */
  lookAt: number | undefined;
  /** When it is looked at unasked, as long as no address took a connection; never where a predecessor knew one of them. */
  unaskedAt: number;
}

/**
 * Takes Knot's outgoing connections and hands them on to other servers, octet for octet: what is in them is between the
 * two Knots, whose TLS sees to it. All that is gained is the outgoing socket, which sends small pieces at once
 * (`TCP_NODELAY`). Knot's own holds the second one back until the first is acknowledged, 40 ms later (ADR 0044).
 */
export class TransferRelay implements AsyncDisposable {
  readonly #ways = new Map<string, Way>();
  readonly #open = new Set<Socket>();
  /** Of all servers, in Knot's form and in one order: a look in each pass goes through them. */
  #addresses: readonly string[] = [];
  /** Of servers that have no socket here: Knot goes to them by itself. */
  #direct: ReadonlySet<string> = new Set();
  /** By address, in Knot's form. */
  readonly #outcomes = new Map<string, Outcome>();
  #isAimed = false;
  #changedAt = -Infinity;
  #work: Promise<void> = Promise.resolve();

  constructor(private readonly parts: { readonly now: () => number; readonly log: Logger }) {}

  /** Takes connections for these servers from now on, and for no others. Never throws: without a relay Knot goes by itself. */
  aim(targets: readonly RelayTarget[]): Promise<void> {
    this.#work = this.#work.then(() => this.#aim(targets));
    return this.#work;
  }

  /** Where connections to a socket of the relay go, in Knot's form; undefined where nothing is behind it. */
  behind(socket: string): string | undefined {
    const way = this.#ways.get(socket);
    const address = way?.address ?? way?.target.addresses[0];
    return way === undefined || address === undefined ? undefined : addressAt(address, way.target.port);
  }

  /**
   * Addresses that Knot is to have beside the relay's sockets, in its own form: those that took a connection, until each
   * attempt of half a minute fails. Of one that was not tried since the relay began, what was said before stays. A server of
   * which nothing was said is looked at until it takes a connection: Knot may not want it for days, and is to have it when the
   * agent is not there.
   *
   * @param before - What this returned last, also to a predecessor.
   * @returns `before` itself where nothing changes, and for half a minute after each change.
   */
  reached(before: readonly string[]): readonly string[] {
    const now = this.parts.now();
    if (!this.#isAimed) return before;
    const were = new Set(before);
    this.#lookUnasked(were);
    if (now < this.#changedAt + lastingMs) return before;
    const next = this.#addresses.filter((address) => this.#direct.has(address) || this.#isReached(address, were));
    if (next.join(" ") === before.join(" ")) return before;
    this.#changedAt = now;
    return next;
  }

  /** At servers of which nobody knows anything. */
  #lookUnasked(were: ReadonlySet<string>): void {
    const now = this.parts.now();
    let left = mostFirstLooks;
    for (const way of this.#ways.values()) {
      if (left === 0) return;
      if (way.address !== undefined || way.lookAt === undefined || now < way.unaskedAt) continue;
      if (addressesOf(way.target).some((address) => were.has(address))) {
        way.unaskedAt = Infinity;
        continue;
      }
      left -= 1;
      way.lookAt = undefined;
      this.#look(way, inTurn(way));
    }
  }

  #isReached(address: string, were: ReadonlySet<string>): boolean {
    const outcome = this.#outcomes.get(address);
    if (outcome?.kind === "reached") return true;
    return were.has(address) && (outcome === undefined || outcome.last - outcome.first < lastingMs);
  }

  async #aim(targets: readonly RelayTarget[]): Promise<void> {
    const wanted = new Map(targets.slice(0, mostWays).map((target) => [target.socket, target]));
    for (const [socket, way] of this.#ways) {
      if (wanted.has(socket)) continue;
      this.#ways.delete(socket);
      way.server.close();
    }
    for (const [socket, target] of wanted) {
      const way = this.#ways.get(socket);
      if (way === undefined) await this.#listen(target);
      else if (!isSame(way.target, target))
        Object.assign(way, { target, awayUntil: 0, lookAt: 0, unaskedAt: 0, address: undefined });
    }
    const withSocket = new Set([...this.#ways.values()].flatMap(({ target }) => addressesOf(target)));
    const known = new Set(targets.flatMap(addressesOf));
    this.#addresses = [...known].sort(compareText);
    this.#direct = new Set(this.#addresses.filter((address) => !withSocket.has(address)));
    for (const address of this.#outcomes.keys()) if (!known.has(address)) this.#outcomes.delete(address);
    this.#isAimed = true;
  }

  async #listen(target: RelayTarget): Promise<void> {
    const { socket } = target;
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    const way: Way = { server, target, address: undefined, awayUntil: 0, lookAt: 0, unaskedAt: 0 };
    // A connection that cannot be taken is one that Knot makes by itself.
    server.on("error", () => undefined);
    server.on("connection", (local) => {
      this.#take(local, way);
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
      this.parts.log.warn("transfers go without a relay", { socket, reason: messageOf(error) });
    }
  }

  #take(local: Socket, way: Way): void {
    this.#note(local);
    if (this.parts.now() >= way.awayUntil) {
      this.#handOn(local, way, inTurn(way));
      return;
    }
    local.destroy();
    if (way.lookAt === undefined || this.parts.now() < way.lookAt) return;
    way.lookAt = undefined;
    this.#look(way, inTurn(way));
  }

  #handOn(local: Socket, way: Way, [host, ...others]: readonly string[]): void {
    if (host === undefined) {
      way.awayUntil = this.parts.now() + awayMs;
      local.destroy();
      return;
    }
    const remote = this.#dial(way, host, {
      connected: () => {
        remote.once("close", () => local.destroy());
        local.pipe(remote).pipe(local);
        local.resume();
      },
      isGivenUp: () => local.destroyed,
      failed: () => {
        this.#handOn(local, way, others);
      },
    });
    local.once("end", () => remote.setTimeout(endMs, () => remote.destroy()));
    local.once("close", () => remote.destroy());
  }

  /** Finds out whether a server is still away, so that Knot is sent away no longer than it is. */
  #look(way: Way, [host, ...others]: readonly string[]): void {
    const end = (): void => {
      way.lookAt = this.parts.now() + lookMs;
    };
    if (host === undefined) {
      end();
      return;
    }
    const remote = this.#dial(way, host, {
      connected: () => {
        end();
        remote.destroy();
      },
      isGivenUp: () => this.#ways.get(way.target.socket) !== way,
      failed: () => {
        this.#look(way, others);
      },
    });
  }

  /** Connects to one address of a server, and notes how that went. */
  #dial(
    way: Way,
    host: string,
    then: { readonly connected: () => void; readonly isGivenUp: () => boolean; readonly failed: () => void },
  ): Socket {
    const { port } = way.target;
    const address = addressAt(host, port);
    const remote = connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.#note(remote);
    const timer = setTimeout(() => remote.destroy(), connectMs);
    let connected = false;
    remote.once("connect", () => {
      connected = true;
      clearTimeout(timer);
      this.#outcomes.set(address, { kind: "reached" });
      if (way.target.addresses.includes(host) && way.target.port === port)
        Object.assign(way, { address: host, awayUntil: 0 });
      then.connected();
    });
    remote.once("close", () => {
      clearTimeout(timer);
      if (connected || then.isGivenUp()) return;
      this.#noteFailure(address);
      way.unaskedAt = this.parts.now() + awayMs;
      then.failed();
    });
    return remote;
  }

  #noteFailure(address: string): void {
    const last = this.parts.now();
    const before = this.#outcomes.get(address);
    const first = before?.kind === "failed" ? before.first : last;
    this.#outcomes.set(address, { kind: "failed", first, last });
  }

  /** A connection that breaks is closed at the other end as well; there is nothing else to do about it. */
  #note(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#open.delete(socket));
  }

  /** Ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.aim([]);
    for (const socket of this.#open) socket.destroy();
  }
}

/** The address that took a connection last comes first: one that is away is not waited for each time. */
function inTurn({ address, target }: Way): readonly string[] {
  const others = target.addresses.filter((each) => each !== address);
  return address === undefined ? others : [address, ...others];
}

/** In Knot's form. */
function addressesOf({ addresses, port }: RelayTarget): readonly string[] {
  return addresses.map((address) => addressAt(address, port));
}

function isSame(a: RelayTarget, b: RelayTarget): boolean {
  return a.port === b.port && a.addresses.join(" ") === b.addresses.join(" ");
}
