import { expect } from "chai";
import { MeshFollower } from "../../../../src/agents/operator/mesh-follower";
import type { DnsFailure } from "../../../../src/dns/errors";
import { epochFacts, signEpoch } from "../../../../src/mesh/epoch";
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
    const { writer, log } = new OperatorStage();
    const packet = () => welcomePacket(mesh, "a", "CA");
    return new MeshFollower({ packet, dns: writer.client(), writer: server, key, log, now }).retiredSince("z.example");
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
    follower = new MeshFollower({ packet, dns: writer.client(), writer: server, key, log, now: clock.now });
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

  it("follows no zones of an epoch below that of its packet", async () => {
    const { privateKey, publicKey } = epochSigner();
    const { writer, log, clock, mesh } = stage;
    const epoch = signEpoch(mesh.directoryZone, { number: 2, primary: "b" }, privateKey);
    const packet = () => ({ ...welcomePacket(mesh, "a", "CA"), epoch, signers: [publicKey] });
    const other = new MeshFollower({ packet, dns: writer.client(), writer: server, key, log, now: clock.now });
    expect([await other.follow(), other.sites]).to.deep.equal([false, undefined]);
    expect(other.refusal).to.match(/^fenced: .* was replaced by epoch 2/);
  });

  it("shows in the operator's figures when it is refused", async () => {
    const turn = stage.turn();
    spoil();
    await stage.clock.advance(20_000);
    expect(turn.operator.counts.isMeshRefused).to.equal(true);
    await turn.end();
  });
});
