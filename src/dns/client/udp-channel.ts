import { createSocket, type Socket } from "node:dgram";

import { type DnsServer, type Exchange, Run } from "./sockets";

/** How a {@link UdpChannel} is used. */
export interface UdpChannelOptions {
  /**
   * The one server that is asked: then the kernel reports at once when the port is closed. Without it any server can be,
   * and one that is not there shows by its silence.
   */
  readonly server?: DnsServer;
  /** Milliseconds without an exchange after which the socket is closed; the next exchange has another port. @default 5000 */
  readonly idleMs?: number;
  /**
   * Milliseconds for which one port is used; exchanges that begin later have another one. What balances load keeps a port to
   * one of the servers behind an address for as long as it is used, also when that one is of no use. @default for ever
   */
  readonly portMs?: number;
  /**
   * Sockets that exchanges go over in turns. What is asked of hundreds of servers at once comes back at once, and a socket's buffer
   * holds some 160 answers; what is lost there costs a time limit. @default 1
   */
  readonly sockets?: number;
}

/** Octets of a socket's buffer for answers that are asked for; the kernel gives less where it allows less. */
const bufferOctets = 1 << 20;

type Family = "udp4" | "udp6";

/** A socket, and what still waits for answers at it. */
interface Opened {
  readonly socket: Promise<Socket>;
  readonly since: number;
  readonly runs: Set<Run<unknown>>;
  readonly close: () => void;
}

/**
 * Many exchanges over one UDP socket, where a socket each would cost more than the messages. An answer is recognised by the
 * server's address and the message's id; what it must be beyond that is for {@link Exchange.receive} to say.
 */
export class UdpChannel {
  /** By family and turn. */
  readonly #current = new Map<string, Opened>();
  #turn = 0;
  readonly #runs = new Map<string, Set<Run<unknown>>>();
  #idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: UdpChannelOptions = {}) {}

  /** Whether an exchange with this server can go over this channel. */
  takes({ address, port, localAddress }: DnsServer): boolean {
    if (localAddress !== undefined) return false;
    const { server } = this.options;
    return server === undefined || (server.address === address && server.port === port);
  }

  /**
   * Sends one datagram and waits for what {@link Exchange.receive} accepts.
   *
   * @throws DnsError `timeout`, `unreachable`, `aborted`, or what `receive` throws.
   */
  exchange<T>(exchange: Exchange<T>): Promise<T> {
    const { server, message } = exchange;
    const key = keyOf(server, message);
    const opened = this.#socket(server.address.includes(":") ? "udp6" : "udp4");
    const run: Run<T> = new Run(exchange, () => {
      this.#forget(key, run as Run<unknown>, opened);
    });
    const same = this.#runs.get(key) ?? new Set();
    this.#runs.set(key, same.add(run as Run<unknown>));
    opened.runs.add(run as Run<unknown>);
    clearTimeout(this.#idle);
    return run.start(() => {
      opened.socket.then((socket) => {
        const sent = (error: Error | null): void => {
          if (error !== null) run.broken(error);
        };
        if (run.over) return;
        if (this.options.server === undefined) socket.send(message, server.port, server.address, sent);
        else socket.send(message, sent);
      }, run.broken);
    });
  }

  /** Closes the socket; what waits for an answer runs into its time limit. */
  close(): void {
    clearTimeout(this.#idle);
    for (const { close } of this.#current.values()) close();
    this.#current.clear();
  }

  #socket(family: Family): Opened {
    const { portMs = Infinity, sockets = 1 } = this.options;
    this.#turn = (this.#turn + 1) % sockets;
    const place = `${family} ${this.#turn}`;
    const standing = this.#current.get(place);
    if (standing !== undefined && performance.now() - standing.since < portMs) return standing;
    // What still waits at the former one is answered there.
    if (standing?.runs.size === 0) standing.close();
    const opened = this.#open(family, place);
    this.#current.set(place, opened);
    return opened;
  }

  #open(family: Family, place: string): Opened {
    const socket = createSocket({ type: family, recvBufferSize: bufferOctets });
    const { server } = this.options;
    const runs = new Set<Run<unknown>>();
    let isClosed = false;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      // Not before what waits for it to open is sent.
      ready.catch(ignore).finally(() => socket.removeAllListeners().on("error", ignore).close());
    };
    socket.on("message", (message, { address, port }) => {
      // An answer to another of our ports may be a guess of somebody else (RFC 5452 section 9.2).
      for (const run of this.#runs.get(keyOf({ address, port }, message)) ?? [])
        if (runs.has(run)) run.receive(message);
    });
    const ready = new Promise<Socket>((resolve, reject) => {
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (this.#current.get(place)?.runs === runs) this.#current.delete(place);
        reject(error);
        close();
        for (const run of [...runs]) run.broken(error);
      });
      const bound = (): void => {
        resolve(socket.unref());
      };
      if (server === undefined) socket.bind(0, bound);
      else socket.connect(server.port, server.address, bound);
    });
    ready.catch(ignore);
    return { socket: ready, since: performance.now(), runs, close };
  }

  #forget(key: string, run: Run<unknown>, opened: Opened): void {
    opened.runs.delete(run);
    if (opened.runs.size === 0 && ![...this.#current.values()].includes(opened)) opened.close();
    const same = this.#runs.get(key);
    same?.delete(run);
    if (same?.size === 0) this.#runs.delete(key);
    if (this.#runs.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.close();
    }, this.options.idleMs ?? 5000).unref();
  }
}

function keyOf({ address, port }: DnsServer, message: Uint8Array): string {
  return `${address} ${port} ${message[0] ?? 0} ${message[1] ?? 0}`;
}

function ignore(): void {
  // An error of a socket that is no longer used.
}
