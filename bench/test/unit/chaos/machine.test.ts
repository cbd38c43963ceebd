import { expect } from "chai";

import { MachineWatch } from "../../../chaos/machine";

const [knot, agent] = [100, 101];

/** A machine of which each look is made by hand. Waits are milliseconds, by process and thread, since its start. */
function machine() {
  let now = 1000;
  let waits: Readonly<Record<number, Readonly<Record<string, number>>>> = {};
  const watch = new MachineWatch({
    now: () => now,
    pods: () =>
      new Map([
        ["site-a", [knot, agent]],
        ["site-b", [undefined]],
      ]),
    waits: (pid) => new Map(Object.entries(waits[pid] ?? {}).map(([thread, ms]) => [thread, ms * 1e6])),
  });
  const look = (afterMs: number, found: typeof waits): void => {
    now += afterMs;
    waits = found;
    watch.look();
  };
  look(0, { [knot]: { main: 50, udp: 10 }, [agent]: { main: 5 } });
  return { watch, look };
}

describe("what a machine withholds", () => {
  it("is what the thread that had it worst waited, of each of a pod's processes", () => {
    const { watch, look } = machine();
    look(250, { [knot]: { main: 60, udp: 110 }, [agent]: { main: 35 } });
    expect(watch.withheld(["site-a"], 1000)).to.equal(130);
    expect(watch.withheld(["site-b"], 1000)).to.equal(0);
    expect(watch.withheld(["site-a", "site-a"], 1250)).to.equal(0);
  });

  it("has what the suite itself waited, or stood still, for every pod", () => {
    const { watch, look } = machine();
    look(250, { [process.pid]: { main: 0 } });
    look(250, { [process.pid]: { main: 90 } });
    expect(watch.withheld(["site-b"], 1000)).to.equal(90);
    look(1250, {});
    expect(watch.withheld(["site-b"], 1600)).to.equal(750);
  });

  it("is no longer than the time in which it was, and not what a new process waited before", () => {
    const { watch, look } = machine();
    look(250, { [knot]: { main: 9000 } });
    look(250, { [knot]: { main: 9000, fresh: 8000 } });
    expect(watch.withheld(["site-a"], 1000)).to.equal(250);
    expect(watch.share).to.deep.equal({ p50: 0, max: 100, suiteMs: 0 });
  });
});
