import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { apexTexts, delv, validate } from "../../../harness/dnssec/validators";
import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { Lab, type LabSite } from "../../../lab";
import { openCopy, Seal } from "../../../src/agents/sidecar/keys/sealing";
import type { KeptHeader, KeptKeys } from "../../../src/contract/kept-keys";
import { isNewerSerial } from "../../../src/dns/serial";

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

  it("reports the DS record and the keys in its owner's status", async () => {
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
      expect(await told()).to.equal(undefined);
    });
    const { answers } = await owner().dns.query(owner().server, zone, "RRSIG");
    expect(answers).to.deep.equal([]);
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

  const tags = async () =>
    (await apexTexts(owner().server, zone, "DNSKEY")).filter((key) => key.startsWith("257")).sort();
  /** What the reconciler does with each pass, until the agent has seen it. */
  const kept = (after = 0) =>
    eventually(20, async () => {
      expect(await owner().keepZoneKeys()).to.deep.equal([]);
      const { zoneKeys } = await owner().status();
      const { generation } = JSON.parse(await readFile(copyFile(), "utf8")) as { generation: number };
      expect(zoneKeys?.generation).to.equal(generation).and.to.be.greaterThan(after);
      expect(Date.now() - Date.parse(zoneKeys?.keptAt ?? "")).to.be.lessThan(60_000);
      expect(await offered()).to.equal(generation);
      return generation;
    });
  const offered = async () => (JSON.parse((await owner().http("GET", "/zone-keys")).text) as KeptHeader).generation;
  const copyFile = () => owner().path("etc", "zone-keys", "zone-keys.json");
  const loseVolume = async (): Promise<void> => {
    await owner().stop("SIGKILL");
    await rm(owner().path("storage"), { recursive: true });
    await lab.upSite("site-c");
  };
  /**
   * Has the zone verified at the other sites all the time, and at its owner whenever that answers.
   *
   * @param work - `looked` waits until all of them were looked at once more.
   */
  const withoutGap = async (work: (looked: () => Promise<void>) => Promise<void>): Promise<number> => {
    const ended = new AbortController();
    let [looks, rounds] = [0, 0];
    const looked = async (): Promise<void> => {
      // That of a round under way may have been before.
      const until = rounds + 2;
      await eventually(60, () => {
        expect(rounds).to.be.at.least(until);
      });
    };
    const watched = (async () => {
      while (!ended.signal.aborted) {
        for (const { name, server, dns } of lab.sites.values()) {
          const questions = [[zone, "SOA"] as const, [`www.${zone}`, "A"] as const];
          if (name === "site-c" && (await dns.querySoa(server, zone).catch(() => undefined)) === undefined) continue;
          await validate({ server, zone, ds, questions });
          looks++;
        }
        rounds++;
      }
    })();
    await Promise.race([work(looked), watched]).finally(() => {
      ended.abort();
    });
    await watched;
    return looks;
  };

  it("has its keys kept in a second place, sealed", async () => {
    await kept();
    const folder = owner().path("storage", "db", "keys", "keys");
    const copy = await readFile(copyFile(), "utf8");
    const { sealedWith, content, keys, zones } = JSON.parse(copy) as KeptKeys;
    expect(sealedWith).to.match(/^[0-9a-f]{16}$/);
    expect(zones).to.deep.equal([zone]);
    expect(keys.map((id) => `${id}.pem`)).to.deep.equal((await readdir(folder)).sort());
    expect(() => gunzipSync(Buffer.from(content, "base64"))).to.throw();
    const secret = (await readFile(owner().path("etc", "zone-keys-seal"), "utf8")).trim();
    const opened = openCopy(JSON.parse(copy) as KeptKeys, "site-c", new Seal(secret));
    for (const name of await readdir(folder))
      expect(opened.get(`keys/${name}`)?.equals(await readFile(join(folder, name))), name).to.equal(true);
    expect((await owner().http("GET", "/metrics")).text).to.match(
      /dns_mesh_agent_zone_keys_kept_timestamp_seconds [1-9]\d{9}/,
    );
    expect((await lab.site("site-b").http("GET", "/zone-keys")).status).to.equal(404);
    expect(lab.logs()).to.not.contain("PRIVATE KEY");
  });

  it("is verified without a gap while its volume is destroyed in the middle of a KSK roll-over", async () => {
    const [one = ""] = await tags();
    const generation = await kept();
    await promisify(execFile)(knotBinaries().knotc, [
      ...["-s", owner().path("run", "knot.sock"), "-b"],
      ...["zone-key-rollover", zone, "ksk"],
    ]);
    await eventually(20, async () => {
      expect(await tags())
        .to.have.length(2)
        .and.to.contain(one);
    });
    const before = await tags();
    await kept(generation);
    await lab.converged(10, { zones: [zone] });
    const { serial } = await owner().soa(zone);
    const looks = await withoutGap(async (looked) => {
      await loseVolume();
      await looked();
      await owner().start();
      await owner().ready();
      await lab.converged(20, { zones: [zone] });
      await looked();
    });
    expect(looks).to.be.greaterThan(3);
    expect(await tags()).to.deep.equal(before);
    expect(isNewerSerial((await owner().soa(zone)).serial, serial)).to.equal(true);
    await owner().control.zoneReplace(zone, { owner: `www.${zone}`, ttl: 5, type: "A", data: "192.0.2.4" });
    await lab.converged(10, { zones: [zone] });
    await withoutGap(() => kept().then(() => undefined));
    expect((await told())?.ds).to.deep.equal(ds);
  });

  it("is not signed with new keys as long as the copy cannot be opened", async () => {
    const sealFile = owner().path("etc", "zone-keys-seal");
    const [secret, copy] = [await readFile(sealFile, "utf8"), await readFile(copyFile(), "utf8")];
    await loseVolume();
    await writeFile(sealFile, "x".repeat(64));
    await refused(/volume has no DNSSEC keys[^]*sealed with another key/);
    await writeFile(sealFile, secret);
    await writeFile(copyFile(), copy.replace(/"content":"..../, '"content":"AAAA'));
    await refused(/cannot be opened: it was changed/);
    await writeFile(copyFile(), "{}");
    await refused(/zone-keys\.json: version must be 1/);
    await rm(owner().path("storage"), { recursive: true });
    await writeFile(copyFile(), copy);
    await lab.upSite("site-c");
    await owner().start();
    await owner().ready();
    await withoutGap(() => lab.converged(20, { zones: [zone] }).then(() => undefined));
    expect((await told())?.ds).to.deep.equal(ds);
  });
  const refused = async (message: RegExp): Promise<void> => {
    const failure: unknown = await owner()
      .start()
      .catch((error: unknown) => error);
    expect(String(failure)).to.match(message);
    expect(owner().pids.knot).to.equal(undefined);
  };

  it("does not replace the copy by other keys, and begins with them when the copy was taken away", async () => {
    const copy = await readFile(copyFile(), "utf8");
    await kept();
    await loseVolume();
    await rm(copyFile());
    await owner().start();
    await owner().ready();
    await eventually(20, async () => {
      expect((await told())?.ds)
        .to.have.length(1)
        .and.to.not.deep.equal(ds);
      // Counted anew while there is no copy: from one that is there, it would go on.
      expect((await owner().status()).zoneKeys?.generation).to.be.a("number");
    });
    await writeFile(copyFile(), copy);
    await eventually(20, async () => {
      expect((await owner().keepZoneKeys()).join()).to.match(/is not replaced: it is newer/);
      expect((await owner().status()).problems.map(({ kind }) => kind)).to.contain("keys");
    });
    expect(await readFile(copyFile(), "utf8")).to.equal(copy);
    await rm(copyFile());
    await kept();
    expect((await owner().status()).problems).to.deep.equal([]);
  });

  it("keeps its keys and its content when the primary, its owner, lost the volume while no other site answers", async () => {
    const [primary, name] = [lab.site("site-a"), "first.example"];
    const others = [...lab.sites.values()].filter((site) => site !== primary);
    const keysAt = async (site: LabSite) => (await apexTexts(site.server, name, "DNSKEY")).sort();
    lab.list[0]!.zones.push({ name, zoneFile, dnssec: true });
    await lab.upAll();
    await lab.converged(20, { zones: [name] });
    await primary.control.zoneReplace(name, { owner: `www.${name}`, ttl: 5, type: "A", data: "192.0.2.9" });
    await eventually(20, async () => {
      expect(await primary.keepZoneKeys()).to.deep.equal([]);
      expect((await primary.status()).zoneKeys?.keptAt).to.be.a("string");
    });
    await lab.converged(20, { zones: [name] });
    const keys = await keysAt(primary);
    expect(keys).to.have.length.of.at.least(1);
    await primary.stop("SIGKILL");
    for (const site of others) await site.stopKnot();
    await primary.loseVolume();
    // A restart in between changes nothing.
    for (let i = 0; i < 2; i++) {
      await primary.start();
      await eventually(20, async () => {
        const { problems } = await primary.status();
        expect(problems.map(({ message }) => message).join()).to.match(
          /first\.example .*signed with keys that are here.*unreachable/,
        );
        expect((await primary.soa("site-a.example")).serial).to.equal(1);
      });
      if (i === 0) await primary.stop("SIGKILL");
    }
    for (const site of others) site.startKnot();
    await eventually(40, async () => {
      for (const site of lab.sites.values()) {
        const { answers } = await site.dns.query(site.server, `www.${name}`, "A");
        expect(answers[0], site.name).to.deep.include({ type: "A", address: "192.0.2.9" });
        expect(await keysAt(site), site.name).to.deep.equal(keys);
      }
      expect((await primary.status()).problems).to.deep.equal([]);
    });
    await lab.converged(20, { zones: [name] });
  });
});
