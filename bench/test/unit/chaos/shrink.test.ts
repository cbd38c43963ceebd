import { expect } from "chai";

import { type Fault, formatFaults, parseFaults } from "../../../chaos/fault";
import { shrink } from "../../../chaos/shrink";

const script = "2 3 cut site-a\n30 33 kill-knot site-b\n31 35.5 away site-a\n60 61 cut site-b";

describe("shrinking a script", () => {
  /** Shrinks the script, of which those runs break the rule that `broken` accepts. Returns what came of it, and what was run. */
  async function shrunk(at: number, broken: (faults: readonly Fault[]) => boolean) {
    const runs: string[] = [];
    const faults = parseFaults(script, ["site-a", "site-b"]);
    const found = await shrink({ faults, at, quietSeconds: 20 }, (tried) => {
      runs.push(formatFaults(tried));
      return Promise.resolve(broken(tried));
    });
    return { found: found && formatFaults(found), runs };
  }

  it("finds the one fault that breaks the rule, from the start", async () => {
    const { found, runs } = await shrunk(40, (faults) => faults.some(({ kind }) => kind === "away"));
    expect(found).to.equal("2.0 6.5 away site-a\n");
    expect(runs).to.deep.equal([
      "2.0 5.0 kill-knot site-b\n3.0 7.5 away site-a\n",
      "2.0 5.0 kill-knot site-b\n",
      "2.0 6.5 away site-a\n",
    ]);
  });

  it("keeps a round together of which each fault by itself breaks nothing", async () => {
    const { found } = await shrunk(33, (faults) => faults.length === 2);
    expect(found).to.equal("2.0 5.0 kill-knot site-b\n3.0 7.5 away site-a\n");
  });

  it("tries a round of one fault once", async () => {
    const { found, runs } = await shrunk(5, () => true);
    expect(found).to.equal("2.0 3.0 cut site-a\n");
    expect(runs).to.have.length(1);
  });

  it("finds nothing when the round by itself breaks nothing, or none had begun", async () => {
    expect((await shrunk(80, () => false)).found).to.equal(undefined);
    expect((await shrunk(1, () => true)).runs).to.deep.equal([]);
  });
});
