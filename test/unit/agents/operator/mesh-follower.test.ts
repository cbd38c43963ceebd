import { expect } from "chai";
import { type FollowedZones, MeshFollower } from "../../../../src/agents/operator/mesh-follower";
import type { DnsFailure } from "../../../../src/dns/errors";
import { epochFacts, signEpoch } from "../../../../src/mesh/epoch";
import type { Held } from "../../../../src/mesh/view";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { parseMesh } from "../../../../src/settings/parse";
import { OperatorStage } from "./operator-stage";
import { epochSigner } from "../../mesh/epoch-signer";

const key = { name: "local", algorithm: "hmac-sha256", secret: "" } as const;
const server = () => ({ address: "127.0.0.1", port: 1 });

describe("the record operator's view of the mesh, before it can be read", () => {
  const now = () => Date.parse("2026-11-25T12:00:00Z");

  function since(zoneDate?: string, siteDate?: string): string | undefined {
    const zones = [{ name: "z.example", retired: zoneDate }];
    const site = { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones, retired: siteDate };
    const mesh = parseMesh({ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns", sites: [site] });
    const { writer, log, followed } = new OperatorStage();
    const packet = () => welcomePacket(mesh, "a", "CA");
    const agent = () => Promise.resolve(followed());
    return new MeshFollower({ packet, dns: writer.client(), writer: server, agent, key, log, now }).retiredSince(
      "z.example",
    );
  }

  it("goes by the packet: a zone is retired with its own day or its site's, from that day on", () => {
    expect(since()).to.equal(undefined);
    expect(since("2026-11-26")).to.equal(undefined);
    expect(since("2026-11-25")).to.equal("2026-11-25");
    expect(since(undefined, "2026-11-20")).to.equal("2026-11-20");
    expect(since("2026-11-26", "2026-11-20")).to.equal("2026-11-20");
    expect(since("2026-11-10", "2026-11-20")).to.equal("2026-11-10");
  });
});

describe("the record operator's view of the mesh", () => {
  let stage: OperatorStage;
  let follower: MeshFollower;

  beforeEach(async () => {
    stage = new OperatorStage();
    const { writer, log, clock, mesh } = stage;
    const packet = () => welcomePacket(mesh, "a", "CA");
    const agent = () => Promise.resolve(stage.followed());
    follower = new MeshFollower({ packet, dns: writer.client(), writer: server, agent, key, log, now: clock.now });
    await follower.follow();
  });

  /** Both central zones, in a version that cannot be followed: the catalog has lost its members. */
  function spoil(): void {
    const [catalog, serial] = [stage.mesh.catalogZone, stage.writer.serial(stage.mesh.catalogZone) + 1];
    stage.writer.serve(
      catalog,
      [{ name: `version.${catalog}`, class: "IN", ttl: 60, type: "TXT", strings: ["2"] }],
      serial,
    );
  }

  it("knows sites, and who owns which zone", () => {
    expect(follower.sites?.map(({ name }) => name)).to.deep.equal(["a", "b", "c"]);
    expect(["b.example", "nobody.test"].map((zone) => follower.ownerOf(zone))).to.deep.equal(["b", undefined]);
  });

  it("transfers nothing as long as the serials are the same", async () => {
    const transfers = stage.writer.count("AXFR");
    expect([await follower.follow(), await follower.follow()]).to.deep.equal([false, false]);
    expect(stage.writer.count("AXFR")).to.equal(transfers);
  });

  it("keeps what it knows when the zones are refused, says so once, and reads them again only when they change", async () => {
    spoil();
    const transfers = stage.writer.count("AXFR");
    expect(await follower.follow()).to.equal(false);
    expect(follower.refusal).to.contain("lists no zone");
    expect(follower.ownerOf("b.example")).to.equal("b");
    for (let i = 0; i < 5; i++) await follower.follow();
    expect(stage.writer.count("AXFR")).to.equal(transfers + 2);
    expect(stage.lines.filter((line) => line.startsWith("warn"))).to.have.length(1);
    spoil();
    await follower.follow();
    expect(stage.writer.count("AXFR")).to.equal(transfers + 4);
  });

  it("follows the zones again once they are right, and says so", async () => {
    spoil();
    await follower.follow();
    stage.relist([{ name: "a.example" }, { name: "new.example" }]);
    expect(await follower.follow()).to.equal(true);
    expect([follower.refusal, follower.ownerOf("new.example")]).to.deep.equal([undefined, "a"]);
    expect(stage.lines.at(-1)).to.contain("followed again");
  });

  it("reads the zones again after a transfer that failed", async () => {
    spoil();
    const failure: DnsFailure = { kind: "timeout", afterMs: 2000 };
    stage.writer.silent.add(stage.mesh.catalogZone);
    const failed = follower.follow().catch((error: unknown) => (error as { failure?: DnsFailure }).failure);
    await stage.clock.advance(10_000);
    expect(await failed).to.deep.equal(failure);
    stage.writer.silent.clear();
    await follower.follow();
    expect(follower.refusal).not.to.equal(undefined);
  });

  it("refuses zones whose serials were set back, and reads them again when they go on", async () => {
    const { directoryZone } = stage.mesh;
    const serial = stage.writer.serial(directoryZone);
    stage.relist([{ name: "a.example" }]);
    const [later] = [stage.writer.serial(directoryZone), await follower.follow()];
    expect(later).to.be.greaterThan(serial);
    const load = (at: number): void => {
      stage.writer.load(
        directoryZone,
        stage.writer.records(directoryZone).map((each) => (each.type === "SOA" ? { ...each, serial: at } : each)),
      );
    };
    load(serial);
    expect(await follower.follow()).to.equal(false);
    expect(follower.refusal).to.match(/^older: the directory has serial \d+, which does not follow/);
    // Half a circle ahead is not ahead (RFC 1982).
    load((later + 2 ** 31) % 2 ** 32);
    expect(await follower.follow()).to.equal(false);
    load(later + 1);
    expect([await follower.follow(), follower.refusal]).to.deep.equal([true, undefined]);
  });

  it("reads zones again whose serials stayed, when the directory is of another epoch", async () => {
    const { directoryZone } = stage.mesh;
    const transfers = stage.writer.count("AXFR");
    const records = stage.writer.records(directoryZone);
    const mesh = records.find(({ name }) => name === `_mesh.${directoryZone}`);
    if (mesh?.type !== "TXT") throw new Error("the directory has no record of the mesh");
    const facts = epochFacts({ number: 2, primary: "b" });
    stage.writer.load(
      directoryZone,
      records.map((each) => (each === mesh ? { ...mesh, strings: [...mesh.strings, ...facts] } : each)),
    );
    for (let looks = 0; looks < 3; looks++) {
      await stage.clock.advance(60_000);
      await follower.follow();
      expect(stage.writer.count("AXFR")).to.equal(transfers + 2);
    }
  });

  it("keeps sites of which more are gone than may leave at once, also after a second look, until they are back", async () => {
    const { sites } = stage.mesh;
    const names = () => follower.sites?.map(({ name }) => name);
    const list = (...listed: readonly string[]): void => {
      stage.publish({ ...stage.mesh, sites: sites.filter(({ name }) => listed.includes(name)) });
    };
    list("a");
    await follower.follow();
    expect([names(), follower.ownerOf("b.example"), follower.ownerOf("c.example")]).to.deep.equal([
      ["a", "b", "c"],
      "b",
      "c",
    ]);
    const warnings = stage.lines.filter((line) => line.startsWith("warn"));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain("b, c").and.contain("more than may leave at once");
    list("a");
    await follower.follow();
    expect(names()).to.deep.equal(["a", "b", "c"]);
    expect(stage.lines.filter((line) => line.startsWith("warn"))).to.deep.equal(warnings);
    list("a", "b", "c");
    await follower.follow();
    list("a", "b");
    await follower.follow();
    expect(names()).to.deep.equal(["a", "b"]);
  });

  it("keeps what it knows when a directory does not have its own site", async () => {
    const { sites } = stage.mesh;
    stage.publish({ ...stage.mesh, sites: sites.filter(({ name }) => name !== "a") });
    expect(await follower.follow()).to.equal(false);
    expect(follower.refusal).to.match(/^self-missing: /);
    expect(follower.sites?.map(({ name }) => name)).to.deep.equal(["a", "b", "c"]);
  });

  it("lets a site go on the day from which it is retired, without another version of the zones", async () => {
    const { sites } = stage.mesh;
    const tomorrow = new Date(stage.clock.now() + 86_400_000).toISOString().slice(0, 10);
    const marked = sites.map((site) => (site.name === "a" ? site : { ...site, retired: tomorrow }));
    stage.publish({ ...stage.mesh, sites: marked });
    await follower.follow();
    stage.publish({ ...stage.mesh, sites: sites.filter(({ name }) => name === "a") });
    await follower.follow();
    expect(follower.sites).to.have.length(3);
    await stage.clock.advance(86_400_000);
    expect([await follower.follow(), follower.sites?.length]).to.deep.equal([true, 1]);
  });

  it("follows no zones of an epoch below that of its packet", async () => {
    const { privateKey, publicKey } = epochSigner();
    const { writer, log, clock, mesh } = stage;
    const epoch = signEpoch(mesh.directoryZone, { number: 2, primary: "b" }, privateKey);
    const packet = () => ({ ...welcomePacket(mesh, "a", "CA"), epoch, signers: [publicKey] });
    const agent = () => Promise.resolve(stage.followed());
    const other = new MeshFollower({ packet, dns: writer.client(), writer: server, agent, key, log, now: clock.now });
    expect([await other.follow(), other.sites]).to.deep.equal([false, undefined]);
    expect(other.refusal).to.match(/^fenced: .* was replaced by epoch 2/);
  });

  describe("at first", () => {
    const first = (agent: () => Promise<FollowedZones>) => {
      const { writer, log, clock, mesh } = stage;
      const packet = () => welcomePacket(mesh, "a", "CA");
      const parts = { packet, dns: writer.client(), writer: server, agent, key, log, now: clock.now };
      return new MeshFollower(parts);
    };

    it("takes no zones that the site's agent does not follow, and transfers none of them", async () => {
      let followed = { ...stage.followed(), held: [] as Held[] };
      const fresh = first(() => Promise.resolve(followed));
      stage.publish({ ...stage.mesh, sites: stage.mesh.sites.slice(0, 1) });
      const transfers = stage.writer.count("AXFR");
      for (let looks = 0; looks < 3; looks++)
        expect([await fresh.follow(), fresh.sites]).to.deep.equal([false, undefined]);
      expect(stage.writer.count("AXFR")).to.equal(transfers);
      expect(stage.lines.filter((line) => line.includes("not followed by the site's agent"))).to.have.length(1);
      followed = { ...stage.followed(), held: [{ kind: "sites", names: ["b", "c"], reason: "2 of 3 sites are gone" }] };
      expect([await fresh.follow(), fresh.sites]).to.deep.equal([false, undefined]);
      followed = { ...stage.followed(), held: [] };
      expect([await fresh.follow(), fresh.sites?.length]).to.deep.equal([true, 1]);
    });

    it("takes none as long as the agent does not answer, and goes by what it knows afterwards", async () => {
      let isAway = true;
      const agent = () => (isAway ? Promise.reject(new Error("no answer")) : Promise.resolve(stage.followed()));
      const fresh = first(agent);
      expect([await fresh.follow(), fresh.sites]).to.deep.equal([false, undefined]);
      isAway = false;
      expect([await fresh.follow(), fresh.sites?.length]).to.deep.equal([true, 3]);
      isAway = true;
      stage.relist([{ name: "a.example" }, { name: "new.example" }]);
      expect([await fresh.follow(), fresh.ownerOf("new.example")]).to.deep.equal([true, "a"]);
    });
  });

  it("shows in the operator's figures when it is refused", async () => {
    const turn = stage.turn();
    spoil();
    await stage.clock.advance(20_000);
    expect(turn.operator.counts.isMeshRefused).to.equal(true);
    await turn.end();
  });
});
