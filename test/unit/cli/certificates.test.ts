import { expect } from "chai";
import { isoTime } from "../../../src/cli/certificates";

describe("dates of a certificate", () => {
  it("are read as they are written, and an odd one is none", () => {
    expect(isoTime("Nov 29 12:00:00 2026 GMT")).to.equal("2026-11-29T12:00:00.000Z");
    for (const odd of ["Bad time value", "", "Nov 99 12:00:00 2026 GMT"]) expect(isoTime(odd)).to.equal(undefined);
  });
});
