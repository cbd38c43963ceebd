import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { KeptTexts } from "../../../components/kept-texts";

describe("texts that are kept", () => {
  let root: string;
  let made: number;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kept-texts-"));
    made = 0;
    for (const folder of ["src/deep", "packages"]) mkdirSync(join(root, folder), { recursive: true });
    write("src/deep/a.ts", "a");
    write("packages/p.js", "p");
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const write = (file: string, text: string) => {
    writeFileSync(join(root, file), text);
  };
  /** As another process asks for it. */
  const ask = (recipe = "1"): string => {
    const place = { root, source: "src", folder: join(root, "kept"), recipe };
    return new KeptTexts(place).get("x", () => {
      made += 1;
      const inputs = ["src/deep/a.ts", "packages/p.js"];
      return { text: inputs.map((file) => readFileSync(join(root, file), "utf8")).join(""), inputs, sources: inputs };
    }).text;
  };

  it("are made once while nothing changes", () => {
    expect([ask(), ask(), ask()]).to.deep.equal(["ap", "ap", "ap"]);
    expect(made).to.equal(1);
  });

  it("are made again when a source or something of a package changed, or a source came or went", () => {
    ask();
    write("src/deep/a.ts", "b");
    expect(ask()).to.equal("bp");
    write("packages/p.js", "q");
    expect(ask()).to.equal("bq");
    write("src/deep/index.ts", "");
    expect([ask(), made]).to.deep.equal(["bq", 4]);
    rmSync(join(root, "src/deep/index.ts"));
    expect([ask(), made]).to.deep.equal(["bq", 5]);
    expect([ask(), made]).to.deep.equal(["bq", 5]);
  });

  it("are made again by another recipe", () => {
    ask();
    ask("2");
    expect(made).to.equal(2);
  });

  it("are made again where what was kept is cut off, is none, or names a file that is gone", () => {
    ask();
    const file = join(root, "kept", "x.json");
    const whole = readFileSync(file, "utf8");
    for (const text of [whole.slice(0, 40), "{}", "null", '{"text":"evil","inputs":["gone.js"]}']) {
      write("kept/x.json", text);
      expect(ask(), text).to.equal("ap");
    }
    expect(made).to.equal(5);
  });

  it("are made each time where nothing can be kept", () => {
    write("kept", "");
    expect([ask(), ask(), made]).to.deep.equal(["ap", "ap", 2]);
  });
});
