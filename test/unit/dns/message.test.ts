import { expect } from "chai";
import fc from "fast-check";

import { DnsError } from "../../../src/dns/errors";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import type { ResourceRecord } from "../../../src/dns/record";
import { locateTsig } from "../../../src/dns/tsig-record";
import { messages } from "../../../harness/dns/arbitraries";
import { failureOf } from "./failure";

const empty: Message = {
  id: 1,
  flags: noFlags,
  rcode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ""), "hex");

/** Decodes and looks for TSIG; whatever is thrown must be a DnsError. */
function decodeHostile(bytes: Uint8Array): void {
  for (const read of [decodeMessage, locateTsig]) {
    try {
      read(bytes);
    } catch (error) {
      expect(error).to.be.instanceOf(DnsError);
      expect((error as DnsError).failure.kind).to.equal("malformed");
    }
  }
}

/** What `work` gives or refuses with. */
function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof DnsError) return error.failure;
    throw error;
  }
}

describe("messages", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).to.deep.equal(message);
      }),
      { numRuns: 500 },
    );
  });

  it("are refused for random octets with a DnsError, never with anything else", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), decodeHostile), { numRuns: 1000 });
  });

  it("survive any mutation of a good message with a result or a DnsError", () => {
    const mutation = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(messages, mutation, fc.nat(), (message, changes, cut) => {
        const bytes = encodeMessage(message);
        decodeHostile(bytes.subarray(0, cut % (bytes.length + 1)));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decodeHostile(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it("never depend on octets outside of them", () => {
    const around = fc.uint8Array({ minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(messages, fc.nat(), around, (message, cut, octets) => {
        const bytes = encodeMessage(message);
        const part = bytes.subarray(0, cut % 3 === 0 ? bytes.length : cut % (bytes.length + 1));
        const surrounded = Buffer.concat([octets.subarray(0, 20), part, octets.subarray(20)]).subarray(
          20,
          20 + part.length,
        );
        for (const read of [decodeMessage, locateTsig])
          expect(outcomeOf(() => read(surrounded))).to.deep.equal(outcomeOf(() => read(Buffer.from(part))));
      }),
      { numRuns: 300 },
    );
  });

  it("take no more than a bounded multiple of their octets, however names are folded", () => {
    const long = hex(`${`3f${"00".repeat(63)}`.repeat(3)} 3d${"00".repeat(61)} 00`);
    const questions = [Buffer.concat([long, hex("0001 0001")])];
    for (let length = 12 + questions[0]!.length; length + 6 <= 0xffff; length += 6)
      questions.push(hex("c00c 0001 0001"));
    const header = hex("0001 0000 0000 0000 0000 0000");
    header.writeUInt16BE(questions.length, 4);
    const bytes = Buffer.concat([header, ...questions]);
    const decoded = decodeMessage(bytes);
    expect(decoded.questions).to.have.length(questions.length);
    expect(JSON.stringify(decoded).length / bytes.length).to.be.lessThan(400);
  });

  it("compress names of the types of RFC 1035, and none of others (RFC 3597 section 4)", () => {
    const common = { name: "example", class: "IN", ttl: 60 } as const;
    const size = (record: ResourceRecord) => encodeMessage({ ...empty, answers: [record] }).length;
    const owner = 12 + 9 + 10;
    expect(size({ ...common, type: "NS", target: "ns.example" })).to.equal(owner + 3 + 2);
    expect(size({ ...common, type: "DNAME", target: "ns.example" })).to.equal(owner + 12);
    expect(size({ ...common, type: "SRV", priority: 1, weight: 2, port: 3, target: "ns.example" })).to.equal(
      owner + 6 + 12,
    );
  });

  it("unfold compressed names in types that are carried as octets", () => {
    const rp = hex("0001 8000 0000 0001 0000 0000  0161 00 0011 0001 0000003c 0004  c00c c00c");
    const [record] = decodeMessage(rp).answers;
    expect(record).to.deep.include({ type: "OTHER", typeName: "RP", rdata: new Uint8Array(hex("016100 016100")) });
  });

  it("carry types without a mnemonic as TYPE1234 (RFC 3597 section 5)", () => {
    const record: ResourceRecord = {
      name: "a",
      class: "IN",
      ttl: 1,
      type: "OTHER",
      typeName: "TYPE65280",
      rdata: Uint8Array.of(1, 2, 3),
    };
    const bytes = encodeMessage({ ...empty, answers: [record] });
    expect(bytes.readUInt16BE(15)).to.equal(65280);
    expect(decodeMessage(bytes).answers).to.deep.equal([record]);
  });

  it("refuse a name that points to itself, ahead, or in a circle", () => {
    const question = (name: string) => hex(`0001 0000 0001 0000 0000 0000 ${name} 0001 0001`);
    for (const name of ["c00c", "c00e", "0161 c00c", "0161 c00e", "c0ff"])
      expect(failureOf(() => decodeMessage(question(name))).kind, name).to.equal("malformed");
    for (const name of ["40 00", "80 00"])
      expect(failureOf(() => decodeMessage(question(name))).kind, name).to.equal("malformed");
  });

  it("refuse names over 255 octets that grow by compression", () => {
    const label = `3f${"61".repeat(63)}`;
    const header = "0001 0000 0002 0000 0000 0000";
    const first = `${label.repeat(3)}00 0001 0001`;
    expect(decodeMessage(hex(`${header}${first} c00c 0001 0001`)).questions).to.have.length(2);
    const longer = hex(`${header}${first}${label} c00c 0001 0001`);
    expect(failureOf(() => decodeMessage(longer)).kind).to.equal("malformed");
  });

  it("read each name once, so that a message that chains its pointers stays within the limit on them", () => {
    const header = hex("0001 0000 0000 0000 0000 0000");
    const chain = [header, hex("00 0001 0001")];
    for (let target = 12, at = 17; at < 0x3ff0; target = at, at += 6)
      chain.push(Buffer.from([0xc0 | (target >> 8), target & 0xff, 0, 1, 0, 1]));
    header.writeUInt16BE(chain.length - 1, 4);
    expect(decodeMessage(Buffer.concat(chain)).questions).to.have.length(chain.length - 1);
    header.writeUInt16BE(0x1fff, 4);
    decodeHostile(Buffer.concat(chain));
  });

  it("refuse octets behind the last record, and RDATA that is too short or too long", () => {
    const good = encodeMessage({
      ...empty,
      answers: [{ name: "a", class: "IN", ttl: 1, type: "A", address: "192.0.2.1" }],
    });
    expect(failureOf(() => decodeMessage(Buffer.concat([good, Buffer.alloc(1)]))).kind).to.equal("malformed");
    for (const length of [0, 3, 5, 0xffff]) {
      const bad = Buffer.from(good);
      bad.writeUInt16BE(length, bad.length - 6);
      expect(failureOf(() => decodeMessage(bad)).kind, String(length)).to.equal("malformed");
    }
  });

  it("cannot be written with values that have no place on the wire", () => {
    const bad: ResourceRecord[] = [
      { name: "a..b", class: "IN", ttl: 1, type: "A", address: "192.0.2.1" },
      { name: "a", class: "IN", ttl: -1, type: "A", address: "192.0.2.1" },
      { name: "a", class: "IN", ttl: 1, type: "A", address: "192.0.2.256" },
      { name: "a", class: "IN", ttl: 1, type: "TXT", strings: [] },
      { name: "a", class: "IN", ttl: 1, type: "TXT", strings: ["x".repeat(256)] },
      { name: "a", class: "IN", ttl: 1, type: "TXT", strings: ["\u20ac"] },
      { name: "a", class: "IN", ttl: 1, type: "OTHER", typeName: "TYPE65536", rdata: new Uint8Array() },
      { name: "a", class: "IN", ttl: 1, type: "OTHER", typeName: "constructor", rdata: new Uint8Array() },
    ];
    for (const record of bad)
      expect(failureOf(() => encodeMessage({ ...empty, answers: [record] })).kind).to.equal("malformed");
    expect(failureOf(() => encodeMessage({ ...empty, rcode: 16 })).kind).to.equal("malformed");
    const huge: ResourceRecord = { name: "a", class: "IN", ttl: 1, type: "TXT", strings: ["x".repeat(255)] };
    expect(failureOf(() => encodeMessage({ ...empty, answers: Array<ResourceRecord>(300).fill(huge) }))).to.deep.equal({
      kind: "tooLarge",
      limit: "octets",
    });
  });
});
