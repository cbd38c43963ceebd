import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DamageWatch } from "../../../../../src/agents/sidecar/own-zones/damage";

describe("the watch for own zones that cannot be loaded", () => {
  let storage: string;
  let now: number;
  let serial: number | undefined;
  let loading: readonly string[];
  let damaged: (readonly string[])[];
  beforeEach(async () => {
    [now, serial, loading, damaged] = [0, undefined, [], []];
    storage = await mkdtemp(join(tmpdir(), "damage-"));
  });
  afterEach(() => rm(storage, { recursive: true }));

  const watchOf = (self = 0, member = false) =>
    new DamageWatch({
      runtime: { storage, rundir: "/r", listen: [], secure: { listen: [] }, replicas: { self } },
      control: {
        zoneStatus: (zones = []) =>
          Promise.resolve(
            zones.map((zone) => ({
              ...{ zone, role: "master", serial },
              ...(member && { member: { catalog: "local", group: "" } }),
            })),
          ),
        loadingZones: () => Promise.resolve(loading),
      },
      zones: () => ["a.example"],
      onDamage: (zones) => Promise.resolve(void damaged.push(zones)),
      now: () => now,
    });
  const rounds = async (watch: DamageWatch, seconds: number): Promise<void> => {
    for (const end = now + seconds * 1000; now < end; now += 1000) await watch.round();
  };

  it("reports a zone that Knot has not loaded at two looks in a row, once", async () => {
    await rounds(watchOf(), 20);
    expect(damaged).to.deep.equal([["a.example"]]);
  });

  it("leaves alone what is loaded by the second look, or is just being loaded", async () => {
    const watch = watchOf();
    await rounds(watch, 2);
    serial = 7;
    await rounds(watch, 60);
    serial = undefined;
    loading = ["a.example"];
    await rounds(watch, 60);
    expect(damaged).to.deep.equal([]);
  });

  it("leaves alone a first content, a member, and whatever another pod than the writer has", async () => {
    await rounds(watchOf(1), 60);
    await rounds(watchOf(0, true), 60);
    await mkdir(join(storage, "mesh/first"), { recursive: true });
    await writeFile(join(storage, "mesh/first/a.example.zone"), "");
    await rounds(watchOf(), 60);
    expect(damaged).to.deep.equal([]);
  });
});
