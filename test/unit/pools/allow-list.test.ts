import { expect } from "chai";

import { UserError } from "../../../src/base/errors";
import { isAllowed, parseAllowed } from "../../../src/pools/allow-list";

describe("what may be probed", () => {
  const list = ["10.20.0.0/16@443", "192.0.2.7/32@8000-8100", "2001:db8::/33@80"].map(parseAllowed);
  const cases: readonly [address: string, port: number, isAllowed: boolean][] = [
    ["10.20.255.255", 443, true],
    ["10.20.255.255", 80, false],
    ["10.21.0.0", 443, false],
    ["192.0.2.7", 8000, true],
    ["192.0.2.7", 8100, true],
    ["192.0.2.7", 8101, false],
    ["192.0.2.6", 8000, false],
    ["2001:db8:7fff::1", 80, true],
    ["2001:db8:8000::1", 80, false],
    ["::ffff:10.20.0.1", 443, true],
    ["::ffff:10.21.0.1", 443, false],
    ["::10.20.0.1", 443, false],
    ["localhost", 443, false],
    ["", 443, false],
  ];
  for (const [address, port, expected] of cases)
    it(`${expected ? "lets" : "does not let"} ${address} at ${port} be probed`, () => {
      expect(isAllowed(list, { address, port })).to.equal(expected);
    });

  it("lets nothing be probed where nothing is listed", () => {
    expect(isAllowed([], { address: "10.20.0.1", port: 443 })).to.be.false;
  });

  it("takes all addresses of a family for what it is", () => {
    const all = [parseAllowed("0.0.0.0/0@1-65535")];
    expect(isAllowed(all, { address: "203.0.113.9", port: 65_535 })).to.be.true;
    expect(isAllowed(all, { address: "2001:db8::1", port: 80 })).to.be.false;
  });

  for (const text of ["10.0.0.0/8", "10.0.0.0@80", "10.0.0.0/33@80", "::/129@80", "10.0.0.0/8@0", "10.0.0.0/8@65536"])
    it(`refuses "${text}"`, () => {
      expect(() => parseAllowed(text)).to.throw(UserError, "must have the form NETWORK@PORT");
    });
  for (const text of ["10.0.0.0/8@90-80", "x/8@80", "10.0.0.0/8@80-", "", "10.0.0.0/8 @80"])
    it(`refuses "${text}"`, () => {
      expect(() => parseAllowed(text)).to.throw(UserError, "must have the form NETWORK@PORT");
    });
});
