import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { WatchedLab } from "../../../harness/monitoring/watched-lab";
import { ensureTools } from "../../../harness/tools";
import { run } from "../../../harness/tools/run";
import { Lab, type LabSite } from "../../../lab";
import { SmallVolume } from "../../../lab/small-volume";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { Change } from "../../../src/dns/update";
import { randomKey } from "../../../src/keyring/fresh-key";
import { defaultZoneLimits } from "../../../src/mesh/limits";

const zone = "site-c.example";
const mebi = 2 ** 20;

/** Minutes of the rules are seconds here. Steps end with the mesh as whole as it was, and with no alert. */
describe("alerts of a real mesh under a real Prometheus", function () {
  this.timeout(240_000);
  const key = randomKey("records");
  let lab: Lab;
  let watched: WatchedLab;
  let owner: LabSite;

  before(async () => {
    await ensureTools(["prometheus"]);
    lab = await Lab.create({ sites: 3, zones: 9, recordsKey: key, guard: defaultZoneLimits, disagreeMs: 4000 });
    await lab.upAll();
    await lab.converged(30);
    owner = lab.site("site-c");
    watched = await WatchedLab.start(lab, { timeFactor: 1 / 60, probed: [zone] });
    await silent();
  });
  after(async () => {
    await watched[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });
  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    console.error(lab.logs().slice(-12_000), await watched.prometheus.alerts(), await watched.prometheus.brokenRules());
  });

  const fires = (...alerts: readonly string[]) =>
    eventually(120, async () => {
      expect(await watched.prometheus.firing()).to.include.members([...alerts]);
    });
  const silent = () =>
    eventually(90, async () => {
      expect(await watched.unexpected()).to.deep.equal([]);
    });
  const knotc = (site: LabSite, ...args: string[]) =>
    run(knotBinaries().knotc, ["-s", site.path("run", "knot.sock"), "-b", ...args]);
  const change = (data: string) => owner.control.zoneReplace(zone, { owner: `www.${zone}`, ttl: 60, type: "A", data });
  const setExpiry = async (seconds: number): Promise<void> => {
    const { mname, rname, serial } = await owner.soa(zone);
    const data = `${mname}. ${rname}. ${serial + 1} 300 30 ${seconds} 60`;
    await owner.control.zoneReplace(zone, { owner: zone, ttl: 60, type: "SOA", data });
    await lab.converged(20, { zones: [zone] });
  };

  it("can be judged, each of them", async () => {
    expect(await watched.prometheus.brokenRules()).to.deep.equal([]);
  });

  it("fire when a site is down, and its zone expires elsewhere, until it is there again", async () => {
    await setExpiry(80);
    await owner.stop();
    // Agents look once a minute where the time left is long.
    lab.site("site-b").killWorker();
    await fires("DnsMeshSiteDown site-c", "DnsMeshProbeFails site-c");
    await fires("DnsMeshZoneExpiresSoon site-b", "DnsMeshZoneExpires site-b");
    await fires("DnsMeshZoneEmpty site-b", "DnsMeshProbeFails site-b");
    await owner.start();
    await owner.ready();
    await knotc(lab.site("site-b"), "zone-refresh", zone);
    await knotc(lab.site("site-a"), "zone-refresh", zone);
    await eventually(30, async () => {
      expect((await lab.site("site-b").soa(zone)).expire).to.equal(80);
    });
    await setExpiry(3_628_800);
    await silent();
  });

  it("fire when Knot is gone beside its agent", async () => {
    const site = lab.site("site-b");
    await site.stopKnot("SIGKILL");
    await fires("DnsMeshAgentWarning site-b", "DnsMeshSiteDown site-b", "DnsMeshPodNotReady site-b");
    site.startKnot();
    await site.ready(60);
    await silent();
  });

  it("fire when answers are slow", async () => {
    const { knot = 0 } = lab.site("site-b").pids;
    process.kill(knot, "SIGSTOP");
    try {
      await fires("DnsMeshAnswersSlow site-b");
    } finally {
      process.kill(knot, "SIGCONT");
    }
    await lab.site("site-b").ready(60);
    await silent();
  });

  it("fire when sites disagree on a zone, and when that lasts when one lags", async () => {
    await change("192.0.2.1");
    await lab.converged(20, { zones: [zone] });
    await knotc(owner, "zone-xfr-freeze", zone);
    await change("192.0.2.2");
    await fires("DnsMeshSitesDisagree site-c");
    await fires("DnsMeshZoneLag site-c");
    await knotc(owner, "zone-xfr-thaw", zone);
    await knotc(owner, "zone-notify", zone);
    await lab.converged(60, { zones: [zone] });
    await silent();
  });

  it("fire when most zones leave the list, until they are back", async () => {
    const before = lab.list.map(({ zones }) => zones);
    for (const site of lab.list) site.zones = site.zones.slice(0, 1);
    await lab.up();
    await fires("DnsMeshRemovalHeld site-a", "DnsMeshRemovalHeld site-b", "DnsMeshRemovalHeld site-c");
    lab.list.forEach((site, i) => (site.zones = before[i] ?? []));
    await lab.up();
    await silent();
  });

  it("fire when a change takes away most of a zone", async () => {
    const patient = new DnsClient({ timeoutMs: 10_000 });
    const update = (changes: readonly Change[]) => patient.update(owner.server, { zone, changes }, key);
    const names = Array.from({ length: 30 }, (_, i) => `n${i}.${zone}`);
    await update(
      names.map((name) => ({
        kind: "add",
        record: { name, class: "IN", ttl: 60, type: "A", address: "192.0.2.1" },
      })),
    );
    await update(names.map((name) => ({ kind: "deleteRrset", name, type: "A" }))).catch(() => undefined);
    await fires("DnsMeshChangeHeld site-c");
    // It ends an hour after the last try, or with the agent.
    await owner.stop();
    await owner.start();
    await owner.ready();
    await silent();
  });

  it("fire when a volume fills, and is full", async () => {
    await owner.stop();
    {
      await using volume = await SmallVolume.mount(owner.path("storage"), 8 * mebi);
      await owner.start();
      await owner.ready();
      await volume.fill();
      await fires("DnsMeshVolumeFilling site-c", "DnsMeshVolumeProblem site-c");
      await volume.empty();
      await owner.stop();
    }
    await owner.start();
    await owner.ready();
    await silent();
  });
});
