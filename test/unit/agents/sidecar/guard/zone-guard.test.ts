import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { ZoneGuard } from "../../../../../src/agents/sidecar/guard/zone-guard";
import { createLogger } from "../../../../../src/base/log";
import type { ResourceRecord } from "../../../../../src/dns/record";
import type { KnotControl } from "../../../../../src/knot/control/knot-control";
import { defaultZoneLimits, type Limits } from "../../../../../src/mesh/limits";

const zone = "a.example";

/** A Knot with one zone, in which one change waits at a time. */
class GuardedKnot {
  names: readonly string[] = [];
  /** Names that the change takes away. */
  change: readonly string[] = [];
  /** What the zone has afterwards, of a change that brings it anew as a whole. */
  whole: readonly string[] | undefined;
  verdicts: string[] = [];
  transfers = 0;
  /** How long a transfer takes. */
  transferMs = 0;
  now = Date.parse("2026-11-29T10:00:00Z");

  readonly control: Pick<KnotControl, "changesWaiting" | "changeWaiting" | "zoneWaiting" | "judge"> = {
    changesWaiting: () => Promise.resolve(this.change.length === 0 ? [] : [zone]),
    changeWaiting: (_, take) => {
      if (this.whole !== undefined) return Promise.resolve();
      for (const isAdded of [false, true]) take({ owner: zone, type: "SOA", isAdded });
      for (const owner of this.change) take({ owner, type: "A", isAdded: false });
      return Promise.resolve();
    },
    zoneWaiting: (_, take) => {
      const records = (this.whole ?? []).map((owner) => ({ owner, type: owner === zone ? "SOA" : "A" }));
      for (const record of records) take(record);
      return Promise.resolve();
    },
    judge: (_, verdict) => {
      this.verdicts.push(verdict);
      if (verdict === "publish") this.names = this.names.filter((name) => !this.change.includes(name));
      this.change = [];
      return Promise.resolve();
    },
  };

  readonly served = (): Promise<readonly ResourceRecord[]> => {
    this.transfers += 1;
    this.now += this.transferMs;
    const of = (name: string): ResourceRecord => ({ name, class: "IN", ttl: 60, type: "A", address: "192.0.2.1" });
    return Promise.resolve(this.names.map(of));
  };
}

describe("the guard on own zones, by itself", () => {
  let knot: GuardedKnot;
  let guard: ZoneGuard;
  let rundir: string;
  let limits: Limits | false | undefined;
  let shown: readonly string[];
  let logged: string[];
  let stop: () => void;

  beforeEach(async () => {
    rundir = await mkdtemp(join(tmpdir(), "zone-guard-"));
    knot = new GuardedKnot();
    knot.names = Array.from({ length: 3000 }, (_, i) => `n${i}.${zone}`);
    [limits, shown, logged] = [defaultZoneLimits, [], []];
    guard = new ZoneGuard({
      control: knot.control,
      rundir,
      letThroughFile: join(rundir, "let-through"),
      zones: () => (limits === undefined ? [] : [zone]),
      limits: () => limits,
      served: knot.served,
      problems: { set: (_, sentences) => (shown = sentences) },
      clock: {
        now: () => knot.now,
        pause: () => {
          stop();
          return Promise.resolve();
        },
      },
      log: createLogger({ write: (line) => logged.push(line), now: () => 0 }),
    });
  });
  afterEach(() => rm(rundir, { recursive: true }));

  /** Has some of the zone's names taken away; resolves to what becomes of it. */
  const take = async (count: number, from = 0): Promise<string | undefined> => {
    knot.verdicts = [];
    knot.change = knot.names.slice(from, from + count);
    await guard.answerAll();
    knot.change = [];
    return knot.verdicts[0];
  };
  /** One round of its loop, after some seconds. */
  const roundAfter = async (seconds: number): Promise<void> => {
    knot.now += seconds * 1000;
    const ending = new AbortController();
    stop = () => {
      ending.abort();
    };
    await guard.run(ending.signal);
  };
  const letThrough = async (minutes = 5): Promise<void> => {
    const until = new Date(knot.now + minutes * 60_000).toISOString().replace(/\.\d+Z$/, "Z");
    await writeFile(join(rundir, "let-through"), minutes === 0 ? "" : `${zone}=${until}`);
  };

  it("goes by what it has counted, without another look", async () => {
    expect(await take(100)).to.equal("publish");
    expect(await take(100)).to.equal("publish");
    expect(knot.transfers).to.equal(1);
  });

  it("looks at the zone again after a change that it let through", async () => {
    expect(await take(2100)).to.equal("drop");
    knot.now += 7;
    expect(guard.held[0]).to.deep.include({ zone, lastMsAgo: 7, tries: 1 });
    expect(shown[0]).to.contain("2100 of 3000 names are taken away");
    await letThrough();
    expect(await take(2100)).to.equal("publish");
    expect(shown).to.deep.equal([]);
    await letThrough(0);
    expect(await take(900)).to.equal("drop");
    expect(knot.names).to.have.length(900);
  });

  it("looks at the zone again after a change of the mesh's own", async () => {
    expect(await take(20)).to.equal("publish");
    expect(await guard.unguarded(zone, () => take(2000))).to.equal("publish");
    expect(await take(900)).to.equal("drop");
  });

  it("looks at the zone again after a minute, in which it may have been changed by hand", async () => {
    expect(await take(20)).to.equal("publish");
    knot.names = knot.names.slice(0, 900);
    await roundAfter(60);
    expect(await take(900)).to.equal("drop");
  });

  it("says that a zone is too large to be judged in time, and lets it through without a look at it", async () => {
    knot.transferMs = 4000;
    expect(await take(1500)).to.equal(undefined);
    expect(shown[0]).to.contain("is held: it could not be judged in time; if that is wanted, let it through");
    await letThrough();
    expect(await take(1500)).to.equal("publish");
    expect([knot.transfers, shown]).to.deep.equal([1, []]);
    expect(logged.join("")).to.contain("a change is let through");
  });

  it("looks again at a zone that comes anew and shows no record, as one does that is just being published", async () => {
    knot.whole = [];
    expect(await take(1)).to.equal(undefined);
    expect(shown).to.deep.equal([]);
    knot.whole = [`n1.${zone}`];
    expect(await take(1)).to.equal("drop");
    expect(shown[0]).to.contain("it takes away the SOA record");
    knot.whole = [zone, ...knot.names];
    expect(await take(1)).to.equal("publish");
  });

  it("logs once that an annotation cannot be used", async () => {
    await writeFile(join(rundir, "let-through"), "anything");
    for (let i = 0; i < 3; i++) await take(1);
    expect(logged.filter((line) => line.includes("cannot be used"))).to.have.length(1);
  });

  it("counts what went before a change that is held as long as it is tried again, and some minutes longer", async () => {
    knot.names = knot.names.slice(0, 20);
    expect(await take(8)).to.equal("publish");
    expect(await take(11)).to.equal("drop");
    for (let i = 0; i < 5; i++) {
      await roundAfter(120);
      expect(await take(3)).to.equal("drop");
    }
    await roundAfter(299);
    expect(await take(3)).to.equal("drop");
    await roundAfter(300);
    expect(await take(3)).to.equal("publish");
    expect(shown).to.have.length(1);
    await roundAfter(3600);
    expect(shown).to.deep.equal([]);
  });

  it("shows that it is there only while it can judge", async () => {
    const alive = (): Promise<string> => readFile(join(rundir, "guard", "alive"), "utf8");
    await roundAfter(0);
    const seen = await alive();
    limits = undefined;
    await roundAfter(60);
    expect(await alive()).to.equal(seen);
    limits = defaultZoneLimits;
    await roundAfter(60);
    expect(Number(await alive())).to.equal(Number(seen) + 120);
  });
});
