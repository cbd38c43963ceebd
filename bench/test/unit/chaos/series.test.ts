import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { UserError } from "../../../../src/base/errors";
import { type GuardRun, guardTable } from "../../../chaos/guard-runs";
import {
  extrasOf,
  type KeptRun,
  missingSeeds,
  parseLines,
  seedsOf,
  seedText,
  seriesTables,
} from "../../../chaos/series";
import { withBlock } from "../../../support/markdown";

const shape = { minutes: 3, sites: 3, replicas: 2 };
const kind = {
  ...{ rounds: 1, tried: 100, wrong: 0, lost: 7, withheld: 0, lostElsewhere: 1 },
  ...{ recoverMs: { p50: 900, max: 900 }, healedMs: [900] },
};

function runOf(seed: number, changes: Partial<KeptRun> = {}): KeptRun {
  return {
    ...{
      ...shape,
      seed,
      faults: 20,
      extras: extrasOf(seed),
      at: "2026-11-29T14:00:00.000Z",
      commit: "abc",
      cpuSeconds: 90,
    },
    ...{ answers: { tried: 1000, wrong: 0, lost: 20, withheld: 1 }, changes: { acknowledged: 500, lost: 0 } },
    ...{ recoverMs: { p50: 900, max: 4000 }, waited: { p50: 1, max: 50, suiteMs: 90 }, violations: [] },
    kinds: { cut: kind, "away + cut": { ...kind, healedMs: [4000, 100] } },
    ...changes,
  };
}

describe("a series of chaos", () => {
  it("has the seeds that are named, each once", () => {
    expect(seedsOf("3,7-9,8")).to.deep.equal([3, 7, 8, 9]);
    for (const wrong of ["", "a", "9-7", "1-", "1,,2", "1-99999999"]) expect(seedsOf(wrong)).to.equal(undefined);
  });

  it("has nothing, an API server, Vault, and both, in turns", () => {
    expect([4, 5, 6, 7].map(extrasOf)).to.deep.equal([[], ["api"], ["vault"], ["api", "vault"]]);
  });

  it("leaves out the seeds of which a run of the same shape was kept", () => {
    const kept = [runOf(1), runOf(2, { minutes: 1 })];
    expect(missingSeeds([1, 2, 3], kept, shape)).to.deep.equal([2, 3]);
  });

  it("is read line by line, and says which line is no run", () => {
    const text = `${JSON.stringify(runOf(1))}\n${JSON.stringify(runOf(2))}\n`;
    expect((parseLines(text, "results.jsonl") as readonly KeptRun[]).map(({ seed }) => seed)).to.deep.equal([1, 2]);
    expect(() => parseLines(`${text}{"seed"`, "results.jsonl")).to.throw(UserError, "results.jsonl:3 is no run");
  });

  it("says which seeds ran on which revision, the first one first, and in which a rule was broken", () => {
    const violation = { rule: "stale", site: "site-a", detail: "d", at: 3, times: 2 } as const;
    const later = { commit: "def", at: "2026-11-30T09:00:00.000Z" };
    const runs = [
      ...[runOf(7, later), runOf(3), runOf(1), runOf(2)],
      runOf(9, { ...later, violations: [violation, { ...violation, site: "site-b" }] }),
    ];
    expect(seriesTables(runs).split("\n").slice(2, 4)).to.deep.equal([
      "| `abc` | 2026-11-29 | 3 | 1-3 | none |",
      "| `def` | 2026-11-30 | 2 | 7, 9 | 9: `stale` |",
    ]);
    expect(seedText([5, 4, 9, 6, 5])).to.equal("4-6, 9");
  });

  it("has a row for what was beside the sites, one for all, and one for each fault", () => {
    const rows = seriesTables([runOf(4), runOf(8), runOf(5)])
      .split("\n")
      .slice(4)
      .filter((line) => /^\| \S/.test(line) && !line.startsWith("|  |"));
    expect(rows).to.deep.equal([
      "| sites alone | 2 | 6 | 40 | 2,000 | 0 | 2 | 40 | 4 | 1,000 | 0 | 0.9 s, 4.0 s | 90 s |",
      "| with api | 1 | 3 | 20 | 1,000 | 0 | 1 | 20 | 2 | 500 | 0 | 0.9 s, 4.0 s | 90 s |",
      "| **all** | 3 | 9 | 60 | 3,000 | 0 | 3 | 60 | 6 | 1,500 | 0 | 0.9 s, 4.0 s | 90 s |",
      "| fault | rounds | answers tried | wrong | lost | elsewhere | healed p50, max |",
      "| `cut` | 3 | 300 | 0 | 21 | 3 | 0.9 s, 0.9 s |",
      "| 2 at a time | 3 | 300 | 0 | 21 | 3 | 0.1 s, 4.0 s |",
    ]);
  });

  it("is in the document as it was kept, and so is what was found with guards broken", () => {
    const root = join(__dirname, "..", "..", "..", "..");
    const kept = (name: string): readonly unknown[] =>
      parseLines(readFileSync(join(root, "bench", "chaos", name), "utf8"), name);
    const document = readFileSync(join(root, "docs", "reliability.md"), "utf8");
    const script = "npm run chaos:series";
    const series = withBlock(document, {
      name: "series",
      script,
      text: seriesTables(kept("results.jsonl") as readonly KeptRun[]),
    });
    const written = withBlock(series, {
      name: "guards",
      script,
      text: guardTable(kept("guard-results.jsonl") as readonly GuardRun[]),
    });
    expect(written, "npm run chaos:series -- --tables yes writes it").to.equal(document);
  });
});
