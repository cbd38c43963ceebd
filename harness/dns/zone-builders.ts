import { encodeMessage, type Message, noFlags } from "../../src/dns/message";
import type { ResourceRecord } from "../../src/dns/record";
import type { Soa } from "../../src/dns/transfer-stream";
import type { TsigKey } from "../../src/dns/tsig-key";
import { StreamSigner } from "./stream-signer";

export const now = 1_700_000_000;
export const zone = "example";
export const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 5).toString("base64") };
export const requestMac = Buffer.alloc(32, 6);

const common = { class: "IN", ttl: 60 } as const;

export const soa = (serial = 7): Soa => ({
  ...common,
  name: zone,
  type: "SOA",
  mname: "ns.example",
  rname: "admin.example",
  serial,
  refresh: 60,
  retry: 10,
  expire: 3600,
  minimum: 60,
});

export const host = (i: number): ResourceRecord => ({
  ...common,
  name: `h${i}.example`,
  type: "A",
  address: "192.0.2.1",
});

/** A message of a transfer's answer. */
export const transferAnswer = (
  type: "AXFR" | "IXFR",
  answers: readonly ResourceRecord[],
  change: Partial<Message> = {},
): Message => ({
  id: 5,
  flags: { ...noFlags, qr: true, aa: true },
  rcode: 0,
  questions: [{ name: zone, type, class: "IN" }],
  answers,
  authorities: [],
  additionals: [],
  ...change,
});

interface Feed {
  readonly messages: readonly Message[];
  /** Indices of messages without a signature. */
  readonly unsigned?: readonly number[];
}

/** Pushes messages as a server would send them; what the last push said. */
export function feed(
  target: { push: (bytes: Uint8Array, at: number) => boolean },
  { messages, unsigned = [] }: Feed,
): boolean {
  const signer = new StreamSigner(key, requestMac);
  return messages
    .map((each, i) => {
      const bytes = encodeMessage(each);
      return target.push(unsigned.includes(i) ? signer.skip(bytes) : signer.sign(bytes, now), now);
    })
    .reduce((_, done) => done, false);
}
