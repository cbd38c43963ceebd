import { expect } from "chai";

import { type Baseline, recordChangeTimes } from "../../../bench/baselines/baseline";
import { startBindServers } from "../../../bench/baselines/bind";
import { startKnotPair } from "../../../bench/baselines/knot-pair";
import { median } from "../../../bench/support/statistics";
import { AnswerWatcher } from "../../../bench/support/watch";
import { DnsClient } from "../../../src/io/dns-client";

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
    for (const time of await changeTimes(pair, 2)) expect(time).to.be.within(900, 2500);
    await using watcher = await AnswerWatcher.open();
    const hasty = { changes: 1, watcher, limitMs: 200 };
    expect(await recordChangeTimes(pair, { ...hasty, countLate: true })).to.deep.equal([200]);
    const failed = await recordChangeTimes(pair, hasty).catch((error: unknown) => String(error));
    expect(failed).to.match(/1 of 2 servers did not answer TXT of "change.one.example" as wanted: secondary/);
  });

  it("and the pair with a NOTIFY at once, which does not wait for it", async () => {
    await using pair = await startKnotPair({ zones }, "atOnce");
    expect(median(await changeTimes(pair, 5))).to.be.below(500);
  });

  it("is a BIND with its secondaries, which takes signed changes only", async () => {
    await using bind = await startBindServers({ servers: 4, zones });
    expect(bind.servers.map(({ name }) => name)).to.deep.equal([
      "primary",
      ...["secondary-1", "secondary-2", "secondary-3"],
    ]);
    expect(median(await changeTimes(bind, 5))).to.be.below(1000);
    const wrong = { ...bind.key, secret: Buffer.alloc(32).toString("base64") };
    const refused = await new DnsClient()
      .update(bind.owner, { zone: "one.example", changes: [] }, wrong)
      .catch((error: unknown) => String(error));
    expect(refused).to.contain("UPDATE");
  });
});
