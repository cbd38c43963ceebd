import { expect } from "chai";
import fc from "fast-check";
import { zoneFileName, zoneNameProblem } from "../../../src/base/names";
import { parseName } from "../../../src/dns/name";

describe("a zone's name", () => {
  it("may have a slash in a reverse zone (RFC 2317 section 4), and nowhere else", () => {
    for (const name of ["0/26.2.0.192.in-addr.arpa", "64/26.2.0.192.in-addr.arpa", "0/48.8.b.d.0.1.0.0.2.ip6.arpa"])
      expect(zoneNameProblem(name), name).to.equal(undefined);
    expect(zoneNameProblem("0/26.example")).to.match(/^has the label "0\/26"; a slash may stand .*\(RFC 2317\)$/);
    for (const name of ["/26.2.0.192.in-addr.arpa", "0/.2.0.192.in-addr.arpa", "../../etc.in-addr.arpa"])
      expect(zoneNameProblem(name), name).to.match(/^has (the|an empty) label/);
  });

  it("with letters outside ASCII is refused with the name that DNS has (RFC 5891)", () => {
    for (const [name, ascii] of [
      ["bücher.example", "xn--bcher-kva.example"],
      ["bücher.例え.テスト", "xn--bcher-kva.xn--r8jz45g.xn--zckzah"],
    ] as const) {
      expect(zoneNameProblem(name)).to.equal(`has letters outside ASCII; write it as ${ascii}, which is what DNS has`);
      expect(zoneNameProblem(ascii)).to.equal(undefined);
    }
    for (const name of ["ü b.example", `${"ü".repeat(70)}.example`])
      expect(zoneNameProblem(name)).to.equal("has letters outside ASCII; write each label as DNS has it (xn--…)");
  });

  it("is spelt in DNS as it stands, and makes a file name in one folder, whatever passes", () => {
    const label = fc.string({
      unit: fc.constantFrom("a", "0", "_", "-", "/", ".", "\\", "ü"),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 1, maxLength: 4 }),
        fc.constantFrom("example", "in-addr.arpa"),
        (labels, end) => {
          const name = [...labels, end].join(".");
          if (zoneNameProblem(name) !== undefined) return;
          expect(parseName(name)).to.equal(name);
          expect(zoneFileName(name)).to.match(/^[a-z0-9_.-]+\.zone$/);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
