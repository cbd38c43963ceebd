import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { renderDirectory } from "../../../src/mesh/directory";
import { renderSiteFiles } from "../../../src/knot/config/site-config";
import { stampSerial } from "../../../src/dns/master-file";
import { welcomePacket } from "../../../src/mesh/welcome";
import { eventually } from "../../../harness/eventually";
import {
  freePorts,
  readCentral,
  runtimeOf,
  secretsOf,
  seedMesh,
  startSite,
  viewOf,
  type LabPorts,
  type LabSite,
} from "./lab-mesh";

const moving = "moving.example";

describe("zones and sites that change hands", function () {
  this.timeout(60_000);
  let stack: AsyncDisposableStack;
  let ports: LabPorts;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    ports = await freePorts();
  });

  afterEach(async function () {
    await stack.disposeAsync();
  });

  const start = async (options: Omit<Parameters<typeof startSite>[0], "ports">): Promise<LabSite> =>
    stack.use(await startSite({ ...options, ports }));

  /** Puts the files of another mesh on a site, as the agent does when its packet changed. */
  const repacket = async (site: LabSite, mesh: ReturnType<typeof seedMesh>) => {
    const packet = welcomePacket(mesh, site.packet.site.name, "CA");
    const files = renderSiteFiles({
      packet,
      ...secretsOf(packet),
      view: viewOf(mesh),
      runtime: runtimeOf(site.knot, { ports }),
    });
    for (const [path, text] of files) await site.write(path, text);
    await site.knot.knotc("-b", "reload");
  };

  /**
   * The reload purges the member, and Knot deletes the zone file with it, also one that was put there for the own zone:
   * it has to be written after the reload. The member's content is served from memory meanwhile.
   */
  it("a member becomes an own zone by a reload, its file after that, and is served throughout", async () => {
    const before = seedMesh({ zonesOfB: [moving] });
    const after = seedMesh({ zonesOfB: [], zonesOfC: [moving] });
    await start({ mesh: before, site: "site-b", view: viewOf(before) });
    const c = await start({
      mesh: { ...before, sites: before.sites.map((s) => (s.name === "site-c" ? { ...s, zones: [] } : s)) },
      site: "site-c",
      view: viewOf(before),
    });
    const { serial } = await eventually(10, () => c.soa(moving));
    const client = new DnsClient({ timeoutMs: 500 });
    const zoneFile = `zones/${moving}.zone`;
    const content = `@ 60 SOA site-c.dns.internal. h. ${serial + 1} 60 10 3600 60\n@ 60 NS site-c.dns.internal.\n`;
    await c.write(zoneFile, content);
    const failures: string[] = [];
    const watch = new AbortController();
    const watching = (async () => {
      while (!watch.signal.aborted)
        await client.querySoa(c.knot.server, moving).catch((error: unknown) => failures.push(String(error)));
    })();
    try {
      await repacket(c, after);
      await eventually(5, () => {
        expect(existsSync(join(c.knot.storage, zoneFile)), "the zone file is purged with the member").to.equal(false);
      });
      expect((await c.soa(moving)).serial).to.equal(serial);
      await c.write(zoneFile, content);
      await c.knot.knotc("-b", "zone-reload", moving);
      await eventually(5, async () => {
        expect((await c.soa(moving)).serial).to.equal(serial + 1);
      });
      expect(await c.knot.knotc("zone-status", moving, "+role")).to.match(/role: master/);
    } finally {
      watch.abort();
      await watching;
    }
    expect(failures).to.deep.equal([]);
    await c.knot.stop();
    await c.knot.start();
    expect((await eventually(5, () => c.soa(moving))).serial).to.equal(serial + 1);
  });

  it("an own zone becomes a member in one reload, and takes the new owner's content", async () => {
    const before = seedMesh({ zonesOfB: [], zonesOfC: [moving] });
    const after = seedMesh({ zonesOfB: [moving], zonesOfC: [] });
    const c = await start({ mesh: before, site: "site-c", view: viewOf(before), serial: 100 });
    await start({ mesh: after, site: "site-b", view: viewOf(after), serial: 200 });
    await repacket(c, after);
    await eventually(10, async () => {
      expect((await c.soa(moving)).serial).to.equal(200);
    });
    expect(await c.knot.knotc("zone-status", moving, "+role")).to.match(/role: slave/);
  });

  it("a removed site leaves no trace in the configuration, and its zones go", async () => {
    const mesh = seedMesh();
    const a = await start({ mesh, site: "site-a", view: viewOf(mesh) });
    await start({ mesh, site: "site-c", view: viewOf(mesh) });
    await eventually(20, () => a.soa("standard-1.internal.dns"));
    const view = viewOf(mesh);
    const rest = {
      ...view,
      sites: view.sites.filter((s) => s.name !== "site-c"),
      zones: view.zones.filter((z) => z.owner !== "site-c"),
    };
    await a.apply(rest);
    await eventually(5, async () => {
      const answer = await new DnsClient().query(a.knot.server, "standard-1.internal.dns", "SOA");
      expect(answer.flags.aa).to.equal(false);
    });
    expect(await a.knot.knotc("conf-read", "remote")).to.not.contain("site-c");
    await a.apply(view);
    await eventually(20, () => a.soa("standard-1.internal.dns"));
  });

  it("a re-addressed site is asked at its new address", async () => {
    const mesh = seedMesh();
    const moved = seedMesh();
    const c = await start({ mesh, site: "site-c", view: viewOf(mesh), serial: 100 });
    const b = await start({ mesh, site: "site-b", view: viewOf(mesh) });
    await eventually(5, () => b.soa("standard-1.internal.dns"));
    await c.knot.stop();
    const readdressed = {
      ...moved,
      sites: moved.sites.map((s) => (s.name === "site-c" ? { ...s, addresses: ["127.101.0.9"] } : s)),
    };
    await start({ mesh: readdressed, site: "site-c", view: viewOf(readdressed), serial: 300 });
    await b.apply(viewOf(readdressed));
    await b.knot.knotc("zone-refresh", "standard-1.internal.dns");
    await eventually(5, async () => {
      expect((await b.soa("standard-1.internal.dns")).serial).to.equal(300);
    });
  });

  it("a primary that lost its journal is followed again, since its files are stamped", async () => {
    const mesh = seedMesh();
    const a = await start({ mesh, site: "site-a", view: viewOf(mesh), serial: 1000 });
    const c = await start({ mesh, site: "site-c", view: viewOf(mesh) });
    await eventually(10, () => readCentral(mesh, c.knot.server));
    await a.knot.stop();
    await rm(join(a.knot.storage, "db", "journal"), { recursive: true });
    const smaller = seedMesh({ zonesOfC: [] });
    await a.write("zones/dns.internal.zone", stampSerial(renderDirectory(smaller), 2000));
    await a.knot.start();
    await c.knot.knotc("zone-refresh", "dns.internal");
    await eventually(10, async () => {
      expect((await c.soa("dns.internal")).serial).to.be.at.least(2000);
    });
  });
});
