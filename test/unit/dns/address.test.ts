import { expect } from "chai";
import fc from "fast-check";
import { isIP } from "node:net";

import {
  canonicalAddress,
  formatIpv4,
  formatIpv6,
  ipVersion,
  isCidr,
  parseIpv4,
  parseIpv6,
} from "../../../src/dns/address";
import { DnsError } from "../../../src/dns/errors";

const reads = (parse: (text: string) => Uint8Array, text: string): boolean => {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof DnsError) return false;
    throw error;
  }
};

describe("addresses", () => {
  it("are written as RFC 5952 section 4 wants it", () => {
    const canonical = (text: string) => formatIpv6(parseIpv6(text));
    expect(canonical("2001:0DB8:0:0:0:0:0:1")).to.equal("2001:db8::1");
    expect(canonical("2001:db8:0:1:1:1:1:1")).to.equal("2001:db8:0:1:1:1:1:1");
    expect(canonical("2001:0:0:1:0:0:0:1")).to.equal("2001:0:0:1::1");
    expect(canonical("2001:db8:0:0:1:0:0:1")).to.equal("2001:db8::1:0:0:1");
    expect(canonical("::ffff:192.0.2.1")).to.equal("::ffff:c000:201");
    expect(canonical("::")).to.equal("::");
  });

  it("come back as they were written, and agree with the platform's URL parser", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        const text = formatIpv6(octets);
        expect(parseIpv6(text)).to.deep.equal(octets);
        expect(new URL(`http://[${text}]/`).hostname).to.equal(`[${text}]`);
        expect(parseIpv4(formatIpv4(octets.subarray(0, 4)))).to.deep.equal(octets.slice(0, 4));
      }),
    );
  });

  it("are told from other text as the platform does", () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-f:.]{0,24}$/),
      fc.stringMatching(/^[0-29abF:.%/ ]{0,20}$/),
    );
    fc.assert(
      fc.property(text, (each) => {
        // The platform takes an interface with it (RFC 4007 section 11), which no record can hold.
        const version = each.includes("%") ? 0 : isIP(each);
        expect(reads(parseIpv4, each), each).to.equal(version === 4);
        expect(reads(parseIpv6, each), each).to.equal(version === 6);
        expect(ipVersion(each), each).to.equal(version === 0 ? undefined : version);
        expect(canonicalAddress(each) === undefined, each).to.equal(version === 0);
      }),
      { numRuns: 5000, examples: [["::%0"], ["fe80::1%eth0"]] },
    );
  });

  it("have no zone id, no leading zeros and no fewer than four numbers", () => {
    for (const each of ["fe80::1%eth0", "010.0.0.1", "10.1", "1.2.3.4.", "", "::1::", "1:2:3:4:5:6:7:8:9", "::1 "])
      expect(ipVersion(each), each).to.equal(undefined);
  });

  it("have one canonical form", () => {
    expect(canonicalAddress("2001:0DB8::0001")).to.equal("2001:db8::1");
    expect(canonicalAddress("192.0.2.1")).to.equal("192.0.2.1");
  });

  it("make a CIDR with a prefix that fits them", () => {
    for (const each of ["10.0.0.0/8", "::/0", "2001:db8::/128"]) expect(isCidr(each), each).to.equal(true);
    for (const each of ["10.0.0.0/33", "::/129", "10.0.0.0", "10.0.0.0/8/8", "10.0.0.0/x", "fe80::%1/64"])
      expect(isCidr(each), each).to.equal(false);
  });
});
