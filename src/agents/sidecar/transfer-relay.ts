import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";

import { messageOf } from "../../base/errors";
import { ensureFolder, removeFile } from "../../base/files";
import type { Logger } from "../../base/log";
import type { RelayTarget } from "../../knot/config/remotes";

/** How long a server may take to take a connection. Knot then tries its addresses by itself. */
const connectMs = 3000;
/** For how long after that Knot is sent away at once, so that it waits for a server that is away only once. */
const awayMs = 30_000;
/** Sockets that are open at the same time; to servers beyond, Knot goes by itself. */
const mostWays = 1000;
/** In which a server ends a connection that Knot has ended. */
const endMs = 10_000;

/** A socket that Knot connects to, and what is behind it. */
interface Way {
  readonly server: Server;
  target: RelayTarget;
  /** Which of its addresses took a connection last. */
  address: string | undefined;
  /** Milliseconds since 1970. */
  awayUntil: number;
}

/**
 * Takes Knot's outgoing connections and hands them on to other servers, octet for octet: what is in them is between the
 * two Knots, whose TLS sees to it. All that is gained is the outgoing socket, which sends small pieces at once
 * (`TCP_NODELAY`). Knot's own holds the second one back until the first is acknowledged, 40 ms later (ADR 0044).
 */
export class TransferRelay implements AsyncDisposable {
  readonly #ways = new Map<string, Way>();
  readonly #open = new Set<Socket>();
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
    return way === undefined || address === undefined ? undefined : `${address}@${way.target.port}`;
  }

  async #aim(targets: readonly RelayTarget[]): Promise<void> {
    const wanted = new Map(targets.slice(0, mostWays).map((target) => [target.socket, target]));
    for (const [socket, { server }] of this.#ways) {
      if (wanted.has(socket)) continue;
      this.#ways.delete(socket);
      server.close();
    }
    for (const [socket, target] of wanted) {
      const way = this.#ways.get(socket);
      if (way === undefined) await this.#listen(target);
      else if (!isSame(way.target, target)) Object.assign(way, { target, awayUntil: 0, address: undefined });
    }
  }

  async #listen(target: RelayTarget): Promise<void> {
    const { socket } = target;
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    const way: Way = { server, target, address: undefined, awayUntil: 0 };
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
    if (this.parts.now() < way.awayUntil) local.destroy();
    else this.#handOn(local, way, inTurn(way));
  }

  #handOn(local: Socket, way: Way, [host, ...others]: readonly string[]): void {
    const { port } = way.target;
    if (host === undefined) {
      way.awayUntil = this.parts.now() + awayMs;
      local.destroy();
      return;
    }
    const remote = connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.#note(remote);
    let connected = false;
    const timer = setTimeout(() => remote.destroy(), connectMs);
    remote.once("connect", () => {
      connected = true;
      way.address = host;
      clearTimeout(timer);
      local.pipe(remote).pipe(local);
      local.resume();
    });
    remote.once("close", () => {
      clearTimeout(timer);
      if (connected || local.destroyed) local.destroy();
      else this.#handOn(local, way, others);
    });
    local.once("end", () => remote.setTimeout(endMs, () => remote.destroy()));
    local.once("close", () => remote.destroy());
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

function isSame(a: RelayTarget, b: RelayTarget): boolean {
  return a.port === b.port && a.addresses.join(" ") === b.addresses.join(" ");
}
