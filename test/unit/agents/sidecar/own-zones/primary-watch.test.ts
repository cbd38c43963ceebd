import { expect } from "chai";

import { PrimaryWatch } from "../../../../../src/agents/sidecar/own-zones/primary-watch";
import type { PrimaryWatchParts } from "../../../../../src/agents/sidecar/own-zones/primary-watch";

const zone = "legacy.example";

/** A watch of one zone with two primaries, whose serials (or failures) can be set. */
function watch() {
  const at: Record<string, number | string> = { "192.0.2.53": 5, "192.0.2.54": 5 };
  const facts = { ours: 5 as number | undefined, guard: {} as unknown, held: false, key: "legacy", now: 0 };
  const refreshed: string[] = [];
  let said: readonly string[] = [];
  const parts = {
    dns: {
      querySoa: ({ address }: { address: string }) => {
        const found = at[address];
        return typeof found === "number" ? Promise.resolve({ serial: found }) : Promise.reject(new Error(found));
      },
    },
    control: {
      zoneStatus: () => Promise.resolve([{ zone, ...(facts.ours !== undefined && { serial: facts.ours }) }]),
      zoneRefresh: (zones: readonly string[]) => {
        refreshed.push(...zones);
        return Promise.resolve();
      },
    },
    zones: () => [zone],
    inputs: () => ({
      packet: {
        site: { zones: [{ name: zone, primaries: Object.keys(at).map((address) => ({ address, key: facts.key })) }] },
      },
      readers: [{ name: "legacy" }],
      runtime: { guard: facts.guard },
    }),
    held: () => (facts.held ? [{ zone }] : []),
    problems: { set: (_: string, sentences: readonly string[]) => (said = sentences) },
    now: () => facts.now,
  } as unknown as PrimaryWatchParts;
  const each = new PrimaryWatch(parts);
  const look = async (seconds = 5): Promise<string> => {
    facts.now += 1000 * seconds;
    await each.round();
    return said.join();
  };
  return { at, facts, refreshed, look };
}

describe("the watch on primaries outside the mesh", () => {
  it("has nothing to say while they have what is here, or one of them has", async () => {
    const { at, look, refreshed } = watch();
    expect(await look()).to.equal("");
    at["192.0.2.54"] = "timeout";
    expect(await look()).to.equal("");
    at["192.0.2.54"] = 4;
    expect(await look()).to.equal("");
    expect(refreshed).to.deep.equal([]);
  });

  it("has a newer version taken, and says when it does not come", async () => {
    const { at, look, refreshed } = watch();
    at["192.0.2.54"] = 6;
    expect(await look()).to.equal("");
    expect(refreshed).to.deep.equal([zone]);
    expect(await look(40)).to.match(/has serial 6, which does not come here/);
  });

  it("leaves a version that the guard holds to the guard", async () => {
    const { at, facts, look, refreshed } = watch();
    at["192.0.2.53"] = 6;
    facts.held = true;
    await look();
    expect(await look(40)).to.equal("");
    expect(refreshed).to.deep.equal([]);
  });

  it("says that a version is older, and above which serial it has to be", async () => {
    const { at, look, refreshed } = watch();
    [at["192.0.2.53"], at["192.0.2.54"]] = [4, 3];
    expect(await look()).to.match(
      /has serial 4, older than serial 5 here, and is not followed: raise the serial there above 5/,
    );
    expect(refreshed).to.deep.equal([]);
  });

  it("says that none of them answers, and what is served", async () => {
    const { at, facts, look } = watch();
    [at["192.0.2.53"], at["192.0.2.54"]] = ["timeout", "refused"];
    expect(await look()).to.match(
      /none of its primaries gives an answer, and it is served .* with serial 5: timeout; refused/,
    );
    facts.ours = undefined;
    expect(await look()).to.match(/there is no content yet/);
  });

  it("says that a key is not there, or the guard is off", async () => {
    const { facts, look } = watch();
    facts.key = "other";
    expect(await look()).to.match(/192\.0\.2\.53: its key other is not among the site's readers/);
    facts.guard = false;
    expect(await look()).to.match(/zoneGuard is off/);
  });
});
