import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../../harness/eventually";
import { type KnotServer, startKnot } from "../../../harness/knot";
import { KnotControl } from "../../../src/knot/control/knot-control";

const zone = "a.example";

/** What Knot calls events that are due, which takes a moment that its manual has no words for. */
describe("events of zones, as Knot tells them", () => {
  const controlOf = (server: KnotServer) => new KnotControl(join(server.rundir, "knot.sock"));

  it("are known while a large zone is loaded", async () => {
    const small = "@ 60 SOA a. b. 1 60 10 3600 5\n@ 60 NS a.\n";
    await using server = await startKnot({ zones: { [zone]: small } });
    const control = controlOf(server);
    expect(await control.loadingZones([zone])).to.deep.equal([]);
    const hosts = Array.from({ length: 200_000 }, (_, i) => `h${i} 60 A 192.0.2.1\n`);
    await writeFile(join(server.storage, "zones", `${zone}.zone`), small + hosts.join(""));
    await server.knotc("zone-reload", zone);
    expect(await control.loadingZones([zone])).to.deep.equal([zone]);
    await eventually(20, async () => {
      expect(await control.loadingZones([zone])).to.deep.equal([]);
    });
    expect((await control.zoneStatus([zone]))[0]?.serial).to.equal(2);
  });

  it("tell of a copy's end up to the last moment", async () => {
    await using owner = await startKnot({ zones: { [zone]: "@ 60 SOA a. b. 1 600 600 3 5\n@ 60 NS a.\n" } });
    await using server = await startKnot({
      config: ({ storage, rundir, address, port }) => `
server:
    rundir: ${rundir}
    listen: ${address}@${port}
database:
    storage: ${storage}/db
remote:
  - id: owner
    address: ${owner.address}@${owner.port}
zone:
  - domain: ${zone}
    storage: ${storage}
    master: owner
`,
    });
    const control = controlOf(server);
    await eventually(20, async () => {
      expect((await control.zoneExpiries())[0]?.seconds).to.be.a("number");
    });
    await owner.stop();
    const told: (number | undefined)[] = [];
    for (let i = 0; i < 2000 && (told.length === 0 || told.at(-1) !== undefined); i++) {
      told.push((await control.zoneExpiries())[0]?.seconds);
      await delay(5);
    }
    expect(told.at(-1)).to.equal(undefined);
    expect(told).to.contain(0);
  });
});
