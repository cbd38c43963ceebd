import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { restore, type RunParts } from "../../../../src/agents/backup/runs";
import { createLogger } from "../../../../src/base/log";
import { dropRestored, readRestored } from "../../../../src/agents/sidecar/backups/restored";
import { KnotVolume } from "../../../../src/knot/config/volume";

describe("a restore's job", () => {
  const at = "2026-11-29T09:00:00.000Z";
  let volume: KnotVolume;
  beforeEach(async () => {
    volume = new KnotVolume(await mkdtemp(join(tmpdir(), "restore-")));
  });
  afterEach(() => rm(volume.root, { recursive: true }));

  /** Runs it beside an agent that takes the backup and does something with it. */
  const run = async (taken: () => Promise<void>): Promise<string> => {
    const manifest = JSON.stringify({ site: "site-a", at, zones: [], keys: [] });
    const parts = {
      options: { folder: volume.backup, patienceMs: 5000 },
      site: "site-a",
      // As one that is overloaded seems to be.
      agent: { runs: () => Promise.resolve(false) },
      repository: {
        find: () => Promise.resolve({ id: "5f", time: at }),
        fetch: (_: string, folder: string) => writeFile(join(folder, "manifest.json"), manifest),
      },
      now: Date.now,
      log: createLogger({ write: () => undefined, now: Date.now }),
    } as unknown as RunParts;
    const ended = restore(parts).then(() => "in use", String);
    while ((await readRestored(volume, "site-a")) === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    await taken();
    return ended;
  };
  const order = { snapshot: "5f", at, forced: false };

  it("ends well when the agent says that the backup is in use", async () => {
    expect(await run(() => dropRestored(volume, order))).to.equal("in use");
  });

  it("fails with the agent's words when it was refused, and when nobody says what became of it", async () => {
    expect(await run(() => dropRestored(volume, order, "it changes nothing at a site that runs"))).to.contain(
      "it changes nothing at a site that runs",
    );
    expect(await run(() => dropRestored(volume, { ...order, snapshot: "6a" }))).to.contain("another restore");
    expect(await run(() => rm(join(volume.backup, "restored"), { recursive: true }))).to.contain("does not say");
  });
});
