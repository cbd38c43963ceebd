import { expect } from "chai";
import fc from "fast-check";

import { IncrementalAssembler, type ZoneChange } from "../../../src/dns/incremental";
import { decodeMessage, encodeMessage, type Message } from "../../../src/dns/message";
import type { ResourceRecord } from "../../../src/dns/record";
import { incrementalTransferMessage } from "../../../src/dns/request";
import type { TransferLimits } from "../../../src/dns/transfer-stream";
import { failureOf } from "./failure";
import { feed, host, key, requestMac, soa, transferAnswer, zone } from "../../../harness/dns/zone-builders";

const limits: TransferLimits = { records: 1000, messages: 100, octets: 100_000 };

const message = (answers: readonly ResourceRecord[], change: Partial<Message> = {}) =>
  transferAnswer("IXFR", answers, change);

const assembler = (serial = 7, changes: Partial<TransferLimits> = {}) =>
  new IncrementalAssembler({ zone, id: 5, key, requestMac, serial, limits: { ...limits, ...changes } });

const failure = (records: readonly ResourceRecord[]) =>
  failureOf(() => feed(assembler(), { messages: [message(records)] }));

/** The answer to an IXFR as RFC 1995 section 4 orders it. */
const answerOf = (changes: readonly ZoneChange[]): ResourceRecord[] => {
  const target = changes.at(-1)!.to;
  return [target, ...changes.flatMap(({ from, to, deleted, added }) => [from, ...deleted, to, ...added]), target];
};

const hosts = fc.array(fc.integer({ min: 0, max: 99 }).map(host), { maxLength: 6 });
const changeLists = fc
  .tuple(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 1000 }), hosts, hosts), { minLength: 1, maxLength: 6 }),
  )
  .map(([first, steps]) => {
    let serial = first;
    return steps.map(([step, deleted, added]): ZoneChange => {
      const from = soa(serial);
      serial = (serial + step) % 2 ** 32;
      return { from, to: soa(serial), deleted, added };
    });
  });

describe("incremental transfers (RFC 1995)", () => {
  it("ask with the serial that we have in the authority section (section 3)", () => {
    const request = incrementalTransferMessage({ id: 9, zone: "Example.", serial: 7 });
    expect(decodeMessage(encodeMessage(request))).to.deep.equal(request);
    expect(request.questions).to.deep.equal([{ name: "example", type: "IXFR", class: "IN" }]);
    expect(request.authorities).to.have.length(1);
    expect(request.authorities[0]).to.deep.include({ name: "example", type: "SOA", serial: 7 });
  });

  it("give the changes in order, however they are cut into messages and which of those are signed", () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.boolean()), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(changeLists, sizes, (changes, cuts) => {
        const all = answerOf(changes);
        const messages: Message[] = [];
        const unsigned: number[] = [];
        for (let at = 0; at < all.length;) {
          const [size, sign] = cuts[messages.length % cuts.length]!;
          if (!sign && at > 0 && at + size < all.length) unsigned.push(messages.length);
          messages.push(message(all.slice(at, at + size), at > 0 ? { questions: [] } : {}));
          at += size;
        }
        const target = assembler(changes[0]!.from.serial);
        expect(feed(target, { messages, unsigned })).to.equal(true);
        expect(target.finish()).to.deep.equal({ kind: "incremental", changes });
      }),
    );
  });

  it("give a whole zone when the server sends one (section 4)", () => {
    const target = assembler();
    expect(feed(target, { messages: [message([soa(9), host(1)]), message([host(2), soa(9)])] })).to.equal(true);
    expect(target.finish()).to.deep.equal({ kind: "full", records: [soa(9), host(1), host(2)] });
    const bare = assembler();
    expect(feed(bare, { messages: [message([soa(9), soa(9)])] })).to.equal(true);
    expect(bare.finish()).to.deep.equal({ kind: "full", records: [soa(9)] });
  });

  it("say that nothing is newer, also when the server is behind (section 2)", () => {
    for (const serial of [7, 6, 0xfffffff0]) {
      const target = assembler();
      expect(feed(target, { messages: [message([soa(serial)])] })).to.equal(true);
      expect(target.finish()).to.deep.equal({ kind: "upToDate", soa: soa(serial) });
    }
  });

  it("need authority, but for the one SOA that changes nothing (Knot leaves AA out there)", () => {
    const flags = { ...message([]).flags, aa: false };
    expect(feed(assembler(), { messages: [message([soa(7)], { flags })] })).to.equal(true);
    const changes = [soa(9), soa(7), host(1), soa(9), soa(9)];
    expect(failureOf(() => feed(assembler(), { messages: [message(changes, { flags })] })).kind).to.equal(
      "notAuthoritative",
    );
    const cut = [message([soa(9)], { flags }), message(changes.slice(1), { flags })];
    expect(failureOf(() => feed(assembler(), { messages: cut })).kind).to.equal("notAuthoritative");
  });

  it("wait for more behind a single newer SOA", () => {
    const target = assembler();
    expect(feed(target, { messages: [message([soa(9)])] })).to.equal(false);
    expect(failureOf(() => target.finish()).kind).to.equal("incomplete");
    const two = assembler();
    const cut = [message([soa(9)]), message([soa(7), soa(9), host(1), soa(9)])];
    expect(feed(two, { messages: cut })).to.equal(true);
    const changes = [{ from: soa(7), to: soa(9), deleted: [], added: [host(1)] }];
    expect(two.finish()).to.deep.equal({ kind: "incremental", changes });
  });

  it("are incomplete when the stream ends between two changes", () => {
    const target = assembler();
    const answers = [soa(9), soa(7), host(1), soa(8), host(2)];
    expect(feed(target, { messages: [message(answers)] })).to.equal(false);
    expect(failureOf(() => target.finish()).kind).to.equal("incomplete");
  });

  it("are refused when records are where they may not be", () => {
    const bad: Record<string, ResourceRecord[]> = {
      "no SOA at first": [host(1), soa(9)],
      "from a serial that we don't have": [soa(9), soa(6), soa(9), soa(9)],
      "a gap between two changes": [soa(9), soa(7), soa(8), soa(7), soa(9), soa(9)],
      "a change that leads back": [soa(9), soa(7), soa(6), soa(9)],
      "another closing serial": [soa(9), soa(7), soa(9), soa(8)],
      "another closing serial of a whole zone": [soa(9), host(1), soa(8)],
      "behind the closing SOA": [soa(9), soa(7), soa(9), soa(9), host(1)],
      "out of zone": [soa(9), soa(7), { ...host(1), name: "h.other" }, soa(9), soa(9)],
      "SOA below the apex": [soa(9), { ...soa(7), name: "sub.example" }, soa(9), soa(9)],
    };
    for (const [name, records] of Object.entries(bad)) expect(failure(records).kind, name).to.equal("outOfOrder");
  });

  it("are refused for another question, without a signature at the end, and beyond the limits", () => {
    const whole = [soa(9), soa(7), host(1), soa(9), soa(9)];
    const axfr = transferAnswer("AXFR", whole);
    expect(failureOf(() => feed(assembler(), { messages: [axfr] })).kind).to.equal("wrongQuestion");
    const cut = [message(whole.slice(0, 2)), message(whole.slice(2))];
    expect(failureOf(() => feed(assembler(), { messages: cut, unsigned: [1] })).kind).to.equal("unsigned");
    expect(failureOf(() => feed(assembler(7, { records: 4 }), { messages: cut }))).to.deep.equal({
      kind: "tooLarge",
      limit: "records",
    });
    expect(failureOf(() => feed(assembler(), { messages: [message([], { rcode: 4 })] }))).to.deep.equal({
      kind: "rcode",
      rcode: "NOTIMP",
    });
  });
});
