import { expect } from "chai";
import { zoneFileProblems } from "../../../src/records/zone-file-check";
import { badZoneFiles, goodZoneFiles } from "../../../harness/dns/zone-file-samples";

describe("the text of a zone in the mesh's list", () => {
  for (const [text, says] of badZoneFiles)
    it(`is refused, with the line: ${JSON.stringify(text)}`, () => {
      const problems = zoneFileProblems(text, "z.example");
      expect(problems).to.have.lengthOf(1);
      expect(problems[0]).to.contain(says);
    });

  it("is refused with a record that Knot would leave out", () => {
    expect(
      zoneFileProblems("@ 60 SOA a. b. 1 2 3 4 5\nwww.other.example. 60 A 192.0.2.1\n", "z.example"),
    ).to.deep.equal(["line 2: www.other.example is not within the zone z.example"]);
  });

  for (const text of goodZoneFiles)
    it(`is taken: ${JSON.stringify(text)}`, () => {
      expect(zoneFileProblems(text, "z.example")).to.deep.equal([]);
    });
});
