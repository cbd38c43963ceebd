import { expect } from "chai";
import { ofShared, ofSite } from "../../../harness/changes";
import { effectOf } from "../../../src/settings/effects";

describe("what changed settings do to pods", () => {
  for (const { heading, changes } of [ofSite, ofShared])
    it(`is what was measured on a running mesh: ${heading}`, () => {
      for (const { name, knot, operator } of changes) expect(effectOf(name), name).to.deep.equal({ knot, operator });
    });
});
