import { rm } from "node:fs/promises";
import { expect } from "chai";
import { apexTexts, delv, validate } from "../../../harness/dnssec/validators";
import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";

const zone = "signed.example";
const zoneFile = "$TTL 5\n@ SOA a. b. 1 60 10 3600 5\n@ NS a.\nwww A 192.0.2.1\n";

/** Steps of a signed zone's life, in order: each starts from what the one before left. */
describe("a zone that a mesh with agents signs", function () {
  this.timeout(60_000);
  let lab: Lab;
  let ds: readonly string[];

  before(async () => {
    lab = await Lab.create(3);
    lab.list[2]!.zones.push({ name: zone, zoneFile, dnssec: { nsec3: true } });
    await lab.upAll();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const owner = (): LabSite => lab.site("site-c");
  const told = async () => (await owner().status()).dnssec?.find((each) => each.zone === zone);
  const problems = async () =>
    (await owner().status()).problems.filter(({ kind }) => kind === "dnssec").map(({ message }) => message);
  const setDnssec = async (dnssec: boolean | { nsec3?: boolean; withdraw?: boolean }): Promise<void> => {
    lab.list[2]!.zones = ["site-c.example", { name: zone, zoneFile, dnssec }];
    await lab.upSite("site-c");
  };
  const verified = async (address: string): Promise<void> => {
    await lab.converged(10, { zones: [zone] });
    for (const { server } of lab.sites.values()) {
      const questions = [[zone, "SOA"] as const, [`www.${zone}`, "A"] as const];
      await validate({ server, zone, ds, questions });
      const answer = await delv({ server, zone, ds, question: [`www.${zone}`, "A"] });
      expect(answer).to.contain("; fully validated").and.contain(address);
      const absent = await delv({ server, zone, ds, question: [`no.${zone}`, "A"] });
      expect(absent).to.contain("negative response, fully validated").and.contain("NSEC3");
    }
  };

  it("tells the DS record and the keys in its owner's status", async () => {
    const signed = await eventually(10, async () => {
      const found = await told();
      expect(found?.ds).to.have.length(1);
      return found!;
    });
    expect(signed.state).to.equal("signed");
    expect(signed.ds).to.deep.equal(await apexTexts(owner().server, zone, "CDS"));
    expect(signed.dnskeys).to.deep.equal(await apexTexts(owner().server, zone, "DNSKEY"));
    expect(Date.parse(signed.signedUntil ?? "")).to.be.greaterThan(Date.now() + 27 * 86_400_000);
    expect((await owner().http("GET", "/metrics")).text).to.match(
      /dns_mesh_agent_signature_expiry_timestamp_seconds\{zone="signed.example"\} \d{10}/,
    );
    expect((await lab.site("site-b").status()).dnssec).to.equal(undefined);
    expect(await problems()).to.deep.equal([]);
    ds = signed.ds;
  });

  it("is verified by delv and dnspython at every site", async () => {
    await verified("192.0.2.1");
  });

  it("is verified after a record was changed", async () => {
    await owner().control.zoneReplace(zone, { owner: `www.${zone}`, ttl: 5, type: "A", data: "192.0.2.2" });
    await eventually(10, () => verified("192.0.2.2"));
  });

  it("is verified with the same key after its owner was restarted", async () => {
    await owner().stop();
    await owner().start();
    await owner().ready();
    await eventually(10, async () => {
      expect((await told())?.ds).to.deep.equal(ds);
    });
    await owner().control.zoneReplace(zone, { owner: `www.${zone}`, ttl: 5, type: "A", data: "192.0.2.3" });
    await eventually(10, () => verified("192.0.2.3"));
  });

  it("stays signed when it is to be unsigned at once, and says what to do", async () => {
    await setDnssec(false);
    await eventually(10, async () => {
      expect((await problems()).join()).to.match(/signed\.example stays signed: .* set "dnssec: \{ withdraw: true \}"/);
    });
    await verified("192.0.2.3");
  });

  it("asks the parent to drop its DS record while it is withdrawn, and can still be verified", async () => {
    await setDnssec({ nsec3: true, withdraw: true });
    await eventually(20, async () => {
      expect(await told()).to.deep.include({ state: "withdrawing", ds: [] });
    });
    expect(await apexTexts(owner().server, zone, "CDS")).to.deep.equal(["0 0 0 00"]);
    expect(await problems()).to.deep.equal([]);
    await verified("192.0.2.3");
  });

  it("is without signatures and keys at every site after that", async () => {
    await setDnssec(false);
    await eventually(20, async () => {
      for (const { server } of lab.sites.values())
        expect(await apexTexts(server, zone, "DNSKEY"), server.address).to.deep.equal([]);
    });
    const { answers } = await owner().dns.query(owner().server, zone, "RRSIG");
    expect(answers).to.deep.equal([]);
    expect(await told()).to.equal(undefined);
    expect(await problems()).to.deep.equal([]);
    const www = await lab.site("site-a").dns.query(lab.site("site-a").server, `www.${zone}`, "A");
    expect(www.answers.map((record) => record.type === "A" && record.address)).to.deep.equal(["192.0.2.3"]);
  });

  it("has the same key-signing key when it is signed again", async () => {
    await setDnssec(true);
    await eventually(20, async () => {
      expect((await told())?.ds).to.deep.equal(ds);
    });
  });

  it("comes back from the other sites after its volume was lost, with new keys that it tells", async () => {
    await lab.converged(10, { zones: [zone] });
    await owner().stop();
    await rm(owner().path("storage"), { recursive: true });
    await lab.upSite("site-c");
    await owner().start();
    await owner().ready();
    ds = await eventually(20, async () => {
      const now = (await told())?.ds ?? [];
      expect(now).to.have.length(1).and.to.not.deep.equal(ds);
      return now;
    });
    await eventually(20, async () => {
      await lab.converged(10, { zones: [zone] });
      for (const { server } of lab.sites.values())
        await validate({ server, zone, ds, questions: [[`www.${zone}`, "A"]] });
    });
  });
});
