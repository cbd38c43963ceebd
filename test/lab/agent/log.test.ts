import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { Lab } from "../../../lab";

const reader: TsigKey = { name: "reader", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 4).toString("base64") };
const stranger: TsigKey = { ...reader, name: "stranger" };
const forged: TsigKey = { ...reader, secret: Buffer.alloc(32, 5).toString("base64") };

describe("the log of a site", function () {
  this.timeout(90_000);
  let lab: Lab;
  const dns = new DnsClient({ timeoutMs: 1000 });

  before(async () => {
    lab = await Lab.create({ sites: 3, zones: 30, readers: [reader], logsAsPod: true });
    await lab.upAll();
    await lab.converged(40);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const fails = async (work: Promise<unknown>) => {
    expect(
      await work.then(
        () => "done",
        () => "failed",
      ),
    ).to.equal("failed");
  };

  it("says next to nothing of what is permitted, however often, and why something was refused", async () => {
    const site = lab.site("site-c");
    const zones = lab.zones();
    const mark = async (name: string) => {
      // A question of its own that is refused: once it shows, so does all that came before it.
      await fails(dns.transfer(site.server, zones[2]!, { ...stranger, name }));
      await eventually(20, () => {
        expect(site.log()).to.contain(`ACL, denied, action transfer`).and.to.contain(`key ${name}.`);
      });
      return site.log().length;
    };
    const from = await mark("mark-1");
    for (let round = 0; round < 5; round++) {
      await site.control.zoneStatus(zones);
      await site.control.zoneRefresh(zones.filter((zone) => lab.plan.owner(zone) !== "site-c"));
      for (const zone of zones) {
        const { serial } = await dns.querySoa(site.server, zone, reader).catch(() => dns.querySoa(site.server, zone));
        await dns.transferIncremental(site.server, { zone, serial }, reader);
      }
    }
    await mark("mark-2");
    const lines = site.log().slice(from).trimEnd().split("\n");
    const others = lines.filter((line) => !line.includes("mark-2"));
    expect(others.length, `of ${5 * 4 * zones.length} things that were permitted:\n${others.join("\n")}`).to.be.at.most(
      5,
    );

    const before = site.log().length;
    await fails(dns.transfer(site.server, zones[2]!, forged));
    await fails(dns.notify(site.server, zones[2]!, 1, reader));
    await fails(dns.update(site.server, { zone: "site-c.example", prerequisites: [], changes: [] }, reader));
    await eventually(20, () => {
      const said = site.log().slice(before);
      expect(said).to.contain("TSIG, key 'reader.', verification failed 'BADSIG'");
      expect(said).to.contain("ACL, denied, action notify").and.to.contain("ACL, denied, action update");
    });
  });

  it("says what changed, and from where it came", async () => {
    const { missing } = await lab.change("site-a.example", {
      name: "www.site-a.example",
      type: "A",
      value: "192.0.2.1",
    });
    expect(missing).to.deep.equal([]);
    await eventually(20, () => {
      expect(lab.site("site-c").log()).to.match(/\[site-a\.example\.\] refresh, remote .*zone updated/);
    });
  });
});
