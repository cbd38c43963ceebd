import { expect } from "chai";

import { Fetching } from "../../../../../src/agents/sidecar/notify/fetching";
import type { ZoneStatus } from "../../../../../src/knot/control/knot-control";

describe("zones that lack a content", () => {
  let now: number;
  let empty: string[];
  let refreshed: string[];
  let looks: string[];
  let fetching: Fetching;

  const control = {
    zoneStatus: (zones?: readonly string[]): Promise<ZoneStatus[]> => {
      looks.push(`${now} ${zones?.join(" ") ?? "all"}`);
      const status = (zone: string): ZoneStatus => ({
        zone,
        role: "slave",
        serial: empty.includes(zone) ? undefined : 7,
      });
      return Promise.resolve(
        ["dns.internal", "own.example", "new.example"].filter((zone) => zones?.includes(zone) ?? true).map(status),
      );
    },
    zoneRefresh: (zones: readonly string[]): Promise<void> => {
      refreshed.push(`${now} ${zones.join(" ")}`);
      return Promise.resolve();
    },
  };
  const until = async (end: number): Promise<void> => {
    for (; now < end; now += 5) await fetching.round();
  };
  const before = { zones: ["own.example"], sites: 3 };
  const after = { zones: ["own.example", "new.example"], sites: 3 };

  beforeEach(() => {
    [now, empty, refreshed, looks] = [0, [], [], []];
    fetching = new Fetching({ control, now: () => now });
  });

  it("are asked for within moments when they have just come, ever more rarely until they have one, and nothing else is looked at", async () => {
    fetching.expect(before);
    await until(10_000);
    looks = [];
    fetching.expect(after);
    empty = ["new.example"];
    await until(11_400);
    expect(refreshed).to.deep.equal([10_065, 10_195, 10_455, 10_975].map((at) => `${at} new.example`));
    expect(looks).to.deep.equal(refreshed);
  });

  it("are asked for as others are once they are no longer new", async () => {
    fetching.expect(before);
    fetching.expect(after);
    empty = ["new.example"];
    await until(5000);
    const later = refreshed.filter((line) => Number.parseInt(line) > 1000);
    expect(later.map((line) => Number.parseInt(line) - Number.parseInt(later[0] ?? ""))).to.deep.equal([0, 1000, 3000]);
    expect(fetching.empty).to.deep.equal(["new.example"]);
  });

  it("are not asked for when they have one by the first look", async () => {
    fetching.expect(before);
    await until(10_000);
    looks = [];
    fetching.expect(after);
    await until(60_000);
    expect(refreshed).to.deep.equal([]);
    expect(looks).to.deep.equal(["10065 new.example", "10565 all"]);
  });

  it("wait for longer where more sites come to the same server, and are nothing new in a large mesh", async () => {
    const firstAt = async (sites: number): Promise<number> => {
      [now, refreshed, empty] = [0, [], []];
      fetching = new Fetching({ control, now: () => now });
      fetching.expect({ ...before, sites });
      await until(10_000);
      empty = ["new.example"];
      fetching.expect({ ...after, sites });
      await until(12_000);
      return Number.parseInt(refreshed[0] ?? "") - 10_000;
    };
    expect([await firstAt(3), await firstAt(100), await firstAt(400)]).to.deep.equal([65, 550, 500]);
  });

  it("have a look that is begun at once, not by the clock, when they come, and one some seconds after a failure", async () => {
    const stop = new AbortController();
    const pauses: number[] = [];
    const steps = [
      (): void => {
        fetching.expect(before);
      },
      (): void => {
        fetching.expect(after);
        now += 65;
      },
      (): void => {
        stop.abort();
      },
    ];
    let fail = true;
    fetching = new Fetching({
      control: {
        ...control,
        zoneStatus: (zones) => {
          if (!fail) return control.zoneStatus(zones);
          fail = false;
          return Promise.reject(new Error("away"));
        },
      },
      now: () => now,
      onFailure: (error) => refreshed.push((error as Error).message),
      pause: (ms, signal) => {
        pauses.push(ms);
        steps.shift()?.();
        expect(signal.aborted).to.equal(true);
        return Promise.resolve();
      },
    });
    await fetching.run(stop.signal);
    expect(refreshed).to.deep.equal(["away"]);
    expect(pauses).to.deep.equal([6000, 500, 500]);
  });
});
