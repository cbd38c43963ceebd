import { expect } from "chai";
import type { Dnssec, Zone } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { keptSigned, noteSigning, toUnsign, type SigningState, withKeptSigned } from "../../../src/mesh/signing-state";
import { signedBefore, unwithdrawn } from "../../../src/preflight/withdrawn";
import { welcomePacket } from "../../../src/mesh/welcome";

const zones = (dnssec: boolean | Dnssec): Zone[] => [{ name: "z.example", dnssec }];
const mesh = (dnssec: boolean | Dnssec) =>
  parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: zones(dnssec) }],
  });

describe("how a zone was signed last", () => {
  // Before, wanted now → noted, whether it stays signed, whether it is to be unsigned.
  const table: [SigningState, boolean | Dnssec, SigningState, "kept" | "unsign" | "as wanted"][] = [
    [{}, false, {}, "as wanted"],
    [{}, true, { "z.example": true }, "as wanted"],
    [{ "z.example": true }, { nsec3: true }, { "z.example": { nsec3: true } }, "as wanted"],
    [{ "z.example": { nsec3: true } }, false, { "z.example": { nsec3: true } }, "kept"],
    [{ "z.example": true }, { withdraw: true }, { "z.example": { withdraw: true } }, "as wanted"],
    [{ "z.example": { withdraw: true } }, false, { "z.example": { withdraw: true } }, "unsign"],
    [{ "z.example": { withdraw: true } }, true, { "z.example": true }, "as wanted"],
    [{ "other.example": true }, false, {}, "as wanted"],
  ];
  for (const [before, wanted, after, outcome] of table) {
    it(`${JSON.stringify(before)} and ${JSON.stringify(wanted)} now: ${outcome}`, () => {
      const noted = noteSigning(before, zones(wanted));
      expect(noted).to.deep.equal(after);
      expect(keptSigned(noted, zones(wanted))).to.have.length(outcome === "kept" ? 1 : 0);
      expect(toUnsign(noted, zones(wanted))).to.have.length(outcome === "unsign" ? 1 : 0);
      const packet = welcomePacket(mesh(wanted), "a", "CA");
      const expected = outcome === "kept" ? before["z.example"] : parseMesh(mesh(wanted)).sites[0]!.zones[0]!.dnssec;
      expect(withKeptSigned(packet, noted).site.zones[0]!.dnssec).to.deep.equal(expected);
    });
  }
});

describe("what a list may not do to zones that were signed", () => {
  const before = (dnssec: boolean | Dnssec) => signedBefore({ a: welcomePacket(mesh(dnssec), "a", "CA") });

  it("names a zone that stops at once, where it stands and what to write", () => {
    for (const dnssec of [true, { nsec3: true }]) {
      const [problem, ...more] = unwithdrawn(before(dnssec), mesh(false));
      expect(more).to.deep.equal([]);
      expect(problem).to.match(
        /^mesh\.sites\[0\]\.zones\[0\]\.dnssec: "z\.example" is signed.*withdraw: true.*DS record is gone/,
      );
    }
  });

  it("lets go what was withdrawn, was never signed, goes on, or is new", () => {
    expect(unwithdrawn(before({ withdraw: true }), mesh(false))).to.deep.equal([]);
    expect(unwithdrawn(before(false), mesh(false))).to.deep.equal([]);
    expect(unwithdrawn(before(true), mesh({ nsec3: true }))).to.deep.equal([]);
    expect(unwithdrawn(signedBefore(undefined), mesh(false))).to.deep.equal([]);
  });

  it("takes an output that it does not understand for nothing signed", () => {
    for (const output of [null, 1, "x", { a: null }, { a: { site: { zones: "z" } } }, { a: { site: { zones: [1] } } }])
      expect(unwithdrawn(signedBefore(output), mesh(false))).to.deep.equal([]);
  });
});
