import { expect } from "chai";

import type { DnsFailure } from "../../../src/dns/errors";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import { encodeTsig, locateTsig } from "../../../src/dns/tsig-record";
import { signMessage, verifyMessage } from "../../../src/dns/tsig";
import { DnsClient, type DnsServer } from "../../../src/dns/client/dns-client";
import { StreamSigner } from "../../../harness/dns/stream-signer";
import { host, key, soa } from "../../../harness/dns/zone-builders";
import { failureOf } from "./failure";
import { startOwnServer } from "../../../harness/dns/own-server";

const seconds = () => Math.floor(Date.now() / 1000);

/** A well-formed answer to a transfer's request, unsigned. */
function whole(request: Buffer, change: Partial<Message> = {}): Message {
  const { id, questions, flags: asked } = decodeMessage(request);
  const [question] = questions;
  const answers = question?.type === "IXFR" ? [soa(9), soa(7), host(1), soa(9), soa(9)] : [soa(9), host(1), soa(9)];
  const flags = { ...noFlags, opcode: asked.opcode, qr: true, aa: true };
  return { id, flags, rcode: 0, questions, answers, authorities: [], additionals: [], ...change };
}

const macOf = (request: Buffer) => verifyMessage({ message: request, keys: [key], now: seconds() }).mac;

function signed(request: Buffer, change: Partial<Message> = {}, now = seconds()): Buffer {
  return signMessage({ message: encodeMessage(whole(request, change)), key, now, requestMac: macOf(request) }).bytes;
}

/** An error that the peer cannot sign (RFC 8945 section 5.3.2). */
function unsignedError(request: Buffer, error: number): Buffer {
  const bytes = signed(request, { rcode: 9, answers: [] });
  const tsig = locateTsig(bytes)!;
  return Buffer.concat([bytes.subarray(0, tsig.offset), encodeTsig({ ...tsig, mac: Buffer.alloc(0), error })]);
}

function badTime(request: Buffer): Buffer {
  const other = Buffer.alloc(6);
  other.writeUIntBE(seconds() + 1000, 0, 6);
  const message = encodeMessage(whole(request, { rcode: 9, answers: [] }));
  const error = { code: 18, other };
  return signMessage({ message, key, now: seconds(), requestMac: macOf(request), error }).bytes;
}

/** The answer in a message for each record, all of them signed. */
function chain(request: Buffer): Buffer[] {
  const signer = new StreamSigner(key, macOf(request));
  return whole(request).answers.map((record) =>
    signer.sign(encodeMessage(whole(request, { answers: [record] })), seconds()),
  );
}

function swapped(messages: readonly Buffer[]): Buffer[] {
  const [first, second, third, ...rest] = messages as [Buffer, Buffer, Buffer];
  return [first, third, second, ...rest];
}

const cut = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 3);
const flags = { ...noFlags, qr: true, aa: true };
const other = { name: "other", type: "AXFR", class: "IN" } as const;

/** What a server may send instead of a transfer, and the one name that it has. */
const answers: Record<
  string,
  [answer: (request: Buffer) => Uint8Array[], failure: DnsFailure["kind"], detail?: object]
> = {
  SERVFAIL: [(q) => [signed(q, { rcode: 2, answers: [] })], "rcode", { rcode: "SERVFAIL" }],
  NOTAUTH: [(q) => [signed(q, { rcode: 9, answers: [] })], "rcode", { rcode: "NOTAUTH" }],
  NOTIMP: [(q) => [signed(q, { rcode: 4, answers: [] })], "rcode", { rcode: "NOTIMP" }],
  REFUSED: [(q) => [signed(q, { rcode: 5, answers: [] })], "refused"],
  "an unsigned SERVFAIL": [(q) => [encodeMessage(whole(q, { rcode: 2 }))], "unsigned", { rcode: "SERVFAIL" }],
  BADTIME: [(q) => [badTime(q)], "badTime", { by: "peer" }],
  "a signature of another time": [(q) => [signed(q, {}, seconds() - 1000)], "badTime", { by: "us" }],
  BADSIG: [(q) => [unsignedError(q, 16)], "badSignature", { by: "peer" }],
  BADKEY: [(q) => [unsignedError(q, 17)], "badKey", { by: "peer", key: "k" }],
  "a changed octet": [(q) => [flip(signed(q))], "badSignature", { by: "us" }],
  "no signature": [(q) => [encodeMessage(whole(q))], "unsigned"],
  "a truncated answer": [(q) => [signed(q, { flags: { ...whole(q).flags, tc: true } })], "truncated"],
  "no authority": [(q) => [signed(q, { flags: { ...flags, aa: false } })], "notAuthoritative"],
  "records out of order": [(q) => [signed(q, { answers: [host(1), soa(9)] })], "outOfOrder"],
  "a record of another zone": [(q) => [signed(q, { answers: [soa(9), { ...host(1), name: "x" }] })], "outOfOrder"],
  "messages in another order": [(q) => swapped(chain(q)), "badSignature", { by: "us" }],
  "a message that is lost": [(q) => chain(q).filter((_, i) => i !== 1), "badSignature", { by: "us" }],
  "a message that comes twice": [
    (q) => chain(q).flatMap((each, i) => (i === 1 ? [each, each] : [each])),
    "badSignature",
  ],
  "another id": [(q) => [signed(q, { id: decodeMessage(q).id ^ 1 })], "wrongId"],
  "another question": [(q) => [signed(q, { questions: [other] })], "wrongQuestion"],
  "a question again": [(q) => [q], "notAResponse"],
  "a message cut short": [(q) => [cut(signed(q))], "malformed"],
  "no message": [() => [Buffer.from("hello")], "malformed"],
  "the end in the middle": [(q) => [signed(q, { answers: [soa(9), soa(7)].slice(0, 1) })], "incomplete"],
  "the end at once": [() => [], "incomplete"],
  "more than allowed": [
    (q) => [signed(q, { answers: [soa(9), ...Array.from({ length: 200 }, (_, i) => host(i))] })],
    "tooLarge",
    { limit: "records" },
  ],
};

function flip(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed[2] = (changed[2] ?? 0) ^ 1;
  return changed;
}

describe("bad answers to a transfer", () => {
  for (const [name, [answer, kind, detail = {}]] of Object.entries(answers))
    it(`have a name: ${name} is "${kind}", in full and incremental`, async () => {
      await using own = await startOwnServer({ tcp: (request) => ({ messages: answer(request), end: true }) });
      const client = new DnsClient({ limits: { records: 100 } });
      const expected = { kind, ...detail };
      const full = await failureOf(client.transfer(own.server, "example", key));
      expect(full).to.deep.include(expected);
      const part = await failureOf(client.transferIncremental(own.server, { zone: "example", serial: 7 }, key));
      expect(part).to.deep.include(expected);
    });

  it("are told from good ones", async () => {
    await using own = await startOwnServer({ tcp: (request) => ({ messages: [signed(request)], end: true }) });
    await using many = await startOwnServer({ tcp: (request) => ({ messages: chain(request), end: true }) });
    for (const { server } of [own, many]) {
      const client = new DnsClient();
      expect(await client.transfer(server, "example", key)).to.have.length(2);
      const part = await client.transferIncremental(server, { zone: "example", serial: 7 }, key);
      expect(part).to.have.property("kind", "incremental");
    }
  });

  it("end after the time for all of it, though each message comes in time", async () => {
    const endless = (request: Buffer) => {
      const signer = new StreamSigner(key, macOf(request));
      const records = [soa(9), ...Array.from({ length: 100 }, (_, i) => host(i))];
      return records.map((record) => signer.sign(encodeMessage(whole(request, { answers: [record] })), seconds()));
    };
    await using own = await startOwnServer({ tcp: (request) => ({ messages: endless(request), everyMs: 20 }) });
    const client = new DnsClient({ timeoutMs: 1000, transferMs: 300 });
    const failure = await failureOf(client.transfer(own.server, "example", key));
    expect(failure).to.deep.equal({ kind: "timeout", afterMs: 300 });
  });
});

describe("bad answers to a single message", () => {
  const overAnything = [
    ...["SERVFAIL", "NOTAUTH", "NOTIMP", "REFUSED", "an unsigned SERVFAIL", "BADTIME", "a signature of another time"],
    ...["BADSIG", "BADKEY", "a changed octet", "no signature", "a truncated answer"],
  ];
  const overTcp = ["another id", "another question", "a question again", "a message cut short", "no message"];
  const requests: Record<
    string,
    { names: readonly string[]; send: (client: DnsClient, server: DnsServer) => Promise<unknown> }
  > = {
    "a question": { names: overAnything, send: (client, server) => client.querySoa(server, "example", key) },
    "a NOTIFY": { names: overAnything, send: (client, server) => client.notify(server, "example", 9, key) },
    "an UPDATE": {
      names: [...overAnything, ...overTcp, "the end at once"],
      send: (client, server) => client.update(server, { zone: "example", changes: [] }, key),
    },
  };
  for (const [what, { names, send }] of Object.entries(requests))
    it(`have the same names: ${what}`, async () => {
      for (const name of names) {
        const [answer, kind, detail = {}] = answers[name]!;
        await using own = await startOwnServer({
          udp: answer,
          tcp: (request) => ({ messages: answer(request), end: true }),
        });
        expect(await failureOf(send(new DnsClient(), own.server)), name).to.deep.include({ kind, ...detail });
      }
      const good = (request: Buffer) => [signed(request)];
      await using own = await startOwnServer({ udp: good, tcp: (request) => ({ messages: good(request) }) });
      await send(new DnsClient(), own.server);
    });
});

describe("datagrams that are no answer to us", () => {
  const ignored: Record<string, (request: Buffer) => Uint8Array> = {
    wrongId: (q) => encodeMessage(whole(q, { id: decodeMessage(q).id ^ 1 })),
    wrongQuestion: (q) => encodeMessage(whole(q, { questions: [other] })),
    notAResponse: (q) => q,
    malformed: (q) => cut(encodeMessage(whole(q))),
  };
  for (const [name, datagram] of Object.entries(ignored))
    it(`are waited past, and named when nothing else comes: ${name}`, async () => {
      await using own = await startOwnServer({ udp: (request) => [datagram(request)] });
      const failure = await failureOf(new DnsClient({ timeoutMs: 1000 }).querySoa(own.server, "example"));
      expect(failure).to.deep.equal({ kind: "timeout", afterMs: 1000, ignored: name });
    });
});
