import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../../src/base/errors";
import { absolute } from "../../../src/dns/name";
import { decodeRdata, encodeRdata, formatRdata, formatRecord, parseRdata, readsType } from "../../../src/dns/rdata";
import type { RecordData } from "../../../src/dns/record";
import { quoted, tokensOf } from "../../../src/dns/tokens";
import { typeName, typeNumber } from "../../../src/dns/types";
import { WireReader, WireWriter } from "../../../src/dns/wire";
import { names } from "../../../harness/dns/arbitraries";

const read = (type: string, text: string): RecordData =>
  parseRdata({ type, tokens: tokensOf(text), origin: "example.org" });

const number = (max: number) => fc.integer({ min: 0, max }).map(String);
const [u8, u16, u32] = [number(0xff), number(0xffff), number(0xffffffff)];
const name = names.map(absolute);
const octets = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength }).map((each) => Buffer.from(each));
const string = octets(40).map((each) => quoted(each.toString("latin1")));
const hex = octets(40).map((each) => each.toString("hex"));
const upperHex = hex.map((each) => each.toUpperCase());
const base64 = octets(40).map((each) => each.toString("base64"));
const salt = fc.oneof(fc.constant("-"), hex);
const strings = fc.array(string, { minLength: 1, maxLength: 3 }).map((all) => all.join(" "));
const four = fc.ipV4();

/** The fields of each type, as we write them. */
const fields: Readonly<Record<string, readonly fc.Arbitrary<string>[]>> = {
  ...{ A: [four], NS: [name], CNAME: [name], PTR: [name], DNAME: [name], TXT: [strings], SPF: [strings] },
  ...{ SOA: [name, name, u32, u32, u32, u32, u32], MX: [u16, name], SRV: [u16, u16, u16, name] },
  ...{ MINFO: [name, name], RP: [name, name], AFSDB: [u16, name], RT: [u16, name], KX: [u16, name], LP: [u16, name] },
  ...{ HINFO: [string, string], CAA: [u8, fc.constantFrom("issue", "iodef"), string], URI: [u16, u16, string] },
  ...{ NAPTR: [u16, u16, string, string, string, name], RESINFO: [strings], WALLET: [strings] },
  ...{ DS: [u16, u8, u8, upperHex], CDS: [u16, u8, u8, upperHex], DNSKEY: [u16, u8, u8, base64] },
  ...{ CDNSKEY: [u16, u8, u8, base64], NSEC3PARAM: [u8, u8, u16, salt], SSHFP: [u8, u8, hex] },
  ...{ TLSA: [u8, u8, u8, hex], SMIMEA: [u8, u8, u8, hex], ZONEMD: [u32, u8, u8, hex] },
  ...{ OPENPGPKEY: [base64], DHCID: [base64] },
};

describe("each record type", () => {
  for (const [type, parts] of Object.entries(fields))
    it(`is written as it was read, and takes the way over the wire: ${type}`, () => {
      fc.assert(
        fc.property(fc.tuple(...parts), (words) => {
          const text = words.join(" ");
          const data = read(type, text);
          expect(formatRdata(data)).to.equal(text);
          const writer = new WireWriter({ compresses: false });
          encodeRdata(writer, data);
          const octets = writer.finish();
          const source = { type: typeNumber(type), class: "IN" as const, length: octets.length };
          expect(decodeRdata(new WireReader(octets), source)).to.deep.equal(data);
          expect(read(type, `\\# ${octets.length} ${octets.toString("hex")}`)).to.deep.equal(data);
        }),
        { numRuns: 100 },
      );
    });

  it("has a number, also those that nobody writes any more (IANA, DNS Parameters)", () => {
    const numbers = { KEY: 25, "NSAP-PTR": 23, IPSECKEY: 45, HIP: 55, NID: 104, DSYNC: 66, AMTRELAY: 260, DLV: 32769 };
    for (const [type, value] of Object.entries(numbers)) {
      expect(typeNumber(type)).to.equal(value);
      expect(typeName(value)).to.equal(type);
      expect(readsType(type, tokensOf("1 2 3"))).to.equal(false);
    }
    for (const bad of ["FOO", "TYPE65536", "TYPE", "constructor", ""])
      expect(() => readsType(bad, []), bad).to.throw(UserError, "is no record type");
  });

  it("is called by its number where it is written as octets, since servers differ in the names that they know", () => {
    const record = (type: string, text: string) =>
      formatRecord({ name: "x", class: "IN", ttl: 60, ...read(type, text) });
    expect(record("KEY", "\\# 4 00000308")).to.equal("x. 60 IN TYPE25 \\# 4 00000308");
    expect(record("MB", "\\# 3 016100")).to.equal("x. 60 IN TYPE7 \\# 3 016100");
    expect(record("DS", "\\# 1 00")).to.equal("x. 60 IN TYPE43 \\# 1 00");
    expect(record("DS", "1 RSASHA256 sha-256 AB cd")).to.equal("x. 60 IN DS 1 8 2 ABCD");
    expect(record("MX", "10 a.")).to.equal("x. 60 IN MX 10 a.");
  });

  it("given as octets means what its text means, whatever the case of its names", () => {
    expect(read("SVCB", "\\# 7 0001 0141 0142 00")).to.deep.equal(read("SVCB", "1 a.b."));
    expect(read("NAPTR", "\\# 13 0001 0002 0175 00 00 0141 0142 00")).to.deep.equal(read("NAPTR", '1 2 u "" "" a.b.'));
  });
});
