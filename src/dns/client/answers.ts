import { DnsError, type IgnoredAnswer } from "../errors";
import {
  checkQuestion,
  checkResponse,
  decodeMessage,
  headerLength,
  type Message,
  type Question,
  readFlags,
} from "../message";
import type { ResourceRecord, SoaData } from "../record";

/**
 * An answer to a request of ours.
 *
 * @throws DnsError when the message cannot be read or does not answer the request.
 */
export function readAnswer(bytes: Buffer, request: Message): Message {
  const answer = decodeMessage(bytes);
  checkResponse(answer, { id: request.id, opcode: request.flags.opcode });
  const [asked] = request.questions as [Question];
  checkQuestion(answer, asked);
  return answer;
}

/** A datagram that is no answer to our question may be a guess of somebody else: the right one may still come (RFC 5452). */
export class Datagrams {
  readonly #request: Message;
  #ignored: IgnoredAnswer | undefined;

  constructor(request: Message) {
    this.#request = request;
  }

  /** Returns the answer, or nothing for what is to be ignored. */
  read(bytes: Buffer): Message | undefined {
    try {
      return readAnswer(bytes, this.#request);
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      if (isCutAnswer(bytes, this.#request, error)) throw new DnsError({ kind: "truncated" });
      this.#ignored = error.failure.kind as IgnoredAnswer;
      return undefined;
    }
  }

  /** Lets a timeout tell what was ignored meanwhile. */
  async explain<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (this.#ignored === undefined || !(error instanceof DnsError) || error.failure.kind !== "timeout") throw error;
      throw new DnsError({ ...error.failure, ignored: this.#ignored });
    }
  }
}

/**
 * Whether octets that do not decode begin like a truncated answer to us: a server may cut at an octet (RFC 2181
 * section 9), or send the header alone. A forged one only makes us ask over TCP.
 */
function isCutAnswer(bytes: Buffer, { id, flags }: Message, { failure }: DnsError): boolean {
  if (bytes.length < headerLength) return false;
  if (failure.kind !== "malformed" && bytes.readUInt16BE(4) > 0) return false;
  const answer = readFlags(bytes.readUInt16BE(2));
  return bytes.readUInt16BE(0) === id && answer.qr && answer.tc && answer.opcode === flags.opcode;
}

/** The SOA of an apex. @throws DnsError `absent` */
export function soaAt(apex: string, records: readonly ResourceRecord[]): SoaData {
  for (const record of records) {
    if (record.type !== "SOA" || record.name !== apex) continue;
    const { type, mname, rname, serial, refresh, retry, expire, minimum } = record;
    return { type, mname, rname, serial, refresh, retry, expire, minimum };
  }
  throw new DnsError({ kind: "absent" });
}

/** Lets a DnsError of some work say what that was about. */
export async function inContext<T>(context: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DnsError ? error.in(context) : error;
  }
}
