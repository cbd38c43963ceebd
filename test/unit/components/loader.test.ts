import { expect } from "chai";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(__dirname, "..", "..", "..");

/** What a script prints that runs in a folder, as JSON. */
function printed(folder: string, script: string): unknown {
  return JSON.parse(said(folder, script));
}

/** The same as text, with whatever it prints by itself. */
function said(folder: string, script: string): string {
  return execFileSync(process.execPath, ["-e", `process.stdout.write(JSON.stringify(${script}))`], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
    stdio: "pipe",
  });
}

describe("how Pulumi's runner loads the program", function () {
  this.timeout(60_000);
  let folder: string;
  const file = (): string => join(folder, "dist", "program.js");

  /** A program that says what its two sources say, loaded as the real one is. */
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-loader-"));
    for (const name of ["index.js", "package.json", "tsconfig.json"])
      copyFileSync(join(root, name), join(folder, name));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const name of ["src", "components"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "src/word.ts"), `export const word: string = "first";`);
    writeFileSync(
      join(folder, "components/two.ts"),
      `export const two = (text: string): string => text + __dirname.slice(-5);`,
    );
    writeFileSync(
      join(folder, "program.ts"),
      `import { two } from "./components/two"; import { word } from "./src/word"; export = two(word);`,
    );
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const load = (): unknown => printed(folder, "require('./index.js')");

  it("gives it the real program, without a compiler", () => {
    const script =
      "[typeof require('./index.js'), Object.keys(require.cache).filter((file) => file.includes('ts-node'))]";
    expect(printed(root, script)).to.deep.equal(["function", []]);
  });

  it("loads nothing of the SDK that turns functions into text, which a call loads", () => {
    const heavy = "Object.keys(require.cache).filter((file) => /typescript.js|arborist/.test(file)).length";
    const script = `(() => {
      require("./index.js");
      const before = ${heavy};
      const { runtime } = require("@pulumi/pulumi");
      const text = runtime.serializeFunction(() => 7).then(({ text }) => console.log(text.includes("return () => 7"), ${heavy}));
      return before;
    })()`;
    expect(said(root, script)).to.equal("0true 1\n");
  });

  it("makes one file of it, once", () => {
    expect(load()).to.equal("first/dist");
    const { mtimeMs, ino } = statSync(file());
    expect(load()).to.equal("first/dist");
    expect(statSync(file())).to.include({ mtimeMs, ino });
  });

  it("makes it anew when a source differs, whatever is kept", () => {
    load();
    writeFileSync(join(folder, "src/word.ts"), `export const word: string = "other";`);
    expect(load()).to.equal("other/dist");
  });

  it("makes it anew when what is kept was cut off", () => {
    load();
    const whole = readFileSync(file(), "utf8");
    writeFileSync(file(), whole.slice(0, -30));
    expect(load()).to.equal("first/dist");
    expect(readFileSync(file(), "utf8")).to.equal(whole);
  });

  it("works where nothing can be kept", () => {
    writeFileSync(join(folder, "dist"), "a file");
    expect(load()).to.equal("first/dist");
  });

  it("ends it once nobody reads what it prints", async () => {
    const script =
      "require('./index.js'); process.on('uncaughtException', () => {}); setInterval(() => console.error('a word'), 10)";
    const child = spawn(process.execPath, ["-e", script], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    await once(child.stderr, "data");
    child.stderr.destroy();
    expect(await once(child, "exit")).to.deep.equal([1, null]);
  });

  it("says where a source is wrong", () => {
    writeFileSync(join(folder, "src/word.ts"), `export const word: string = ;`);
    expect(load).to.throw("src/word.ts:1");
  });
});

describe("stacks of Pulumi's promises", () => {
  /** How many promises a program has that Pulumi waits for, and how many lines of stack they have. */
  const script = (drop: string): string =>
    `(() => { const registry = require("@pulumi/pulumi/runtime/debuggable"); ${drop}
      const promise = new Promise(() => {}); registry.debuggablePromise(promise, "a test");
      const [leaks] = registry.leakedPromises();
      process.exitCode = 0;
      return [leaks.has(promise), promise._debugStackTrace.split("\\n").length > 1, Error.stackTraceLimit]; })()`;

  it("are not written down, and promises that do not end are known as before", () => {
    const drop = `require("tsx/cjs"); require("./components/dropped-stacks").dropPromiseStacks();`;
    expect(printed(root, script(drop))).to.deep.equal([true, false, 10]);
    expect(printed(root, script(""))).to.deep.equal([true, true, 10]);
  });

  it("are not written down for resources either", () => {
    const drop = `require("tsx/cjs"); require("./components/dropped-stacks").dropResourceStacks();`;
    const frames = (before: string): string =>
      `(() => { ${before} const { Resource } = require("@pulumi/pulumi"); return Resource.stackTrace(0).length > 0; })()`;
    expect([frames(""), frames(drop)].map((script) => printed(root, script))).to.deep.equal([true, false]);
  });

  it("are written down where Pulumi is to show them", () => {
    const drop = `require("tsx/cjs"); require("./components/dropped-stacks").dropPromiseStacks({ PULUMI_DEBUG_PROMISE_LEAKS: "1" });`;
    expect(printed(root, script(drop))).to.deep.equal([true, true, 10]);
  });
});
