import { expect } from "chai";
import fc from "fast-check";

import { encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import type { ResourceRecord } from "../../../src/dns/record";
import { TransferAssembler } from "../../../src/dns/transfer";
import type { TransferLimits } from "../../../src/dns/transfer-stream";
import { signMessage } from "../../../src/dns/tsig";
import { failureOf } from "./failure";
import { StreamSigner } from "../../../harness/dns/stream-signer";
import { feed, host, key, now, requestMac, soa, transferAnswer, zone } from "../../../harness/dns/zone-builders";

const limits: TransferLimits = { records: 1000, messages: 100, octets: 100_000 };
const common = { class: "IN", ttl: 60 } as const;

const message = (answers: readonly ResourceRecord[], change: Partial<Message> = {}) =>
  transferAnswer("AXFR", answers, change);

const assembler = (changes: Partial<TransferLimits> = {}) =>
  new TransferAssembler({ zone, id: 5, key, requestMac, limits: { ...limits, ...changes } });

const failure = (messages: readonly Message[], unsigned: readonly number[] = []) =>
  failureOf(() => feed(assembler(), { messages, unsigned }));

describe("zone transfers (RFC 5936)", () => {
  it("gather the records, however they are cut into messages and which of those are signed", () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), sizes, (count, cuts) => {
        const body = [soa(), ...Array.from({ length: count }, (_, i) => host(i))];
        const all = [...body, soa()];
        const messages: Message[] = [];
        const unsigned: number[] = [];
        for (let at = 0; at < all.length;) {
          const [size, sign] = cuts[messages.length % cuts.length]!;
          const last = at + size >= all.length;
          if (!sign && at > 0 && !last) unsigned.push(messages.length);
          messages.push(message(all.slice(at, at + size), at > 0 && size % 2 === 0 ? { questions: [] } : {}));
          at += size;
        }
        const target = assembler();
        expect(feed(target, { messages, unsigned })).to.equal(true);
        expect(target.finish()).to.deep.equal(body);
      }),
    );
  });

  it("are incomplete without the closing SOA", () => {
    const target = assembler();
    expect(failureOf(() => target.finish()).kind).to.equal("incomplete");
    expect(feed(target, { messages: [message([soa(), host(1)])] })).to.equal(false);
    expect(failureOf(() => target.finish()).kind).to.equal("incomplete");
  });

  it("are refused when a message has another id, or is no response", () => {
    expect(failure([message([soa(), soa()], { id: 6 })]).kind).to.equal("wrongId");
    expect(failure([message([soa(), soa()], { flags: noFlags })]).kind).to.equal("notAResponse");
    const notify = { ...noFlags, qr: true, aa: true, opcode: 4 };
    expect(failure([message([soa(), soa()], { flags: notify })]).kind).to.equal("notAResponse");
  });

  it("are refused when the question is missing at first, or another", () => {
    expect(failure([message([soa(), soa()], { questions: [] })]).kind).to.equal("wrongQuestion");
    for (const question of [
      { name: "example", type: "IXFR", class: "IN" },
      { name: "other", type: "AXFR", class: "IN" },
      { name: "example", type: "AXFR", class: "CH" },
    ] as const) {
      expect(failure([message([soa(), soa()], { questions: [question] })]).kind).to.equal("wrongQuestion");
      expect(failure([message([soa()]), message([soa()], { questions: [question] })]).kind).to.equal("wrongQuestion");
    }
  });

  it("are refused when they are truncated or not authoritative", () => {
    const flags = { ...noFlags, qr: true, aa: true };
    expect(failure([message([soa(), soa()], { flags: { ...flags, tc: true } })]).kind).to.equal("truncated");
    expect(failure([message([soa(), soa()], { flags: { ...flags, aa: false } })]).kind).to.equal("notAuthoritative");
  });

  it("are refused when records are where they may not be", () => {
    const elsewhere: ResourceRecord = { ...common, name: "h.other", type: "A", address: "192.0.2.1" };
    const deeper: ResourceRecord = { ...soa(), name: "sub.example" };
    const bad: Record<string, Message[]> = {
      "no SOA at first": [message([host(1), soa(), soa()])],
      "behind the closing SOA": [message([soa(), soa(), host(1)])],
      "another serial": [message([soa(7), host(1), soa(8)])],
      "out of zone": [message([soa(), elsewhere, soa()])],
      "SOA below the apex": [message([soa(), deeper, soa()])],
      "class CH": [message([soa(), { ...host(1), class: "CH" }, soa()])],
      authority: [message([soa(), soa()], { authorities: [host(1)] })],
    };
    for (const [name, messages] of Object.entries(bad)) expect(failure(messages).kind, name).to.equal("outOfOrder");
  });

  it("are refused when the first or the last message is unsigned", () => {
    expect(failure([message([soa(), soa()])], [0]).kind).to.equal("unsigned");
    expect(failure([message([soa(), host(1)]), message([soa()])], [1]).kind).to.equal("unsigned");
  });

  it("are refused when a signature covers other octets", () => {
    const target = assembler();
    const signer = new StreamSigner(key, requestMac);
    target.push(signer.sign(encodeMessage(message([soa()])), now), now);
    signer.skip(encodeMessage(message([host(1)])));
    target.push(encodeMessage(message([host(2)])), now);
    const last = signer.sign(encodeMessage(message([soa()])), now);
    expect(failureOf(() => target.push(last, now)).kind).to.equal("badSignature");
    expect(failureOf(() => target.finish()).kind).to.equal("incomplete");
  });

  it("report the server's refusal by its name", () => {
    expect(failure([message([], { rcode: 5 })])).to.deep.equal({ kind: "refused" });
    expect(failure([message([], { rcode: 9 })])).to.deep.equal({ kind: "rcode", rcode: "NOTAUTH" });
  });

  it("end at each limit", () => {
    const many = [soa(), ...Array.from({ length: 20 }, (_, i) => host(i)), soa()];
    const limited = (changes: Partial<TransferLimits>) =>
      failureOf(() => feed(assembler(changes), { messages: many.map((each) => message([each])) }));
    expect(limited({ records: 10 })).to.deep.equal({ kind: "tooLarge", limit: "records" });
    expect(limited({ messages: 10 })).to.deep.equal({ kind: "tooLarge", limit: "messages" });
    expect(limited({ octets: 1000 })).to.deep.equal({ kind: "tooLarge", limit: "octets" });
  });

  it("verify 12,000 records of many messages", () => {
    const all = [soa(), ...Array.from({ length: 12_000 }, (_, i) => host(i)), soa()];
    const signer = new StreamSigner(key, requestMac);
    const stream: Buffer[] = [];
    for (let at = 0; at < all.length; at += 500)
      stream.push(signer.sign(encodeMessage(message(all.slice(at, at + 500))), now));
    const target = new TransferAssembler({ zone, id: 5, key, requestMac });
    for (const bytes of stream) target.push(bytes, now);
    expect(target.finish()).to.have.length(12_001);
  });

  it("do not take a single signed response of another request for theirs", () => {
    const bytes = signMessage({
      message: encodeMessage(message([soa(), soa()])),
      key,
      now,
      requestMac: Buffer.alloc(32),
    });
    expect(failureOf(() => assembler().push(bytes.bytes, now)).kind).to.equal("badSignature");
  });
});
