import { expect } from "chai";
import fc from "fast-check";
import { ipVersion, isCidr } from "../../../src/base/ip";
import { parseIpv4, parseIpv6 } from "../../../src/dns/address";

const takes = (parse: (text: string) => unknown, text: string): boolean => {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("an IP address in text", () => {
  it("is one for the settings exactly when the DNS library can put it into a record", () => {
    const near = fc.string({
      unit: fc.constantFrom("0", "1", "2", "9", "a", "b", "F", ":", ".", "%", "/", " "),
      maxLength: 20,
    });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), near), (text) => {
        expect(ipVersion(text) === 4, text).to.equal(takes(parseIpv4, text));
        expect(ipVersion(text) === 6, text).to.equal(takes(parseIpv6, text));
      }),
      { numRuns: 5000 },
    );
  });

  it("has no zone id, no leading zeros and no fewer than four numbers", () => {
    for (const text of ["fe80::1%eth0", "010.0.0.1", "10.1", "1.2.3.4.", "", "::1::", "1:2:3:4:5:6:7:8:9"])
      expect(ipVersion(text), text).to.equal(undefined);
  });

  it("makes a CIDR with a prefix that fits it", () => {
    for (const text of ["10.0.0.0/8", "::/0", "2001:db8::/128"]) expect(isCidr(text), text).to.equal(true);
    for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0", "10.0.0.0/8/8", "10.0.0.0/x", "fe80::%1/64"])
      expect(isCidr(text), text).to.equal(false);
  });
});
