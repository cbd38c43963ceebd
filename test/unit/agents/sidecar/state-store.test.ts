import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { emptyState, StateStore } from "../../../../src/agents/sidecar/state-store";
import { KnotVolume } from "../../../../src/knot/config/volume";

describe("agent state", () => {
  let folder: string;
  const path = () => join(folder, "mesh", "state.json");

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "state-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is fresh on an empty volume", async () => {
    expect(await new StateStore(new KnotVolume(folder)).load()).to.deep.equal({ kind: "fresh", state: emptyState });
  });

  it("is what was saved, for the next process too", async () => {
    const store = new StateStore(new KnotVolume(folder));
    await Promise.all([
      store.update((state) => ({ ...state, wasReady: true })),
      store.update((state) => ({ ...state, seeded: ["a.example"] })),
    ]);
    const expected = { wasReady: true, seeded: ["a.example"] };
    expect(store.state).to.deep.equal(expected);
    expect(await new StateStore(new KnotVolume(folder)).load()).to.deep.equal({ kind: "loaded", state: expected });
  });

  for (const [what, damage] of [
    ["cut off", (text: string) => text.slice(0, -10)],
    ["altered", (text: string) => text.replace("b.example", "x.example")],
    ["emptied", () => ""],
  ] as const) {
    it(`falls back to the one before when it is ${what}`, async () => {
      const store = new StateStore(new KnotVolume(folder));
      await store.update((state) => ({ ...state, seeded: ["a.example"] }));
      await store.update((state) => ({ ...state, seeded: ["a.example", "b.example"] }));
      await writeFile(path(), damage(await readFile(path(), "utf8")));
      const loaded = await new StateStore(new KnotVolume(folder)).load();
      expect(loaded).to.deep.include({ kind: "loaded" });
      expect(loaded.state.seeded).to.deep.equal(["a.example"]);
    });
  }

  it("says so when both are damaged, rather than passing for fresh", async () => {
    const store = new StateStore(new KnotVolume(folder));
    await store.update((state) => ({ ...state, wasReady: true }));
    await store.update((state) => ({ ...state, seeded: ["a.example"] }));
    for (const file of [path(), `${path()}.old`]) await writeFile(file, "{}");
    expect((await new StateStore(new KnotVolume(folder)).load()).kind).to.equal("damaged");
  });

  it("never replaces a good predecessor by a damaged one", async () => {
    const store = new StateStore(new KnotVolume(folder));
    await store.update((state) => ({ ...state, seeded: ["a.example"] }));
    await store.update((state) => ({ ...state, seeded: ["b.example"] }));
    await writeFile(path(), "damaged");
    const next = new StateStore(new KnotVolume(folder));
    await next.load();
    await next.update((state) => ({ ...state, wasReady: true }));
    await writeFile(path(), "damaged again");
    expect((await new StateStore(new KnotVolume(folder)).load()).state.seeded).to.deep.equal(["a.example"]);
  });
});
