import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { KnotControl, KnotControlError } from "../../../src/knot/control/knot-control";
import { knotBinaries, startKnot } from "../../../harness/knot";
import { run } from "../../../harness/tools/run";

const zone = (serial: number) => `$TTL 60\n@ SOA ns.x. h.x. ${serial} 60 10 600 60\n@ NS ns.x.\n`;

describe("knot control with a real knotd", () => {
  it("reloads, reports states, and passes Knot's refusals on", async () => {
    await using knot = await startKnot({ zones: { "a.x": zone(5), "b.x": zone(6) } });
    const control = new KnotControl(join(knot.rundir, "knot.sock"));
    expect((await control.status()).version).to.match(/^3\./);
    expect((await control.zoneStatus()).sort((a, b) => (a.zone < b.zone ? -1 : 1))).to.deep.equal([
      { zone: "a.x", role: "master", serial: 5 },
      { zone: "b.x", role: "master", serial: 6 },
    ]);
    expect(await control.zoneStatus(["b.x", "a.x"])).to.have.length(2);

    await writeFile(join(knot.storage, "zones/a.x.zone"), `${zone(5)}new A 192.0.2.1\n`);
    await control.zoneReload("a.x");
    expect(await control.zoneStatus(["a.x"])).to.deep.equal([{ zone: "a.x", role: "master", serial: 6 }]);
    await control.zoneNotify("a.x");
    await control.reload();

    await writeFile(knot.configFile, "nonsense: yes\n");
    const refusal = await control.reload().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).to.be.instanceOf(KnotControlError);
    expect(String(refusal)).to.match(/Knot refused reload: .+/);
    expect(await control.zoneStatus()).to.have.length(2);
    expect(await control.zoneStatus(["none.x", "a.x"])).to.deep.equal([{ zone: "a.x", role: "master", serial: 6 }]);
    const absent = await control.zoneNotify("none.x").catch((error: unknown) => String(error));
    expect(absent).to.equal("KnotControlError: Knot refused zone-notify: none.x: no such zone found");
  });

  it("waits with a reload until a transaction of somebody else is over", async () => {
    await using knot = await startKnot({ zones: { "a.x": zone(5) } });
    const knotc = (...command: string[]) =>
      run(knotBinaries().knotc, ["-s", join(knot.rundir, "knot.sock"), ...command]);
    await knotc("zone-begin", "a.x");
    const state = { reloaded: false };
    const reload = new KnotControl(join(knot.rundir, "knot.sock")).reload().then(() => (state.reloaded = true));
    await delay(300);
    expect(state.reloaded).to.equal(false);
    await knotc("zone-abort", "a.x");
    await reload;
  });

  it("reads and changes single records as they stand in the zone, all or none, and keeps the last of a set", async () => {
    await using knot = await startKnot({ zones: { "a.x": `${zone(5)}* A 192.0.2.1\n` } });
    const control = new KnotControl(join(knot.rundir, "knot.sock"));
    const servers = { owner: "a.x", type: "NS" };
    const [first, next] = [record("a.x", "NS", "ns.x."), record("a.x", "NS", "ns2.a.x.")];
    const address = record("ns2.a.x", "A", "192.0.2.2");
    expect(await control.zoneRead("a.x", servers)).to.deep.equal([first]);
    // Neither a name that only the wildcard answers, nor one between.
    for (const owner of ["ns2.a.x", "none.a.x"])
      expect(await control.zoneRead("a.x", { owner, type: "A" })).to.deep.equal([]);

    await control.zoneEdit("a.x", { add: [address, next], remove: [first], keep: servers });
    expect(await control.zoneRead("a.x", servers)).to.deep.equal([next]);
    expect(await control.zoneRead("a.x", { owner: "ns2.a.x", type: "A" })).to.deep.equal([address]);
    const [before] = await control.zoneStatus(["a.x"]);
    for (const edit of [
      { add: [], remove: [address, next] },
      { add: [], remove: [address, first] },
      { add: [next], remove: [address] },
    ]) {
      const failure: unknown = await control
        .zoneEdit("a.x", { ...edit, keep: servers })
        .catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(KnotControlError);
      expect(await control.zoneStatus(["a.x"])).to.deep.equal([before]);
    }
    expect(await control.zoneRead("a.x", { owner: "ns2.a.x", type: "A" })).to.deep.equal([address]);
  });

  it("drops transactions that were left open, and no others", async () => {
    await using knot = await startKnot({ zones: { "a.x": zone(5), "b.x": zone(6) } });
    const socket = join(knot.rundir, "knot.sock");
    await run(knotBinaries().knotc, ["-s", socket, "zone-begin", "a.x"]);
    const control = new KnotControl(socket);
    expect(await control.dropTransactions([])).to.deep.equal([]);
    expect(await control.dropTransactions(["a.x", "b.x"])).to.deep.equal(["a.x"]);
    expect(await control.dropTransactions(["a.x", "b.x"])).to.deep.equal([]);
    await control.reload();
  });
});

function record(owner: string, type: string, data: string) {
  return { owner, type, ttl: 60, data };
}
