import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";

import { DnsError, type DnsFailure } from "../errors";
import { frameMessage, FrameReader } from "../framing";
import { alpn, connectTls, type DnsTls, tlsFailureOf } from "./tls";

/** Where a server listens, and optionally which of our addresses asks. */
export interface DnsServer {
  /** IPv4 or IPv6 address; names are not looked up. */
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  /** Everything goes over TLS when given, nothing over UDP. The same object again spares reading its texts again. */
  readonly tls?: DnsTls;
}

/** One message out and what comes back. */
export interface Exchange<T> {
  readonly server: DnsServer;
  readonly message: Uint8Array;
  /** Longest time to wait for the next message. */
  readonly timeoutMs: number;
  /** Longest time for everything. Unlimited when left out. */
  readonly totalMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long a connection stays open, unused, after the end. It keeps no process from ending. @default 0 */
  readonly lingerMs?: number | undefined;
  /** Takes each message; `undefined` waits for more, throwing ends the exchange. */
  readonly receive: (message: Buffer) => T | undefined;
}

/**
 * Sends one datagram and waits for what {@link Exchange.receive} accepts. Datagrams from others never arrive: the
 * socket is connected. It is closed however this ends.
 *
 * @throws DnsError `timeout`, `unreachable`, `aborted`, or what `receive` throws.
 */
export function exchangeUdp<T>(exchange: Exchange<T>): Promise<T> {
  const { address, port, localAddress } = exchange.server;
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  const run = new Run(exchange, () => socket.close());
  socket.on("error", run.broken);
  socket.on("message", run.receive);
  const send = () => {
    if (run.over) return;
    // A callback is given the error in the place of a listener, for example when there is no route.
    socket.connect(port, address, (error?: Error) => {
      if (error !== undefined) run.broken(error);
      else if (!run.over) socket.send(exchange.message);
    });
  };
  return run.start(() => {
    if (localAddress === undefined) send();
    else socket.bind({ address: localAddress, port: 0 }, send);
  });
}

/**
 * Sends one message over TCP, or TLS where the server has it, and hands over each that comes back until
 * {@link Exchange.receive} gives a value. The connection is closed however this ends.
 *
 * @throws DnsError as {@link exchangeUdp}, `incomplete` when the server closes first, and with TLS `untrusted`, `noTls`.
 */
export function exchangeTcp<T>(exchange: Exchange<T>): Promise<T> {
  const { tls } = exchange.server;
  const frames = new FrameReader();
  let socket: Socket | undefined;
  let closed = "the server closed the connection";
  const run = new Run(exchange, () => {
    if (socket !== undefined) closeStream(socket, exchange.lingerMs);
  });
  return run.start(() => {
    socket = openStream(exchange.server, run);
    if (socket === undefined) return;
    socket.on(tls === undefined ? "connect" : "secureConnect", () => {
      if (tls !== undefined)
        closed = "the server closed the connection after the handshake; it may refuse our certificate";
      if (!run.over) socket?.write(frameMessage(exchange.message));
    });
    socket.on("data", (chunk: Buffer) => {
      closed = "the server closed the connection";
      for (const message of frames.push(chunk)) run.receive(message);
    });
    socket.on("error", run.broken);
    socket.on("close", () => {
      run.fail({ kind: "incomplete", detail: closed });
    });
  });
}

function closeStream(socket: Socket, lingerMs: number | undefined): void {
  if (lingerMs === undefined) {
    socket.destroy();
    return;
  }
  socket.unref();
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

/** A connection that is on its way. With TLS the run fails when the server does not know what it is for (ALPN). */
function openStream<T>(server: DnsServer, run: Run<T>): Socket | undefined {
  const { address, port, localAddress, tls } = server;
  const from = localAddress === undefined ? {} : { localAddress };
  if (tls === undefined) return connect({ host: address, port, noDelay: true, ...from });
  try {
    const socket = connectTls(server, tls);
    socket.setNoDelay(true);
    socket.on("secureConnect", () => {
      if (socket.alpnProtocol !== alpn) run.fail({ kind: "noTls", code: "NO_ALPN" });
    });
    return socket;
  } catch (error) {
    // The text is not valid PEM.
    run.broken(error as NodeJS.ErrnoException);
    return undefined;
  }
}

/** Turns of the event loop in which several hundred datagrams are read: of each socket it reads 32 in one. */
const lastTurns = 16;

/** An exchange until it ends, once: by a value, an error, the clock or the signal. Lets go of its socket then. */
export class Run<T> {
  readonly #exchange: Exchange<T>;
  readonly #close: () => void;
  readonly #result: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #received = 0;
  #over = false;

  constructor(exchange: Exchange<T>, close: () => void) {
    this.#exchange = exchange;
    this.#close = close;
    this.#result = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get over(): boolean {
    return this.#over;
  }

  async start(open: () => void): Promise<T> {
    const { timeoutMs, totalMs, signal } = this.#exchange;
    this.#timers.push(this.#timer(timeoutMs, true));
    if (totalMs !== undefined) this.#timers.push(this.#timer(totalMs, false));
    signal?.addEventListener("abort", this.#abort);
    try {
      if (signal?.aborted === true) this.#abort();
      else open();
      return await this.#result;
    } finally {
      this.#end();
    }
  }

  readonly receive = (message: Buffer): void => {
    if (this.#over) return;
    this.#received++;
    this.#timers[0]?.refresh();
    try {
      const value = this.#exchange.receive(message);
      if (value === undefined) return;
      this.#end();
      this.#resolve(value);
    } catch (error) {
      this.#end();
      this.#reject(error);
    }
  };

  readonly broken = (error: NodeJS.ErrnoException): void => {
    this.fail(tlsFailureOf(error) ?? { kind: "unreachable", code: error.code ?? error.message });
  };

  fail(failure: DnsFailure): void {
    this.#end();
    this.#reject(new DnsError(failure));
  }

  readonly #abort = (): void => {
    this.fail({ kind: "aborted" });
  };

  /** @param isSilence - Whether the time ends with a message, and begins anew. */
  #timer(afterMs: number, isSilence: boolean): NodeJS.Timeout {
    return setTimeout(() => {
      const before = this.#received;
      this.#afterArrivals(lastTurns, () => {
        if (!isSilence || this.#received === before) this.fail({ kind: "timeout", afterMs });
      });
    }, afterMs);
  }

  /** What has arrived is read first: after a pause of this process its clock is late, and not the server. */
  #afterArrivals(turns: number, then: () => void): void {
    setImmediate(() => {
      if (this.#over) return;
      if (turns === 1) then();
      else this.#afterArrivals(turns - 1, then);
    });
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#exchange.signal?.removeEventListener("abort", this.#abort);
    this.#close();
  }
}
