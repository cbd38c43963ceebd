import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandGuide, withReference } from "../../../../harness/docs/command-guide";

describe("the guide of mesh", () => {
  it("has the reference that npm run reference writes", async () => {
    const text = readFileSync(join(__dirname, "../../../..", commandGuide), "utf8");
    expect(await withReference(text)).to.equal(text);
  });
});
