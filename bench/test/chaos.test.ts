import { expect } from "chai";

import { run } from "../../harness/tools/run";

describe("a minute of chaos", function () {
  this.timeout(300_000);

  it("breaks no rule, with two pods a site", async () => {
    const args = ["--minutes", "1", "--seed", "5", "--sites", "3", "--replicas", "2", "--patience", "4"];
    const printed = await run("npm", ["run", "--silent", "chaos", "--", ...args, "--shrink", "no", "--json"], {
      timeoutMs: 280_000,
    });
    const { answers, changes, faults } = JSON.parse(printed.trimEnd().split("\n").at(-1) ?? "") as {
      readonly answers: { readonly tried: number; readonly wrong: number };
      readonly changes: { readonly acknowledged: number; readonly lost: number };
      readonly faults: number;
    };
    expect([answers.wrong, changes.lost]).to.deep.equal([0, 0]);
    expect(Math.min(answers.tried, changes.acknowledged, faults)).to.be.greaterThan(0);
  });
});
