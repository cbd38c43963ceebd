import { createSocket } from "node:dgram";
import { once } from "node:events";
import { randomInt } from "node:crypto";

import { decodeMessage, encodeMessage } from "../../../src/dns/message";
import { queryMessage } from "../../../src/dns/request";
import type { DnsServer } from "../../../src/dns/client/dns-client";

/** A question of somebody whom nobody knows. */
export interface StrangeQuestion {
  readonly server: DnsServer;
  /** The address that asks, on loopback. */
  readonly from: string;
  readonly name: string;
  readonly type?: string;
  /** Octets of a COOKIE option (RFC 7873 section 4): 8 of the client, then the server's. */
  readonly cookie?: Buffer;
}

/** What came back, as far as tests look at it. */
export interface StrangeAnswer {
  readonly truncated: boolean;
  /** 23 is BADCOOKIE. */
  readonly rcode: number;
  readonly cookie?: Buffer;
}

const cookieOption = 10;

/** Sends one question over UDP, in EDNS with 1232 octets. */
export async function askStrangely(question: StrangeQuestion): Promise<StrangeAnswer> {
  const [answer] = await flood(question, 1);
  if (answer === undefined) throw new Error(`${question.server.address} did not answer`);
  return answer;
}

/**
 * Sends the same question over and over from one address, as fast as answers come, fifty at a time, and returns all
 * answers that came within half a second of their batch.
 */
export async function flood(question: StrangeQuestion, count: number): Promise<StrangeAnswer[]> {
  const socket = createSocket("udp4");
  const answers: StrangeAnswer[] = [];
  try {
    socket.bind(0, question.from);
    await once(socket, "listening");
    socket.on("message", (message) => answers.push(readAnswer(message)));
    for (let sent = 0; sent < count;) {
      const batch = Math.min(50, count - sent);
      for (let i = 0; i < batch; i++) socket.send(encode(question), question.server.port, question.server.address);
      sent += batch;
      const timeout = AbortSignal.timeout(500);
      while (answers.length < sent && !timeout.aborted)
        await once(socket, "message", { signal: timeout }).catch(() => 0);
    }
    return answers;
  } finally {
    socket.close();
  }
}

function encode({ name, type, cookie }: StrangeQuestion): Buffer {
  const message = queryMessage({ id: randomInt(0x10000), name, type: type ?? "SOA" });
  const options = cookie === undefined ? Buffer.alloc(0) : Buffer.concat([pair(cookieOption, cookie.length), cookie]);
  return encodeMessage({ ...message, edns: { ...message.edns!, options } });
}

function pair(...numbers: number[]): Buffer {
  return Buffer.concat(numbers.map((number) => Buffer.from([number >> 8, number & 0xff])));
}

function readAnswer(bytes: Buffer): StrangeAnswer {
  const { flags, rcode, edns } = decodeMessage(bytes);
  const cookie = edns && findOption(Buffer.from(edns.options), cookieOption);
  return { truncated: flags.tc, rcode, ...(cookie && { cookie }) };
}

function findOption(options: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 4 <= options.length; at += 4 + options.readUInt16BE(at + 2))
    if (options.readUInt16BE(at) === wanted) return options.subarray(at + 4, at + 4 + options.readUInt16BE(at + 2));
  return undefined;
}
