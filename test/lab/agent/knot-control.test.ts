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
});
