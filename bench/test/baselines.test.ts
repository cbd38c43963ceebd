import { expect } from "chai";

import { Capture } from "../../harness/capture";
import { freePort } from "../../harness/free-port";
import { DnsClient } from "../../src/dns/client/dns-client";
import { type Baseline, recordChangeTimes } from "../baselines/baseline";
import { startBindServers } from "../baselines/bind";
import { startKnotPair } from "../baselines/knot-pair";
import { AnswerWatcher } from "../support/watch";

const zones = ["one.example", "two.example"];

/** Makes some changes and checks that afterwards all servers have one and the same serial of each zone. */
async function changeTimes(baseline: Baseline, changes: number): Promise<number[]> {
  await using watcher = await AnswerWatcher.open();
  const times = await recordChangeTimes(baseline, { changes, watcher });
  const client = new DnsClient();
  for (const zone of zones) {
    const serials = await Promise.all(
      baseline.servers.map(async ({ server }) => (await client.querySoa(server, zone)).serial),
    );
    expect(new Set(serials).size).to.equal(1);
    expect(serials[0]).to.be.greaterThan(1);
  }
  return times;
}

describe("what the mesh is compared with", function () {
  this.timeout(60_000);

  it("is a pair of Knots as they come, whose secondary answers a change after a second", async () => {
    await using pair = await startKnotPair({ zones }, "stock");
    expect(pair.servers).to.have.length(2);
    for (const time of await changeTimes(pair, 2)) expect(time).to.be.at.least(500);
  });

  it("counts a change that does not arrive as its limit, or names who did not get it", async () => {
    await using pair = await startKnotPair({ zones }, "atOnce");
    await using watcher = await AnswerWatcher.open();
    const nobody = { name: "nobody", server: { address: "127.0.0.1", port: await freePort() } };
    const target = { ...pair, servers: [...pair.servers, nobody] };
    const hasty = { changes: 1, watcher, limitMs: 200 };
    expect(await recordChangeTimes(target, { ...hasty, countLate: true })).to.deep.equal([200]);
    const failed = await recordChangeTimes(target, hasty).catch((error: unknown) => String(error));
    expect(failed).to.match(/of 3 servers did not answer TXT of "change.one.example" as wanted: .*nobody/);
  });

  it("and the pair with a NOTIFY at once, which does not wait for it", async () => {
    await using pair = await startKnotPair({ zones }, "atOnce");
    expect(await changeTimes(pair, 5)).to.have.length(5);
  });

  it("is a BIND with its secondaries, which takes signed changes only", async () => {
    await using bind = await startBindServers({ servers: 4, zones });
    expect(bind.servers.map(({ name }) => name)).to.deep.equal([
      "primary",
      ...["secondary-1", "secondary-2", "secondary-3"],
    ]);
    expect(await changeTimes(bind, 5)).to.have.length(5);
    const wrong = { ...bind.key, secret: Buffer.alloc(32).toString("base64") };
    const refused = await new DnsClient()
      .update(bind.owner, { zone: "one.example", changes: [] }, wrong)
      .catch((error: unknown) => String(error));
    expect(refused).to.contain("UPDATE");
  });

  it("and the same with transfers over TLS, certificates at both ends", async () => {
    await using bind = await startBindServers({ servers: 3, zones, transport: "tls" });
    expect(await changeTimes(bind, 3)).to.have.length(3);
    await using capture = await Capture.start({ tcp: [bind.owner.port], udp: [], end: await freePort() });
    await changeTimes(bind, 1);
    const { count } = await capture.stop();
    expect(await count("dns.qry.type in {251,252}", [`tcp.port==${bind.owner.port},dns`])).to.equal(0);
  });
});
