import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { planOf, stacks } from "./plans";

const folder = join(__dirname, "plans");

describe("what the example stacks deploy (npm run golden writes it anew)", function () {
  this.timeout(60_000);

  it("has a file for each stack, and no other", () => {
    expect(readdirSync(folder).toSorted()).to.deep.equal(
      Object.keys(stacks)
        .map((name) => `${name}.yaml`)
        .toSorted(),
    );
  });

  for (const stack of Object.keys(stacks)) {
    it(`is what ${stack}.yaml says`, async () => {
      expect(await planOf(stack)).to.equal(readFileSync(join(folder, `${stack}.yaml`), "utf8"));
    });
  }
});
