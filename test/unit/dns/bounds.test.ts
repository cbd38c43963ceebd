import { expect } from "chai";
import fc from "fast-check";

import { DnsError } from "../../../src/dns/errors";
import { FrameReader } from "../../../src/dns/framing";
import { IncrementalAssembler } from "../../../src/dns/incremental";
import { decodeMessage, encodeMessage } from "../../../src/dns/message";
import { decodeServiceBinding, encodeServiceBinding } from "../../../src/dns/rdata/service-types";
import { decodeNaptr } from "../../../src/dns/rdata/text-types";
import { decodeTlsa } from "../../../src/dns/rdata/trust-types";
import { TransferAssembler } from "../../../src/dns/transfer";
import { signMessage, verifyMessage } from "../../../src/dns/tsig";
import { locateTsig } from "../../../src/dns/tsig-record";
import { typeNumber } from "../../../src/dns/types";
import { messages } from "../../../harness/dns/arbitraries";
import { key, now, requestMac, soa, transferAnswer, zone } from "../../../harness/dns/zone-builders";

/** What `work` gives or refuses with; anything but the codec's own error is thrown. */
function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof DnsError) return error.failure;
    throw error;
  }
}

/** Everything that reads what comes from the network. */
const readers: Record<string, (bytes: Uint8Array) => unknown> = {
  messages: decodeMessage,
  "the place of TSIG": locateTsig,
  signatures: (bytes) => verifyMessage({ message: bytes, keys: [key], now, requestMac }).mac,
  frames: (bytes) => new FrameReader().push(bytes),
  "service bindings": decodeServiceBinding,
  TLSA: decodeTlsa,
  NAPTR: decodeNaptr,
  transfers: (bytes) => {
    const assembler = new TransferAssembler({ zone, id: 5, key, requestMac });
    return assembler.push(bytes, now) && assembler.finish();
  },
  "incremental transfers": (bytes) => {
    const assembler = new IncrementalAssembler({ zone, id: 5, key, requestMac, serial: 7 });
    return assembler.push(bytes, now) && assembler.finish();
  },
};

const binding = encodeServiceBinding({
  priority: 1,
  target: "a.example",
  parameters: [
    { key: "alpn", ids: ["h2", "h3"] },
    { key: "ipv4hint", addresses: ["192.0.2.1"] },
  ],
});
const naptr = Buffer.from("\x00\x01\x00\x02\x01u\x07E2U+sip\x02!!\x01a\x07example\x00", "latin1");
const transfer = (type: "AXFR" | "IXFR") =>
  signMessage({ message: encodeMessage(transferAnswer(type, [soa(9), soa(9)])), key, now, requestMac }).bytes;

const octets = fc.oneof(
  messages.map((message) => signMessage({ message: encodeMessage(message), key, now, requestMac }).bytes),
  fc.constantFrom(Buffer.from(binding), naptr, transfer("AXFR"), transfer("IXFR")),
);

describe("readers", () => {
  for (const [what, read] of Object.entries(readers))
    it(`read nothing outside of what they are given, however it is cut: ${what}`, () => {
      const around = fc.uint8Array({ minLength: 300, maxLength: 300 });
      fc.assert(
        fc.property(octets, fc.nat(), around, (whole, cut, other) => {
          const part = whole.subarray(0, cut % 3 === 0 ? whole.length : cut % (whole.length + 1));
          const place = Buffer.concat([other.subarray(0, 20), part, other.subarray(20)]);
          const surrounded = place.subarray(20, 20 + part.length);
          expect(outcomeOf(() => read(surrounded))).to.deep.equal(outcomeOf(() => read(Buffer.from(part))));
        }),
        { numRuns: 300 },
      );
    });
});

describe("the largest messages", () => {
  const long = `${`3f${"00".repeat(63)}`.repeat(3)}3d${"00".repeat(61)}00`;
  const pointer = "c00c";
  /** Types whose RDATA holds names, with nothing but pointers to the longest of all. */
  const rdata: Record<string, string> = {
    NS: pointer,
    CNAME: pointer,
    DNAME: pointer,
    SOA: `${pointer.repeat(2)}${"00".repeat(20)}`,
    MX: `0001${pointer}`,
    SRV: `000100020003${pointer}`,
    RP: pointer.repeat(2),
    AFSDB: `0001${pointer}`,
    NAPTR: `00010002000000${pointer}`,
    TXT: "00".repeat(2),
    CAA: "000161",
    TYPE65280: "",
  };

  for (const [type, data] of Object.entries(rdata))
    // What they take is bounded by what they give: a decoder that did more than that for each octet would not end before the test has to.
    it(`give little for each octet when they are full of ${type}`, () => {
      const fields = Buffer.alloc(10);
      fields.writeUInt16BE(typeNumber(type), 0);
      fields.writeUInt16BE(1, 2);
      fields.writeUInt16BE(data.length / 2, 8);
      const record = Buffer.concat([Buffer.from(pointer, "hex"), fields, Buffer.from(data, "hex")]);
      const question = Buffer.from(`${long}00010001`, "hex");
      const count = Math.floor((0xffff - 12 - question.length) / record.length);
      const header = Buffer.from("000180000001000000000000", "hex");
      header.writeUInt16BE(count, 6);
      const bytes = Buffer.concat([header, question, ...Array<Buffer>(count).fill(record)]);
      const result = decodeMessage(bytes);
      expect(result.answers).to.have.length(count);
      expect(JSON.stringify(result).length / bytes.length).to.be.lessThan(400);
    });
});
