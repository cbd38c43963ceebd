import { expect } from "chai";
import fc from "fast-check";

import { decodeNaptr, encodeNaptr } from "../../../src/dns/rdata/text-types";
import { decodeTlsa, encodeTlsa } from "../../../src/dns/rdata/trust-types";
import { names } from "../../../harness/dns/arbitraries";
import { failureOf } from "./failure";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const text = fc.uint8Array({ maxLength: 30 }).map((each) => Buffer.from(each).toString("latin1"));
const hex = (wire: string) => new Uint8Array(Buffer.from(wire.replace(/\s+/g, ""), "hex"));

describe("RDATA that is carried as octets", () => {
  it("comes back as it was written: TLSA (RFC 6698)", () => {
    const tlsa = fc.record({
      usage: u8,
      selector: u8,
      matchingType: u8,
      data: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    });
    fc.assert(
      fc.property(tlsa, (each) => {
        expect(decodeTlsa(encodeTlsa(each))).to.deep.equal(each);
      }),
    );
    expect(encodeTlsa({ usage: 3, selector: 1, matchingType: 1, data: hex("abcd") })).to.deep.equal(hex("030101abcd"));
  });

  it("comes back as it was written: NAPTR (RFC 3403)", () => {
    const naptr = fc.record({
      order: u16,
      preference: u16,
      flags: text,
      services: text,
      regexp: text,
      replacement: names,
    });
    fc.assert(
      fc.property(naptr, (each) => {
        expect(decodeNaptr(encodeNaptr(each))).to.deep.equal(each);
      }),
    );
  });

  it("is refused when it is cut, padded, or compressed", () => {
    for (const bad of ["", "0301", "030101"])
      expect(failureOf(() => decodeTlsa(hex(bad))).kind, bad).to.equal("malformed");
    for (const bad of ["", "0001 0002", "0001 0002 0175 00", "0001 0002 00 00 00 00 ff", "0001 0002 00 00 00 c002"])
      expect(failureOf(() => decodeNaptr(hex(bad))).kind, bad).to.equal("malformed");
    const empty = { usage: 3, selector: 1, matchingType: 1, data: new Uint8Array() };
    expect(failureOf(() => encodeTlsa(empty)).kind).to.equal("malformed");
  });
});
