import { expect } from "chai";
import { ownerNameProblem, parseUpdaters } from "../../../src/records/updater";

describe("updaters", () => {
  const good = {
    ...{ name: "external-dns", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 7).toString("base64") },
    ...{ zones: ["standard-1.internal.dns"], updateOwner: "name", updateOwnerMatch: "pattern" },
    ...{ updateOwnerName: ["_acme-challenge.*"], updateType: ["TXT"], transfer: false },
  };

  it("are read as the site's stack writes them", () => {
    expect(parseUpdaters([good])).to.deep.equal([good]);
    expect(parseUpdaters([])).to.deep.equal([]);
  });

  it("are refused with a field that Knot would not take, by its path", () => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ updateOwner: "anything" }, /updaters\[0\]\.updateOwner must be one of zone, key, name/],
      [{ updateOwnerMatch: "like" }, /updaters\[0\]\.updateOwnerMatch must be one of/],
      [{ updateOwnerName: ['a", evil: "'] }, /updaters\[0\]\.updateOwnerName\[0\] must be a name/],
      [{ updateType: ["SOA"] }, /updaters\[0\]\.updateType must be types out of/],
      [{ updateType: [] }, /updaters\[0\]\.updateType/],
      [{ zones: ["no zone"] }, /updaters\[0\]\.zones\[0\]/],
      [{ secret: "short" }, /updaters\[0\]\.secret must be base64/],
    ];
    for (const [change, message] of wrong) expect(() => parseUpdaters([{ ...good, ...change }])).to.throw(message);
  });

  it("have names within the zone, absolute ones, the apex and wildcards", () => {
    for (const name of ["apps", "@", "a.b", "*", "*.apps", "_acme-challenge.*", "www.standard-1.internal.dns."])
      expect(ownerNameProblem(name), name).to.equal(undefined);
    for (const name of ["", ".", "a..b", "A", "-a", "a b", 'a"', "@.a", "x".repeat(64)])
      expect(ownerNameProblem(name), name).to.be.a("string");
  });
});
