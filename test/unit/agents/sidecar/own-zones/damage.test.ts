import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KnotControlError } from "../../../../../src/knot/control/knot-control";
import { DamageWatch } from "../../../../../src/agents/sidecar/own-zones/damage";

describe("the watch for own zones that cannot be loaded", () => {
  let storage: string;
  let now: number;
  let serial: number | undefined;
  let loading: readonly string[];
  let damaged: (readonly string[])[];
  let refusal: string | undefined;
  let others: readonly string[];
  let reloads: number;
  beforeEach(async () => {
    [now, serial, loading, damaged] = [0, undefined, [], []];
    [refusal, others, reloads] = ["failed", [], 0];
    storage = await mkdtemp(join(tmpdir(), "damage-"));
    await mkdir(join(storage, "zones"));
    await writeFile(join(storage, "zones/a.example.zone"), "");
  });
  afterEach(() => rm(storage, { recursive: true }));

  const watchOf = (self = 0, member = false, signed: readonly string[] = []) =>
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
        zoneReload: (zone) => {
          reloads += 1;
          if (refusal === undefined) serial = 1;
          const words = `Knot refused zone-reload: ${zone}: ${refusal ?? ""}`;
          return refusal === undefined ? Promise.resolve() : Promise.reject(new KnotControlError(words));
        },
      },
      signed: () => new Set(signed),
      onOther: (reasons) => {
        others = reasons;
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

  it("moves nothing away that Knot does not load for another reason than its file, and says so until it is loaded", async () => {
    refusal = "MDB_CORRUPTED: Located page was wrong type";
    const watch = watchOf(0, false, ["a.example"]);
    await rounds(watch, 60);
    expect([damaged, others]).to.deep.equal([
      ...[
        [],
        [`zone a.example is not loaded: Knot refused zone-reload: a.example: ${refusal}; its file is left where it is`],
      ],
    ]);
    // As it says of a damaged file, and may of a failure to sign.
    refusal = "failed";
    await rounds(watch, 60);
    expect([damaged.length, others.length]).to.deep.equal([0, 1]);
    refusal = undefined;
    await rounds(watch, 60);
    expect([damaged, others]).to.deep.equal([[], []]);
    [serial, refusal] = [undefined, "not enough memory"];
    await rounds(watchOf(), 60);
    expect([damaged, others.length]).to.deep.equal([[], 1]);
  });

  it("has a zone looked for whose file is missing, signed or not, without a reload", async () => {
    await rm(join(storage, "zones/a.example.zone"));
    await rounds(watchOf(0, false, ["a.example"]), 20);
    expect([damaged, reloads]).to.deep.equal([[["a.example"]], 0]);
  });
});
