import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { UserError } from "../../../src/base/errors";
import { durationText, type NamedBench } from "../../support/bench";

const root = join(__dirname, "../../..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const names = Object.keys(scripts).flatMap((script) => /^bench:(.+)$/.exec(script)?.slice(1) ?? []);

async function benchOf(name: string): Promise<NamedBench> {
  const { bench } = (await import(join(root, "bench", `${name}.ts`))) as { readonly bench?: NamedBench };
  if (bench === undefined) throw new Error(`bench/${name}.ts exports no bench`);
  return bench;
}

describe("every bench", function () {
  this.timeout(60_000);

  it("is a script of its name", () => {
    expect(names).to.have.length.above(14);
    for (const name of names) expect(scripts[`bench:${name}`]).to.match(new RegExp(`tsx bench/${name}\\.ts$`));
  });

  for (const name of names) {
    it(`${name} says with --help what it measures and how long that takes, and lists --json`, async () => {
      const bench = await benchOf(name);
      expect(bench.name).to.equal(name);
      const [about = "", takes = ""] = bench.help().split("\n\n");
      expect(about).to.match(/\.$/).and.to.have.length.above(40);
      expect(takes).to.match(/^Takes some [\d.]+ (?:seconds|minutes|hours) with the defaults/);
      expect(bench.help()).to.match(/^--json +prints one JSON object on the last line$/m);
      for (const line of about.split("\n")) expect(line).to.have.length.below(141);
    });

    it(`${name} has a smallest form, which is no longer than the one by default`, async () => {
      const bench = await benchOf(name);
      expect(bench.secondsOf([...bench.smallest, "--json"])).to.be.within(1, Math.min(700, bench.secondsOf([])));
      expect(() => bench.secondsOf(["--no-such-option", "1"])).to.throw(UserError, "--no-such-option");
    });
  }

  it("tells durations as roughly as they are known", () => {
    expect([1, 42, 100, 3000, 5 * 3600].map(durationText)).to.deep.equal([
      "some 5 seconds",
      "some 45 seconds",
      "some 2 minutes",
      "some 50 minutes",
      "some 5 hours",
    ]);
  });
});
