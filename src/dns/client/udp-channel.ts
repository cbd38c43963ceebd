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
}

type Family = "udp4" | "udp6";

/**
 * Many exchanges over one UDP socket, where a socket each would cost more than the messages. An answer is recognised by the
 * server's address and the message's id; what it must be beyond that is for {@link Exchange.receive} to say.
 */
export class UdpChannel {
  readonly #sockets = new Map<Family, Promise<Socket>>();
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
    const run: Run<T> = new Run(exchange, () => {
      this.#forget(key, run as Run<unknown>);
    });
    const same = this.#runs.get(key) ?? new Set();
    this.#runs.set(key, same.add(run as Run<unknown>));
    clearTimeout(this.#idle);
    return run.start(() => {
      this.#socket(server.address.includes(":") ? "udp6" : "udp4").then((socket) => {
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
    for (const opened of this.#sockets.values()) void opened.then((socket) => socket.close(), ignore);
    this.#sockets.clear();
  }

  #socket(family: Family): Promise<Socket> {
    const standing = this.#sockets.get(family);
    if (standing !== undefined) return standing;
    const opened = this.#open(family);
    this.#sockets.set(family, opened);
    return opened;
  }

  #open(family: Family): Promise<Socket> {
    const socket = createSocket(family);
    const { server } = this.options;
    socket.on("message", (message, { address, port }) => {
      for (const run of this.#runs.get(keyOf({ address, port }, message)) ?? []) run.receive(message);
    });
    return new Promise((resolve, reject) => {
      socket.on("error", (error: NodeJS.ErrnoException) => {
        this.#sockets.delete(family);
        reject(error);
        for (const run of [...this.#runs.values()].flatMap((runs) => [...runs])) run.broken(error);
        socket.removeAllListeners().on("error", ignore).close();
      });
      const ready = (): void => {
        resolve(socket.unref());
      };
      if (server === undefined) socket.bind(0, ready);
      else socket.connect(server.port, server.address, ready);
    });
  }

  #forget(key: string, run: Run<unknown>): void {
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
