import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { compileClockShift, tornEnvironment } from "../../lab/clock";

const files = join(__dirname, "..", "..", "src", "base", "files.ts");
const [former, next] = ["former ".repeat(100), "next ".repeat(100)];

describe("a program that is killed in the middle of what it writes", () => {
  let folder: string;
  let library: string;
  let file: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "torn-"));
    library = await compileClockShift(folder);
  });
  beforeEach(async () => {
    file = join(folder, "file");
    await writeFile(file, former);
  });
  after(() => rm(folder, { recursive: true }));

  /** Returns by which signal it ended. */
  const run = (code: string, torn = join(folder, "file")): string | null => {
    const env = { ...process.env, LD_PRELOAD: library, ...tornEnvironment(torn, [folder]) };
    return spawnSync(process.execPath, ["--import=tsx", "--eval", code], { env }).signal;
  };

  it("leaves half of it in the place of the former text", async () => {
    expect(run(`require("node:fs").writeFileSync(${JSON.stringify(file)}, ${JSON.stringify(next)})`)).to.equal(
      "SIGKILL",
    );
    expect(await readFile(file, "utf8")).to.equal(next.slice(0, next.length / 2));
  });

  it("leaves the former text where a file is replaced as one step", async () => {
    const code = `require(${JSON.stringify(files)}).writeAtomically(${JSON.stringify(file)}, ${JSON.stringify(next)})`;
    expect(run(code)).to.equal("SIGKILL");
    expect(await readFile(file, "utf8")).to.equal(former);
    expect(run(code, join(folder, "none"))).to.equal(null);
    expect(await readFile(file, "utf8")).to.equal(next);
  });
});
