import { expect } from "chai";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { eventually } from "../../../../harness/eventually";
import { requireWritable, VolumeWatch } from "../../../../src/agents/sidecar/volume-watch";
import { messageOf } from "../../../../src/base/errors";

const gibi = 2 ** 30;

describe("the watch on a pod's volume", () => {
  let root: string;
  let now: number;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "volume-"));
    now = 0;
  });
  afterEach(() => rm(root, { recursive: true }));

  const watchOf = (room?: () => Promise<{ size: number; free: number }>) => {
    const told: (readonly string[])[] = [];
    const problems = { set: (_kind: string, messages: readonly string[]) => void told.push(messages) };
    return { told, watch: new VolumeWatch({ root, problems, now: () => now, ...(room && { room }) }) };
  };

  it("is content with room and a file that can be written, which it takes away again", async () => {
    const { told, watch } = watchOf();
    await watch.round();
    expect(told).to.deep.equal([[]]);
    expect(watch.room?.size).to.be.greaterThan(watch.room?.free ?? Infinity);
    expect(await readdir(join(root, "mesh"))).to.deep.equal([]);
  });

  it("looks every ten seconds", async () => {
    const { told, watch } = watchOf();
    for (let second = 0; second < 25; second++, now += 1000) await watch.round();
    expect(told).to.have.length(3);
  });

  it("warns of the last twentieth of a small volume, and of the last gibibyte of a large one", async () => {
    const cases = [
      { size: gibi, free: gibi / 19, warns: false },
      { size: gibi, free: gibi / 21, warns: true },
      { size: 100 * gibi, free: 1.1 * gibi, warns: false },
      { size: 100 * gibi, free: 0.9 * gibi, warns: true },
    ];
    for (const { warns, ...room } of cases) {
      const { told, watch } = watchOf(() => Promise.resolve(room));
      await watch.round();
      expect(told[0]?.length, JSON.stringify(room)).to.equal(warns ? 1 : 0);
    }
    const { told, watch } = watchOf(() => Promise.resolve({ size: gibi, free: 3 * 2 ** 20 }));
    await watch.round();
    expect(told[0]?.[0]).to.match(/nearly full: 3.0 of 1024 MiB are free.*storageSize/);
  });

  it("does not wait for a disk that hangs, says so, and looks no second time meanwhile", async () => {
    const [told, looks]: [(readonly string[])[], (() => void)[]] = [[], []];
    const problems = { set: (_kind: string, messages: readonly string[]) => void told.push(messages) };
    const look = () =>
      new Promise<undefined>(
        (resolve) =>
          void looks.push(() => {
            resolve(undefined);
          }),
      );
    const watch = new VolumeWatch({ root, problems, now: () => now, look });
    for (let second = 0; second < 25; second++, now += 1000) await watch.round();
    expect(looks).to.have.length(1);
    expect(told.map(([message]) => message)).to.deep.equal(Array(2).fill(told[0]?.[0]));
    expect(told[0]?.[0]).to.match(/the volume does not answer/);
    looks[0]?.();
    await eventually(5, () => {
      expect(told.at(-1)).to.deep.equal([]);
      return Promise.resolve();
    });
  });

  it("says so when the volume cannot be written, or its room not be read", async () => {
    const { told, watch } = watchOf(() => Promise.reject(new Error("no such device")));
    await watch.round();
    expect(told[0]?.[0]).to.match(/room on the volume cannot be read: no such device/);
    root = join(root, "none\0");
    const broken = watchOf();
    await broken.watch.round();
    expect(broken.told[0]?.[0]).to.match(/the volume cannot be written: .*: nothing that changes is taken/);
    expect(messageOf(await requireWritable(root).catch((error: unknown) => error))).to.match(/Knot is not started/);
    root = root.slice(0, -"/none\0".length);
  });
});
