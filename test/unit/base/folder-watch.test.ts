import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { watchFolder } from "../../../src/base/folder-watch";
import { eventually } from "../../../harness/eventually";

describe("the watch on a folder", () => {
  let parent: string;
  let path: string;
  let calls: number;
  let stop: AbortController;
  let watching: Promise<void>;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "mesh-watch-"));
    path = join(parent, "journal");
    calls = 0;
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await watching;
    await rm(parent, { recursive: true, force: true });
  });

  const start = (onChange: () => Promise<number>) => {
    watching = watchFolder({ path, onChange, restMs: 1, mostRestMs: 50, lookAgainMs: 10, signal: stop.signal });
  };
  const count = () => {
    calls += 1;
    return Promise.resolve(0);
  };
  const writeUntilTold = (more: number) => {
    const before = calls;
    return eventually(5, async () => {
      await writeFile(join(path, "data.mdb"), "x");
      if (calls < before + more) throw new Error("not told yet");
    });
  };

  it("reports writes, also when the folder is made later and made anew", async () => {
    start(count);
    await mkdir(path);
    await writeUntilTold(1);
    await rm(path, { recursive: true });
    await mkdir(path);
    await writeUntilTold(1);
  });

  it("rests for a while only after a call that says that it took long", async () => {
    await mkdir(path);
    start(() => {
      calls += 1;
      return Promise.resolve(600_000);
    });
    await writeUntilTold(1);
    await writeUntilTold(1);
  });

  it("reports once more what was written while it was reporting", async () => {
    await mkdir(path);
    let release: () => void = () => undefined;
    start(async () => {
      calls += 1;
      if (calls === 1) await new Promise<void>((resolve) => (release = resolve));
      return 0;
    });
    await writeUntilTold(1);
    for (let i = 0; i < 5; i++) await writeFile(join(path, `${i}`), "x");
    expect(calls).to.equal(1);
    release();
    await eventually(5, () => {
      if (calls < 2) throw new Error("not told again");
      return Promise.resolve(0);
    });
  });
});
