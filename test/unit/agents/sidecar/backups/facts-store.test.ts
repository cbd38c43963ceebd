import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { BackupFactsStore } from "../../../../../src/agents/sidecar/backups/facts-store";

describe("what is known of backups", () => {
  const at = "2026-11-29T09:00:00.000Z";
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "facts-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (): Promise<BackupFactsStore> => {
    const store = new BackupFactsStore(join(folder, "backups.json"), { set: () => undefined });
    await store.load();
    return store;
  };

  it("outlives a restart", async () => {
    const counts = { zones: 1, size: 2, added: 1, seconds: 1 };
    await (await load()).report({ kind: "backup", at, repository: "r", snapshot: "s", ...counts });
    expect((await load()).facts.backup?.repository).to.equal("r");
  });

  it("goes on standing in the way of a new repository while it cannot be read, whatever is reported and after restarts", async () => {
    await writeFile(join(folder, "backups.json"), '{"backup":');
    const failure = { at, reason: "agent", message: "what is known of backups cannot be read" } as const;
    const store = await load();
    await store.report({ kind: "failure", of: "backup", failure });
    expect(store.unread).to.contain("backups.json");
    expect(await readFile(join(folder, "backups.json"), "utf8")).to.equal('{"backup":');
    expect((await load()).unread).to.contain("backups.json");
  });
});
