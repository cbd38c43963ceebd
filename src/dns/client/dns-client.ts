import { randomInt } from "node:crypto";

import { nsidOf } from "../edns-options";
import { DnsError } from "../errors";
import { IncrementalAssembler, type IncrementalTransfer } from "../incremental";
import { encodeMessage, type Message } from "../message";
import { parseName } from "../name";
import type { ResourceRecord, SoaData } from "../record";
import { incrementalTransferMessage, notifyMessage, queryMessage, transferMessage } from "../request";
import { TransferAssembler } from "../transfer";
import { defaultTransferLimits, rcodeFailure, type TransferLimits, type TransferRequest } from "../transfer-stream";
import type { TsigKey } from "../tsig-key";
import { rcodes } from "../types";
import { updateMessage, type ZoneUpdate } from "../update";
import { inContext, soaAt } from "./answers";
import { Sender, type SenderOptions } from "./sender";
import { type DnsServer, exchangeTcp } from "./sockets";

export type { DnsServer } from "./sockets";
export type { DnsTls } from "./tls";

/** How patient a {@link DnsClient} is. */
export interface DnsClientOptions extends SenderOptions {
  /** Milliseconds in which a transfer's connection, and each message of it, must come: nothing of it is sent twice. @default timeoutMs */
  readonly transferSilenceMs?: number;
  /** Milliseconds that a whole transfer may take. @default 30000 */
  readonly transferMs?: number;
  /** @default defaultTransferLimits */
  readonly limits?: Partial<TransferLimits>;
  /** Whether questions ask for recursion, as one does of a resolver. @default false */
  readonly recursive?: boolean;
}

/** How much a client has sent since it was made. Repeated datagrams count each time. */
export interface DnsCounters {
  udpQueries: number;
  tcpQueries: number;
  transfers: number;
  notifies: number;
}

/**
 * Knot (3.5.8) ends the session of an UPDATE that came over TLS from another thread, after its answer. When the client has
 * hung up by then, that goes to whoever got the same descriptor since: another client's handshake fails. So we hang up late.
 */
const updateLingerMs = 200;

/** An answer, and which server it came from. */
export interface IdentifiedAnswer {
  readonly message: Message;
  /** Octets of the server's own choice (RFC 5001 section 2.3). */
  readonly nsid?: Uint8Array;
}

/** An SOA, and which server it came from. */
export interface IdentifiedSoa {
  readonly soa: SoaData;
  /** Octets of the server's own choice (RFC 5001 section 2.3). */
  readonly nsid?: Uint8Array;
}

interface Asked {
  readonly server: DnsServer;
  readonly name: string;
  readonly type: string;
  readonly key: TsigKey | undefined;
  readonly nsid?: boolean;
}

/** A version of a zone that we have. */
export interface ZoneVersion {
  readonly zone: string;
  readonly serial: number;
}

interface TransferJob<T> {
  readonly server: DnsServer;
  readonly zone: string;
  readonly key: TsigKey;
  readonly message: (id: number) => Message;
  readonly open: (request: TransferRequest) => { push(bytes: Uint8Array, now: number): boolean; finish(): T };
}

/**
 * Asks DNS servers by address. Each call has its own socket with its own port, which is always closed, unless set
 * otherwise. A server with `tls` is asked over TLS alone (RFC 7858, RFC 9103); failures are then `untrusted` or `noTls` too.
 */
export class DnsClient {
  readonly counters: DnsCounters = { udpQueries: 0, tcpQueries: 0, transfers: 0, notifies: 0 };
  readonly #sender: Sender;

  constructor(private readonly options: DnsClientOptions = {}) {
    this.#sender = new Sender(options);
  }

  /**
   * The SOA that a server answers with authority.
   *
   * @throws DnsError `absent`, `notAuthoritative`, `refused`, or as {@link query}. A Knot without the zone refuses, and
   * does not sign that even when the question was: `unsigned` with `rcode` REFUSED.
   */
  querySoa(server: DnsServer, zone: string, key?: TsigKey): Promise<SoaData> {
    return this.#soa({ server, name: parseName(zone), type: "SOA", key }, ({ soa }) => soa);
  }

  /**
   * {@link querySoa} with the identifier of the server that answered, as far as it gives one: behind one address there may
   * be several. Needs a client without a `channel`: what balances load keeps to one server for one source port.
   */
  querySoaWithNsid(server: DnsServer, zone: string, key?: TsigKey): Promise<IdentifiedSoa> {
    return this.#soa({ server, name: parseName(zone), type: "SOA", key, nsid: true }, (answer) => answer);
  }

  /**
   * Asks over UDP, once more when nothing comes, and over TCP when the answer is truncated. Any RCODE is an answer.
   * With a key the question is signed and the answer must be.
   *
   * @throws DnsError `timeout`, `unreachable`, `aborted`, or what is wrong with the signature.
   */
  // eslint-disable-next-line max-params -- reads as the question does: whom, what, which type
  query(server: DnsServer, name: string, type: string, key?: TsigKey): Promise<Message> {
    return inContext(`${type} of "${name}" at ${server.address}`, () => this.#ask({ server, name, type, key }));
  }

  /** {@link query} with the identifier of the server that answered, as {@link querySoaWithNsid}. */
  queryWithNsid(server: DnsServer, name: string, type: string): Promise<IdentifiedAnswer> {
    return inContext(`${type} of "${name}" at ${server.address}`, async () => {
      const message = await this.#ask({ server, name, type, key: undefined, nsid: true });
      const nsid = message.edns && nsidOf(message.edns.options);
      return { message, ...(nsid !== undefined && { nsid }) };
    });
  }

  /**
   * A whole zone by AXFR over TCP: the SOA first, the closing SOA left out.
   *
   * @throws DnsError for anything that is partial, unsigned, out of order or beyond the limits.
   */
  transfer(server: DnsServer, zone: string, key: TsigKey): Promise<ResourceRecord[]> {
    return inContext(`AXFR of "${zone}" from ${server.address}`, async () => {
      const message = (id: number) => transferMessage({ id, zone });
      const records = await this.#transfer({ server, zone, key, message, open: (each) => new TransferAssembler(each) });
      return [...records];
    });
  }

  /**
   * What changed in a zone since a serial, by IXFR over TCP (RFC 1995). The server may answer with the whole zone. One
   * that knows no IXFR fails with `rcode` (NOTIMP, FORMERR) or `refused`: then {@link transfer} is the way.
   *
   * @throws DnsError as {@link transfer}.
   */
  transferIncremental(server: DnsServer, version: ZoneVersion, key: TsigKey): Promise<IncrementalTransfer> {
    const { zone, serial } = version;
    return inContext(`IXFR of "${zone}" from ${server.address}`, () => {
      const message = (id: number) => incrementalTransferMessage({ id, zone, serial });
      const open = (request: TransferRequest) => new IncrementalAssembler({ ...request, serial });
      return this.#transfer({ server, zone, key, message, open });
    });
  }

  /**
   * Changes a zone by DNS UPDATE over TCP (RFC 2136), never sent twice. It counts as a TCP query.
   *
   * @throws DnsError `rcode` when a prerequisite is not met (YXDOMAIN, YXRRSET, NXDOMAIN, NXRRSET) or the server is not
   * the zone's (NOTAUTH), `refused`, or what is wrong with the exchange: then the change may have been made or not.
   */
  update(server: DnsServer, request: ZoneUpdate, key: TsigKey): Promise<void> {
    return inContext(`UPDATE of "${request.zone}" at ${server.address}`, async () => {
      const message = updateMessage({ id: randomInt(0x10000), ...request });
      const count = () => this.counters.tcpQueries++;
      const lingering = server.tls === undefined ? {} : { lingerMs: updateLingerMs };
      const answer = await this.#sender.send("tcp", { server, message, key, count, ...lingering });
      if (answer.rcode !== rcodes.NOERROR) throw rcodeFailure(answer.rcode);
    });
  }

  /**
   * Tells a secondary that a zone changed, over UDP (RFC 1996), and waits until it says that it heard.
   *
   * @throws DnsError when it did not, or will not: `timeout`, `refused`, `rcode`, … Knot says that a zone is not its own
   * without a signature: `unsigned` with `rcode` NOTAUTH.
   */
  // eslint-disable-next-line max-params -- reads as the message does: whom, which zone, what is new
  notify(server: DnsServer, zone: string, serial: number | undefined, key: TsigKey): Promise<void> {
    return this.notifier(zone, serial, key)(server);
  }

  /** A {@link notify} for many secondaries: made and signed once, sent to each that the function is called with. */
  notifier(zone: string, serial: number | undefined, key: TsigKey): (server: DnsServer) => Promise<void> {
    const message = notifyMessage({ id: randomInt(0x10000), zone, serial });
    const signed = this.#sender.sign(encodeMessage(message), key);
    const count = () => this.counters.notifies++;
    return (server) =>
      inContext(`NOTIFY for "${zone}" to ${server.address}`, async () => {
        const answer = await this.#sender.exchange({ server, message, key, signed, count });
        if (answer.rcode !== rcodes.NOERROR) throw rcodeFailure(answer.rcode);
      });
  }

  async #transfer<T>({ server, zone, key, message, open }: TransferJob<T>): Promise<T> {
    this.counters.transfers++;
    const id = randomInt(0x10000);
    const request = this.#sender.sign(encodeMessage(message(id)), key);
    const limits = { ...defaultTransferLimits, ...this.options.limits };
    const assembler = open({ zone: parseName(zone), id, key, requestMac: request.mac, limits });
    const whole = await exchangeTcp({
      server,
      message: request.bytes,
      timeoutMs: this.options.transferSilenceMs ?? this.#sender.timeoutMs,
      totalMs: this.options.transferMs ?? 30_000,
      signal: this.options.signal,
      receive: (bytes) => (assembler.push(bytes, this.#sender.seconds) ? { value: assembler.finish() } : undefined),
    });
    return whole.value;
  }

  #soa<T>(question: Asked, take: (answer: IdentifiedSoa) => T): Promise<T> {
    const { name, server } = question;
    return inContext(`SOA of "${name}" at ${server.address}`, async () => {
      const answer = await this.#ask(question);
      if (answer.rcode === rcodes.NXDOMAIN) throw new DnsError({ kind: "absent" });
      if (answer.rcode !== rcodes.NOERROR) throw rcodeFailure(answer.rcode);
      if (!answer.flags.aa) throw new DnsError({ kind: "notAuthoritative" });
      const nsid = answer.edns && nsidOf(answer.edns.options);
      return take({ soa: soaAt(name, answer.answers), ...(nsid !== undefined && { nsid }) });
    });
  }

  #ask({ server, key, ...question }: Asked): Promise<Message> {
    const message = queryMessage({ id: randomInt(0x10000), ...question, recursive: this.options.recursive });
    const count = (transport: "udp" | "tcp") => {
      this.counters[transport === "udp" ? "udpQueries" : "tcpQueries"]++;
    };
    return this.#sender.exchange({ server, message, key, count });
  }
}
