import { expect } from "chai";
import fc from "fast-check";

import { compareSerials, isNewerSerial, serialsBehind } from "../../../src/dns/serial";

const serial = fc.integer({ min: 0, max: 0xffffffff });

describe("serials (RFC 1982)", () => {
  it("go on beyond the largest number", () => {
    expect(compareSerials(0xffffffff, 0)).to.equal(-1);
    expect(isNewerSerial(0, 0xffffffff)).to.equal(true);
    expect(isNewerSerial(44, 100)).to.equal(false);
    expect(compareSerials(5, 5)).to.equal(0);
  });

  it("are behind by as many as are to be added, over the end of the circle too, and never when they are not older", () => {
    expect([serialsBehind(5, 9), serialsBehind(0xffffffff, 1), serialsBehind(9, 5), serialsBehind(5, 5)]).to.deep.equal(
      [4, 2, 0, 0],
    );
    expect(serialsBehind(0, 2 ** 31)).to.equal(0);
  });

  it("have no order when they are half a circle apart", () => {
    expect(compareSerials(0, 2 ** 31)).to.equal(undefined);
    expect(isNewerSerial(2 ** 31, 0)).to.equal(false);
    expect(isNewerSerial(0, 2 ** 31)).to.equal(false);
  });

  it("are newer after adding up to 2^31 - 1, and only in one direction", () => {
    fc.assert(
      fc.property(serial, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (from, step) => {
        const later = (from + step) % 2 ** 32;
        expect(isNewerSerial(later, from)).to.equal(true);
        expect(isNewerSerial(from, later)).to.equal(false);
      }),
    );
  });
});
