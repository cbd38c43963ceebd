import { randomInt } from "node:crypto";
import { connect, type Socket } from "node:net";

import { DnsError, type DnsFailure } from "../errors";
import { frameMessage, FrameReader } from "../framing";
import { encodeMessage } from "../message";
import { parseName } from "../name";
import type { ResourceRecord } from "../record";
import { transferMessage } from "../request";
import { TransferAssembler } from "../transfer";
import { defaultTransferLimits, type TransferRequest } from "../transfer-stream";
import { signMessage, TsigStreamVerifier } from "../tsig";
import type { TsigKey } from "../tsig-key";
import { inContext } from "./answers";
import type { DnsServer } from "./sockets";
import { alpn, connectTls, tlsFailureOf } from "./tls";

/** A transfer as it came: what is compared before anything is decoded. */
export interface RawTransfer {
  readonly records: readonly ResourceRecord[];
  /** Each message, and where it ends without its signature. */
  readonly messages: readonly RawMessage[];
  /** Requests for this zone, by key, that servers may be asked with one after the other. */
  readonly requests: Map<TsigKey, SharedRequest>;
}

/**
 * A signed request that many servers are asked with. Their answers are equal to the last octet as long as they sign in the same
 * second: one that equals an answer that was verified is verified, and spares two digests.
 *
 * Only for servers that TLS tells apart: whoever sits before a server could give another one's answer for its otherwise.
 */
interface SharedRequest extends SignedRequest {
  /** Seconds since 1970. */
  readonly at: number;
  /** Answers that were verified, and are the zone that is compared with; the latest last. */
  readonly answers: (readonly Buffer[])[];
}

interface SignedRequest {
  readonly id: number;
  readonly frame: Buffer;
  readonly mac: Uint8Array;
}

/** Seconds for which a request is used again (it counts for 300), and answers that are kept for each. */
const [sharedSeconds, mostAnswers] = [60, 16];
/** Larger answers are not kept: they take longer than the second in which another server's would be equal. */
const mostKeptOctets = 64 * 1024;

interface RawMessage {
  readonly bytes: Buffer;
  readonly end: number;
}

/** How patient a {@link TransferConnection} is. */
export interface TransferConnectionOptions {
  readonly server: DnsServer;
  readonly key: TsigKey;
  /** Milliseconds without a message, while something is under way, after which everything under way is given up. */
  readonly timeoutMs: number;
}

/**
 * Many zone transfers over one connection (RFC 7766 section 6.2.1, RFC 9103 section 6.3.1): a handshake each would cost more
 * than a small zone. Several may be under way; answers are told apart by their ids. Opens with the first transfer, and again
 * after it was closed.
 *
 * Each request is a TLS record of its own: of two in one, Knot (3.5.8) leaves the second unread until the connection is closed
 * for idleness.
 */
export class TransferConnection implements Disposable {
  readonly #options: TransferConnectionOptions;
  readonly #open = new Map<number, Transfer>();
  #socket: OpenSocket | undefined;

  constructor(options: TransferConnectionOptions) {
    this.#options = options;
  }

  /**
   * A whole zone by AXFR, verified.
   *
   * @param like - A transfer of the zone from elsewhere: "same" is returned when this one is that, octet for octet but
   * for id and signature. That spares decoding it.
   * @throws DnsError as `DnsClient.transfer`.
   */
  transfer(zone: string, like?: RawTransfer): Promise<RawTransfer | "same"> {
    return inContext(`AXFR of "${zone}" from ${this.#options.server.address}`, async () => {
      const opened = this.#connected();
      if (!opened.isReady) await opened.ready;
      return this.#ask(opened, zone, like);
    });
  }

  #ask({ stream, writer }: OpenSocket, zone: string, like: RawTransfer | undefined): Promise<RawTransfer | "same"> {
    const { key } = this.#options;
    const shared = like === undefined ? undefined : this.#shared(zone, like);
    const { id, frame, mac } = shared ?? this.#sign(zone, this.#freeId());
    return new Promise<RawTransfer | "same">((resolve, reject) => {
      const request = { zone, id, key, requestMac: mac };
      this.#open.set(id, new Transfer(request, { like, answers: shared?.answers ?? [], resolve, reject }));
      writer.write(frame);
      if (this.#open.size === 1) stream.setTimeout(this.#options.timeoutMs);
    });
  }

  /** The request that others were asked with; undefined where this server must have its own. */
  #shared(zone: string, { requests }: RawTransfer): SharedRequest | undefined {
    const { key, server } = this.#options;
    if (server.tls === undefined) return undefined;
    const at = seconds();
    const known = requests.get(key);
    const request =
      known !== undefined && at - known.at <= sharedSeconds
        ? known
        : { ...this.#sign(zone, this.#freeId()), at, answers: [] };
    requests.set(key, request);
    return this.#open.has(request.id) ? undefined : request;
  }

  #sign(zone: string, id: number): SignedRequest {
    const message = encodeMessage(transferMessage({ id, zone }));
    const { bytes, mac } = signMessage({ message, key: this.#options.key, now: seconds() });
    return { id, frame: frameMessage(bytes), mac };
  }

  [Symbol.dispose](): void {
    this.#socket?.stream.destroy();
    this.#socket = undefined;
    this.#fail({ kind: "aborted" });
  }

  #connected(): OpenSocket {
    this.#socket ??= this.#connect();
    return this.#socket;
  }

  #connect(): OpenSocket {
    const { server, timeoutMs } = this.#options;
    const { tls, address, port } = server;
    const frames = new FrameReader();
    const onread = {
      buffer: arrival,
      callback: (octets: number) => {
        for (const message of frames.push(arrival.subarray(0, octets))) this.#receive(message);
        return true;
      },
    };
    const stream =
      tls === undefined ? connect({ host: address, port, onread }) : connectTls({ ...server, onread }, tls);
    stream.setNoDelay(true).setTimeout(timeoutMs);
    const opened: OpenSocket = {
      stream,
      isReady: false,
      writer: new RecordWriter(stream),
      ready: new Promise<void>((resolve, reject) => {
        stream.once(tls === undefined ? "connect" : "secureConnect", () => {
          const spoken = "alpnProtocol" in stream ? stream.alpnProtocol : alpn;
          opened.isReady = spoken === alpn;
          if (opened.isReady) resolve();
          else reject(new DnsError({ kind: "noTls", code: "NO_ALPN" }));
        });
        const broken = (failure: DnsFailure): void => {
          if (this.#socket === opened) this.#socket = undefined;
          stream.destroy();
          reject(new DnsError(failure));
          this.#fail(failure);
        };
        stream.on("timeout", () => {
          // What has arrived is read first: after a pause of this process its clock is late, and not the server.
          const before = stream.bytesRead;
          setImmediate(() => {
            if (stream.bytesRead === before) broken({ kind: "timeout", afterMs: timeoutMs });
          });
        });
        stream.on("error", (error: NodeJS.ErrnoException) => {
          broken(tlsFailureOf(error) ?? { kind: "unreachable", code: error.code ?? error.message });
        });
        stream.on("close", () => {
          broken({ kind: "incomplete", detail: "the server closed the connection" });
        });
      }),
    };
    return opened;
  }

  /** @param message - Octets that the next arrival is written over: they are kept only as a copy. */
  #receive(message: Buffer): void {
    const id = message.length < 2 ? -1 : message.readUInt16BE(0);
    if (this.#open.get(id)?.push(message) === true) this.#open.delete(id);
    // Nothing more is awaited: a silent connection is no failure then.
    if (this.#open.size === 0) this.#socket?.stream.setTimeout(0);
  }

  #fail(failure: DnsFailure): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const transfer of open) transfer.fail(new DnsError(failure));
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(0x10000);
      if (!this.#open.has(id)) return id;
    }
  }
}

/** Where all connections' octets arrive: each is done with them before the next has any. */
const arrival = Buffer.allocUnsafeSlow(64 * 1024);

interface OpenSocket {
  readonly stream: Socket;
  /** Whether {@link ready} has come true, without waiting for a turn. */
  isReady: boolean;
  readonly ready: Promise<void>;
  readonly writer: RecordWriter;
}

/**
 * Writes one piece after the other: Node puts what waits together, into one TLS record. Meanwhile the kernel holds back what is
 * less than a packet (RFC 9293 section 3.7.4), so that several pieces are one packet, for which the server wakes up once.
 */
class RecordWriter {
  readonly #waiting: Buffer[] = [];
  #isBusy = false;
  #isHeld = false;

  constructor(private readonly stream: Socket) {}

  write(piece: Buffer): void {
    this.#waiting.push(piece);
    if (this.#isBusy) return;
    this.#isBusy = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const piece = this.#waiting.shift();
    this.#isBusy = piece !== undefined;
    // Until the last piece is written.
    this.#hold(this.#isBusy && (this.#isHeld || this.#waiting.length > 0));
    if (piece !== undefined) this.stream.write(piece, this.#next);
  };

  /** Letting go sends what was held back. */
  #hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.stream.setNoDelay(!isHeld);
  }
}

interface Waiting {
  readonly like: RawTransfer | undefined;
  /** What one answer was before that was verified, and is like that; another one that is goes there. */
  readonly answers: (readonly Buffer[])[];
  readonly resolve: (result: RawTransfer | "same") => void;
  readonly reject: (error: unknown) => void;
}

type Request = Pick<TransferRequest, "zone" | "id" | "key" | "requestMac">;

/**
 * One transfer under way: compared with answers that were verified as long as it is one of them, then with another transfer as
 * long as it is alike, and put together from the first difference on.
 */
class Transfer {
  /** Missing as long as nothing had to be verified. */
  #verifier: TsigStreamVerifier | undefined;
  #assembler: TransferAssembler | undefined;
  readonly #messages: RawMessage[] = [];
  /** Verified answers that this one may be, and how many of their messages it has. */
  #candidates: readonly (readonly Buffer[])[];
  #known = 0;

  constructor(
    private readonly request: Request,
    private readonly waiting: Waiting,
  ) {
    this.#candidates = waiting.answers;
    if (waiting.like === undefined) this.#assembler = this.#newAssembler();
  }

  /**
   * Takes the next message, of which nothing is kept but a copy. Returns whether this was the last one.
   */
  push(bytes: Buffer): boolean {
    const before = this.#candidates;
    const place = this.#known;
    // The latest first: most servers sign in the same second as the one before.
    const like = before.findLast((answer) => answer[place]?.equals(bytes) === true);
    if (like !== undefined) {
      this.#known++;
      if (like.length === this.#known) this.waiting.resolve("same");
      else this.#candidates = before.filter((answer) => answer[place]?.equals(bytes) === true);
      return like.length === this.#known;
    }
    this.#candidates = [];
    // What it had so far in common with one of them is verified on its own now.
    const missed = before[0]?.slice(0, place) ?? [];
    return missed.some((message) => this.#read(message)) || this.#read(Buffer.from(bytes));
  }

  #read(bytes: Buffer): boolean {
    try {
      this.#verifier ??= new TsigStreamVerifier(this.request);
      const end = this.#verifier.push(bytes, seconds());
      this.#messages.push({ bytes, end });
      return this.#assembler === undefined ? this.#compare(bytes, end) : this.#assemble([bytes]);
    } catch (error) {
      this.fail(error);
      return true;
    }
  }

  fail(error: unknown): void {
    this.waiting.reject(error);
  }

  #compare(bytes: Buffer, end: number): boolean {
    const { like } = this.waiting;
    const other = like?.messages[this.#messages.length - 1];
    if (other !== undefined && isAlike({ bytes, end }, other)) {
      const isLast = this.#messages.length === like?.messages.length && this.#verifier?.settled === true;
      if (isLast) this.#same();
      return isLast;
    }
    this.#assembler = this.#newAssembler();
    return this.#assemble(this.#messages.map((message) => message.bytes));
  }

  #same(): void {
    const { answers, resolve } = this.waiting;
    const octets = this.#messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (octets <= mostKeptOctets) answers.push(this.#messages.map(({ bytes }) => bytes));
    if (answers.length > mostAnswers) answers.shift();
    resolve("same");
  }

  #assemble(messages: readonly Buffer[]): boolean {
    const isDone = messages.map((bytes) => this.#assembler?.push(bytes, seconds())).includes(true);
    if (!isDone) return false;
    const records = this.#assembler?.finish() ?? [];
    this.waiting.resolve({ records, messages: this.#messages, requests: new Map() });
    return true;
  }

  #newAssembler(): TransferAssembler {
    return new TransferAssembler({
      ...this.request,
      zone: parseName(this.request.zone),
      limits: defaultTransferLimits,
    });
  }
}

/** Whether two messages are the same but for id and signature, which the count of additional records shows as well. */
function isAlike(one: RawMessage, other: RawMessage): boolean {
  return (
    one.end === other.end &&
    one.bytes.compare(other.bytes, 2, 10, 2, 10) === 0 &&
    one.bytes.compare(other.bytes, 12, other.end, 12, one.end) === 0
  );
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
