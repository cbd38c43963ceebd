import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../../harness/eventually";
import { SilentServer } from "../../../harness/silent-server";
import { Lab, type LabSite } from "../../../lab";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { backgroundWorkers } from "../../../src/knot/config/knot-conf";

/** Seconds for a change to be everywhere. Knot by itself waits for twenty at each address of a server that says nothing. */
const patience = 10;
/** The whole mesh's changes after the silent servers came, and the time between two of them. */
const [changes, restMs] = [20, 500];

/** Seconds for a server that starts to answer and follow. One that waits for a silent server by itself takes fifteen. */
const startPatience = 9;

describe("a server that starts beside one that takes connections and says nothing", function () {
  this.timeout(120_000);
  let lab: Lab;
  let silent: SilentServer | undefined;
  const zone = "site-a.example";

  beforeEach(async () => {
    lab = await Lab.create({ sites: 3, backgroundWorkers });
    await lab.upAll();
    await lab.converged(30);
    const { site, other } = sites();
    await eventually(60, async () => {
      const files = await site.files();
      for (const { port } of [other.server, other.secureServer]) expect(files).to.contain(`${other.address}@${port}`);
    });
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
    await silent?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  const sites = () => ({ site: lab.site("site-c"), other: lab.site("site-b") });
  const change = () => lab.change(zone, { name: `x.${zone}`, type: "TXT", value: `${Date.now()}` }, startPatience);

  async function silence({ server, secureServer }: LabSite): Promise<void> {
    silent = await SilentServer.start(server.address, [server.port, secureServer.port]);
  }

  /** A change that is made while it is away must be there soon after it is back. */
  async function follows(site: LabSite, start: () => Promise<void> | void): Promise<void> {
    await change();
    const { serial } = await lab.site("site-a").soa(zone);
    await start();
    await eventually(startPatience, async () => {
      expect((await site.soa(zone)).serial).to.equal(serial);
    });
    const { missing } = await change();
    expect(missing).to.deep.equal([]);
  }

  it("follows soon after its Knot was started again, and has the other's addresses when that speaks again", async () => {
    const { site, other } = sites();
    await Promise.all([other.stop("SIGKILL"), site.stopKnot("SIGKILL")]);
    await silence(other);
    // The kubelet needs a second to see that a container has ended; the agent is to have seen it by then.
    await eventually(startPatience, async () => {
      expect(await site.files()).not.to.contain(`${other.address}@`);
    });
    await follows(site, () => {
      site.startKnot();
    });
    await eventually(startPatience, async () => {
      const files = await site.files();
      expect(files).to.contain(`${lab.site("site-a").address}@`);
      expect(files).not.to.contain(`${other.address}@`);
    });
    await silent?.[Symbol.asyncDispose]();
    await other.start();
    await eventually(60, async () => {
      expect(await site.files()).to.contain(`${other.address}@`);
    });
  });

  it("follows soon after its pod was started again", async () => {
    const { site, other } = sites();
    await Promise.all([other.stop("SIGKILL"), site.stop("SIGKILL")]);
    await silence(other);
    await follows(site, () => site.start());
  });
});

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("servers that take connections and say nothing", function () {
  this.timeout(180_000);
  let lab: Lab;
  const silent = new AsyncDisposableStack();
  const dns = new DnsClient({ timeoutMs: 1000 });

  before(async () => {
    lab = await Lab.create({ sites: 3, backgroundWorkers });
    await lab.upAll();
    await lab.converged(30);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    await silent.disposeAsync();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const ports = () => [lab.site("site-a").server.port, lab.site("site-a").secureServer.port];
  const silence = async (address: string) => silent.use(await SilentServer.start(address, ports()));

  /** Changes a record of each zone in turn, and returns in how many milliseconds the slowest of them was at every site. */
  async function change(zones: readonly string[], count: number): Promise<number> {
    let slowest = 0;
    for (let i = 0; i < count; i++) {
      const zone = zones[i % zones.length]!;
      const record = { name: `x.${zone}`, type: "TXT", value: `${Date.now()}` };
      const { missing, reached } = await lab.change(zone, record, patience);
      slowest = Math.max(slowest, ...reached.values());
      expect(missing, `${zone} after ${patience} s; the slowest before took ${Math.round(slowest)} ms`).to.deep.equal(
        [],
      );
      await delay(restMs);
    }
    return slowest;
  }

  /** Has a server ask every source of a zone, as it does when somebody tells it of a version that is not the one it has. */
  async function askAround(site: LabSite, zone: string): Promise<void> {
    const { serial } = await site.soa(zone);
    await dns.notify(site.server, zone, serial - 1, lab.ring.accepted[0]!);
  }

  it("do not keep a zone from its owner's changes when they are asked for it as well", async () => {
    const [site, zone] = [lab.site("site-c"), "site-a.example"];
    const away = lab.site("site-b");
    await away.stop("SIGKILL");
    const server = await silence(away.address);
    await askAround(site, zone);
    await eventually(patience, () => {
      expect(server.taken, "what is tried here").to.be.greaterThan(0);
    });
    await change([zone], 1);
    await askAround(site, zone);
    await change([zone, "site-c.example"], 4);
  });

  for (const count of [8, 12])
    it(`do not keep Knot's workers from the zones of others, ${count} of them`, async () => {
      const before = lab.list.length;
      for (let i = 0; i < count; i++) await silence(lab.add().addresses[0]!);
      const zones = lab.list.slice(before).map(({ zones: [zone] }) => zone as string);
      await lab.up();
      const site = lab.site("site-c");
      await eventually(30, async () => {
        const known = new Set((await site.control.zoneStatus()).map(({ zone }) => zone));
        expect(zones.filter((zone) => !known.has(zone))).to.deep.equal([]);
      });
      const slowest = await change(["site-a.example", "site-c.example"], changes);
      console.log(`      the slowest of ${changes} changes took ${Math.round(slowest)} ms`);
    });
});
