import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rules } from "../../../policy/rules";

describe("the guide of the policy pack", () => {
  it("says of each rule what it says of itself", () => {
    const guide = readFileSync(join(__dirname, "../../../docs/guides/pull-requests.md"), "utf8");
    const rows = [...guide.matchAll(/^\| `([a-z]+-[a-z]+)` \| (.+) \|$/gm)].map(([, name, text]) => [name, text]);
    expect(rows).to.deep.equal(rules.map(({ name, description }) => [name, description]));
  });
});
