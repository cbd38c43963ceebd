import { expect } from "chai";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseMirror } from "../../../harness/tools/debian";
import { installed, compareVersions, replaceLink, type Build } from "../../../harness/tools/install";
import { withLock } from "../../../harness/tools/lock";
import { CommandError, run } from "../../../harness/tools/run";

describe("the cache of tools", () => {
  const before = process.env["DNS_MESH_CACHE"];
  let cache: string;
  let builds: number;

  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), "dns-mesh-cache-"));
    process.env["DNS_MESH_CACHE"] = cache;
    builds = 0;
  });

  afterEach(() => {
    if (before === undefined) delete process.env["DNS_MESH_CACHE"];
    else process.env["DNS_MESH_CACHE"] = before;
    rmSync(cache, { recursive: true, force: true });
  });

  const thing = (fill: (folder: string) => void): Build => ({
    title: "thing 1",
    folder: "thing-1",
    usual: "a moment",
    build: (folder) => {
      builds++;
      fill(folder);
      return Promise.resolve();
    },
  });
  const whole = thing((folder) => {
    writeFileSync(join(folder, "program"), "whole");
  });

  it("builds a thing once, also when two ask at the same time", async () => {
    const lines: string[] = [];
    await Promise.all([installed(whole, (line) => lines.push(line)), installed(whole, (line) => lines.push(line))]);
    expect(builds).to.equal(1);
    expect(lines.some((line) => line.includes("usually a moment"))).to.equal(true);
    expect(readFileSync(join(cache, "thing-1", "program"), "utf8")).to.equal("whole");
  });

  it("shows nothing of a build that failed, and builds again", async () => {
    const broken = thing((folder) => {
      writeFileSync(join(folder, "half"), "");
      throw new Error("broken");
    });
    const error: unknown = await installed(broken, () => undefined).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Error);
    expect(existsSync(join(cache, "thing-1"))).to.equal(false);
    await installed(whole, () => undefined);
    expect(existsSync(join(cache, "thing-1", "half"))).to.equal(false);
  });

  it("sweeps what a killed build left", async () => {
    mkdirSync(join(cache, "build", "thing-1"), { recursive: true });
    writeFileSync(join(cache, "build", "thing-1", "half"), "");
    await installed(whole, () => undefined);
    expect(existsSync(join(cache, "thing-1", "half"))).to.equal(false);
  });

  it("puts a link in the place of a file, a link or a folder", () => {
    const link = join(cache, "link");
    for (const prepare of [
      () => undefined,
      () => {
        mkdirSync(link);
      },
      () => {
        writeFileSync(link, "");
      },
    ]) {
      rmSync(link, { recursive: true, force: true });
      prepare();
      replaceLink(link, "target");
      replaceLink(link, "target");
      expect(lstatSync(link).isSymbolicLink()).to.equal(true);
      expect(readlinkSync(link)).to.equal("target");
    }
  });

  it("takes a lock over from a process that died, and waits for one that lives", async () => {
    const lock = join(cache, "lock");
    writeFileSync(lock, JSON.stringify({ pid: process.pid, started: "0" }));
    const order: string[] = [];
    const hold = (name: string): Promise<void> =>
      withLock(lock, async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} out`);
      });
    await Promise.all([hold("a"), hold("b")]);
    expect(order.map((step) => step.split(" ")[1])).to.deep.equal(["in", "out", "in", "out"]);
    expect(existsSync(lock)).to.equal(false);
  });

  it("orders versions by their numbers", () => {
    expect(["3.5.10", "3.5.8", "3.10.0"].sort(compareVersions)).to.deep.equal(["3.5.8", "3.5.10", "3.10.0"]);
  });
});

describe("Debian's mirror", () => {
  it("is the one that has Debian itself, not its updates or somebody else's packages", () => {
    const targets = `https://packages.example/apt Example main bookworm
http://mirror.example/debian-security/ Debian main bookworm-security
http://mirror.example/debian/ Debian main bookworm`;
    expect(chooseMirror(targets)).to.equal("http://mirror.example/debian/");
    expect(chooseMirror("https://packages.example/apt Example main bookworm")).to.equal(undefined);
  });
});

describe("running a command", () => {
  it("returns what it wrote, given its input", async () => {
    expect(await run("cat", [], { input: "text" })).to.equal("text");
  });

  it("reports status and the end of its error output", async () => {
    const error: unknown = await run("sh", ["-c", "echo bad >&2; exit 3"]).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(CommandError);
    expect((error as CommandError).status).to.equal(3);
    expect((error as CommandError).message).to.include("bad");
  });

  it("names a program that is not there", async () => {
    const error: unknown = await run("no-such-program", []).catch((reason: unknown) => reason);
    expect((error as CommandError).message).to.include("no-such-program");
  });
});
