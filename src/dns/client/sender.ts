import { DnsError } from "../errors";
import { encodeMessage, type Message } from "../message";
import { signMessage, verifyMessage } from "../tsig";
import type { TsigKey } from "../tsig-key";
import { Datagrams, readAnswer } from "./answers";
import { type DnsServer, type Exchange, exchangeTcp, exchangeUdp } from "./sockets";
import type { UdpChannel } from "./udp-channel";

/** How a {@link Sender} sends. */
export interface SenderOptions {
  /** Milliseconds to wait for each message. A lost datagram is sent once more, so that UDP may take twice that. @default 2000 */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** Datagrams go over this one socket where it takes the server, the first time; otherwise each has its own, with its own port. */
  readonly channel?: UdpChannel;
  /** Ends everything that is under way with DnsError `aborted`, and all later calls at once. */
  readonly signal?: AbortSignal;
}

/** A message as it is sent, with what its answer is verified by. */
interface Signed {
  readonly bytes: Uint8Array;
  readonly mac: Uint8Array;
}

/** A message to be sent, and how its answer is verified. */
export interface Request {
  readonly server: DnsServer;
  readonly message: Message;
  readonly key: TsigKey | undefined;
  /** The message with its signature, where it was signed already. */
  readonly signed?: Signed;
  readonly count: (transport: "udp" | "tcp") => void;
  readonly lingerMs?: number;
}

/** Sends messages to servers by address, and takes nothing for the answer that is not. */
export class Sender {
  constructor(private readonly options: SenderOptions) {}

  /** Over UDP, once more when nothing comes, and over TCP when the answer is truncated; over TCP alone with TLS. */
  async exchange(request: Request): Promise<Message> {
    if (request.server.tls !== undefined) return this.send("tcp", request);
    try {
      return await this.send("udp", request);
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      if (error.failure.kind === "truncated") return this.send("tcp", request);
      if (error.failure.kind === "timeout") return this.#sendAgain(request);
      throw error;
    }
  }

  /** From a port of its own: behind one address there may be several servers, of which one does not answer. */
  async #sendAgain(request: Request): Promise<Message> {
    try {
      return await this.#sendOnce("udp", request, exchangeUdp);
    } catch (error) {
      if (error instanceof DnsError && error.failure.kind === "truncated") return this.send("tcp", request);
      throw error;
    }
  }

  /** Sends a message once. @throws DnsError also for an answer that is truncated. */
  send(transport: "udp" | "tcp", request: Request): Promise<Message> {
    return this.#sendOnce(transport, request, (exchange) => this.#sendDatagram(exchange));
  }

  async #sendOnce(
    transport: "udp" | "tcp",
    request: Request,
    sendDatagram: (exchange: Exchange<Message>) => Promise<Message>,
  ): Promise<Message> {
    const { server, message, key, lingerMs } = request;
    request.count(transport);
    const signed = request.signed ?? (key && this.sign(encodeMessage(message), key));
    const datagrams = new Datagrams(message);
    const receive = (bytes: Buffer) => {
      const answer = transport === "udp" ? datagrams.read(bytes) : readAnswer(bytes, message);
      if (answer === undefined) return undefined;
      if (answer.flags.tc) throw new DnsError({ kind: "truncated" });
      if (signed !== undefined && key !== undefined)
        verifyMessage({ message: bytes, keys: [key], now: this.seconds, requestMac: signed.mac });
      return answer;
    };
    const timeoutMs = this.timeoutMs;
    const { signal } = this.options;
    const exchange: Exchange<Message> = {
      server,
      message: signed?.bytes ?? encodeMessage(message),
      timeoutMs,
      totalMs: timeoutMs,
      signal,
      lingerMs,
      receive,
    };
    return datagrams.explain(transport === "udp" ? sendDatagram(exchange) : exchangeTcp(exchange));
  }

  #sendDatagram<T>(exchange: Exchange<T>): Promise<T> {
    const { channel } = this.options;
    return channel?.takes(exchange.server) === true ? channel.exchange(exchange) : exchangeUdp(exchange);
  }

  /** Signs with the time of now. */
  sign(message: Buffer, key: TsigKey) {
    return signMessage({ message, key, now: this.seconds });
  }

  /** Seconds since 1970. */
  get seconds(): number {
    return Math.floor((this.options.now ?? Date.now)() / 1000);
  }

  /** Milliseconds to wait for a message. */
  get timeoutMs(): number {
    return this.options.timeoutMs ?? 2000;
  }
}
