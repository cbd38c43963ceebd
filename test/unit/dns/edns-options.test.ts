import { expect } from "chai";
import fc from "fast-check";

import { decodeEdnsOptions, encodeEdnsOptions, nsidOf } from "../../../src/dns/edns-options";
import { DnsError } from "../../../src/dns/errors";
import { encodeMessage } from "../../../src/dns/message";
import { queryMessage } from "../../../src/dns/request";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s+/g, ""), "hex"));
const options = fc.array(
  fc.record({ code: fc.integer({ min: 0, max: 0xffff }), data: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 6 },
);

describe("EDNS options", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(options, (list) => {
        expect(decodeEdnsOptions(encodeEdnsOptions(list))).to.deep.equal(list);
      }),
    );
  });

  it("are refused when one is cut short, with a DnsError and nothing else", () => {
    for (const broken of ["00", "0003", "000300", "0003 0001", "0003 0000 00"])
      expect(() => decodeEdnsOptions(hex(broken)), broken).to.throw(DnsError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        nsidOf(octets);
      }),
    );
  });

  it("ask for the server's identifier with an empty option 3, and only when that is wanted (RFC 5001 section 2.1)", () => {
    const end = (nsid: boolean) =>
      Buffer.from(encodeMessage(queryMessage({ id: 1, name: "example", type: "SOA", nsid })))
        .toString("hex")
        .slice(-30);
    expect(end(true)).to.match(/00002904d000000000000400030000$/);
    expect(end(false)).to.match(/00002904d0000000000000$/);
  });

  it("give the identifier that stands among others, and none when they cannot be read", () => {
    const nsid = Buffer.from("site-b/0/2");
    const cookie = { code: 10, data: hex("0102030405060708") };
    expect(nsidOf(encodeEdnsOptions([cookie, { code: 3, data: nsid }]))).to.deep.equal(Uint8Array.from(nsid));
    expect(nsidOf(encodeEdnsOptions([cookie]))).to.equal(undefined);
    expect(nsidOf(hex("0003 00ff 00"))).to.equal(undefined);
  });
});
