import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";

import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { run } from "../../../harness/tools/run";
import { Lab } from "../../../lab";
import type { LabSite } from "../../../lab/site";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { dsText } from "../../../src/dns/rdata/trust-types";
import type { ResourceRecord } from "../../../src/dns/record";
import { rcodes } from "../../../src/dns/types";
import type { Change } from "../../../src/dns/update";
import { randomKey } from "../../../src/keyring/fresh-key";
import { zoneFileOf } from "../../../src/knot/config/volume";
import { defaultZoneLimits } from "../../../src/mesh/limits";

/** Steps in order: each starts from what the one before left. */
describe("the guard on own zones", function () {
  this.timeout(90_000);
  const [zone, beside] = ["site-a.example", "beside.example"];
  const key = randomKey("records");
  /** A change may wait for five seconds. */
  const patient = new DnsClient({ timeoutMs: 10_000 });
  const names = Array.from({ length: 30 }, (_, i) => `n${i}.${zone}`);
  let lab: Lab;
  let writer: LabSite;

  before(async () => {
    lab = await Lab.create({ sites: 2, recordsKey: key, guard: defaultZoneLimits });
    lab.replicas.set("site-a", [lab.address(0), lab.address(20)]);
    lab.list[0]?.zones.push(beside, { name: "signed.example", dnssec: true });
    await lab.upAll();
    await (await lab.upReplica("site-a", 1)).ready();
    await lab.converged(30);
    writer = lab.site("site-a");
    await eventually(10, async () => {
      expect(await writer.files()).to.contain("external-validation: guard");
    });
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs().slice(-60_000));
  });

  const address = (name: string, of = "192.0.2.1"): ResourceRecord => ({
    ...{ name, class: "IN", ttl: 60, type: "A", address: of },
  });
  const add = (name: string): Change => ({ kind: "add", record: address(name) });
  const remove = (name: string): Change => ({ kind: "deleteRrset", name, type: "A" });
  const update = (changes: readonly Change[], of = zone) => patient.update(writer.server, { zone: of, changes }, key);
  const refused = async (changes: readonly Change[]): Promise<void> => {
    const failure: unknown = await update(changes).catch((error: unknown) => error);
    expect(String(failure)).to.contain("SERVFAIL");
  };
  const has = async (site: LabSite, name: string): Promise<boolean> =>
    (await site.dns.query(site.server, name, "A")).rcode !== rcodes.NXDOMAIN;
  /** Which of the names each pod of each site answers, once all say the same. */
  async function answered(expected: readonly string[]): Promise<void> {
    for (const site of lab.sites.values())
      await eventually(30, async () => {
        const found = await Promise.all(names.map(async (name) => ((await has(site, name)) ? [name] : [])));
        expect(found.flat(), site.podName).to.deep.equal(expected);
      });
  }
  const heldChange = async () => (await writer.status()).guard?.find((each) => each.zone === zone);

  it("lets changes through that take away little, in signed zones too", async () => {
    await update(names.map(add));
    await answered(names);
    await update(names.slice(0, 5).map(remove));
    await update(names.slice(0, 5).map(add));
    await update([add("www.signed.example")], "signed.example");
    await update([remove("www.signed.example")], "signed.example");
    expect((await writer.status()).problems).to.deep.equal([]);
  });

  it("holds an UPDATE that takes away more than a third, says so, and delays no other zone", async () => {
    await refused(names.slice(0, 20).map(remove));
    await update([add(`www.${beside}`)], beside);
    const held = await heldChange();
    expect(held?.message).to.match(
      /is held: with it 20 of 3\d names are taken away, and 1\d may go at once \(n0\.site-a/,
    );
    const { problems } = await writer.status();
    expect(problems.map(({ kind }) => kind)).to.deep.equal(["guard"]);
    await answered(names);
  });

  it("counts a change in many steps as one", async () => {
    const taken = names.slice(0, 20);
    const outcomes: boolean[] = [];
    for (const name of taken)
      outcomes.push(
        await update([remove(name)]).then(
          () => true,
          () => false,
        ),
      );
    expect(outcomes.filter(Boolean)).to.have.length.within(10, 11);
    expect(outcomes.slice(11)).to.not.include(true);
    await update(taken.map(add));
    await answered(names);
  });

  it("holds what takes away the NS records of the apex, by a file that is loaded anew", async () => {
    const file = writer.path("storage", zoneFileOf(zone));
    await run(knotBinaries().knotc, ["-s", writer.path("run", "knot.sock"), "-b", "zone-flush", zone]);
    const before = await readFile(file, "utf8");
    const serial = Number(/SOA\s+\S+\s+\S+\s+(\d+)/.exec(before)?.[1]);
    const without = before
      .split("\n")
      .filter((line) => !/\sNS\s/.test(line))
      .join("\n")
      .replace(String(serial), String(serial + 1));
    await writeFile(file, without);
    const failure: unknown = await writer.control.zoneReload(zone).catch((error: unknown) => error);
    expect(String(failure)).to.contain("external validation failed");
    expect((await heldChange())?.message).to.contain("takes away the NS records of the apex");
    await writeFile(file, before);
    await answered(names);
  });

  it("lets the change through once somebody says so for the zone, for a time, and for no other", async () => {
    const until = new Date(Date.now() + 600_000).toISOString().replace(/\.\d+Z$/, "Z");
    await writer.letThrough(`${beside}=${until}`);
    await refused(names.slice(0, 20).map(remove));
    await writer.letThrough(`${zone}=2020-01-01T00:00:00Z`);
    await refused(names.slice(0, 20).map(remove));
    await writer.letThrough("anything");
    await refused(names.slice(0, 20).map(remove));
    await writer.letThrough(`${beside}=${until},${zone}=${until}`);
    await update(names.slice(0, 20).map(remove));
    await answered(names.slice(20));
    expect((await writer.status()).problems).to.deep.equal([]);
    await writer.letThrough("");
  });

  it("waits for an agent that starts again, and lets changes through unseen once it is away for longer", async () => {
    await writer.stopAgent("SIGKILL");
    writer.startAgent();
    await update([add(`restart.${zone}`)]);
    await writer.stopAgent("SIGKILL");
    await eventually(50, async () => {
      await update([add(`away.${zone}`)]);
    });
    await eventually(5, async () => {
      expect(await has(writer, `away.${zone}`)).to.equal(true);
    });
    await eventually(5, () => {
      expect(writer.log()).to.contain(`the agent is away: a change of ${zone}. is let through unseen`);
    });
    writer.startAgent();
    await writer.ready();
    // Between the configuration without an agent and the one with it, a change may be refused as by a server that is ill.
    await eventually(20, () => update(names.slice(0, 20).map(add)));
    await answered(names);
    await refused(names.map(remove));
  });

  const serversAt = async (site: LabSite, of: string): Promise<readonly string[]> => {
    const { answers } = await site.dns.query(site.server, of, "NS");
    return answers.flatMap((each) => (each.type === "NS" && each.name === of ? [each.target] : [])).sort();
  };
  const addressesAt = async (site: LabSite, name: string): Promise<readonly string[]> =>
    (await site.dns.query(site.server, name, "A")).answers.flatMap((each) => (each.type === "A" ? [each.address] : []));
  const named = async (of: string, servers: readonly string[]): Promise<void> => {
    for (const site of lab.sites.values())
      await eventually(30, async () => {
        expect(await serversAt(site, of), `${of} at ${site.podName}`).to.deep.equal(servers);
      });
  };
  const [ns1, ns2, ns3, foreign] = [`ns1.${beside}`, `ns2.${beside}`, `ns3.${beside}`, "ns.elsewhere.example"];
  const child = `child.${beside}`;

  it("has nothing against the mesh's own changes of name servers, by which they follow the list", async () => {
    await update(
      [{ kind: "add", record: { name: beside, class: "IN", ttl: 60, type: "NS", target: foreign } }],
      beside,
    );
    Object.assign(lab.list[0]!, { nameServer: ns1 });
    Object.assign(lab.list[1]!, { nameServer: ns2 });
    lab.list[1]!.zones.push({ name: child, dnssec: true });
    lab.plan.nameServers = "all";
    await lab.up();
    await lab.upSite("site-b");
    await named(beside, [foreign, ns1, ns2].sort());
    await named("signed.example", [ns1, ns2]);
    await named("site-b.example", [ns1, ns2]);
    expect(await addressesAt(writer, ns2)).to.deep.equal([lab.address(1)]);
  });

  it("lets a site that joins be named once it answers the zone, and one that retires lose its name before it goes", async () => {
    const joining = lab.add({ nameServer: ns3, zones: [] });
    await lab.up();
    await eventually(20, async () => {
      const seen = (await writer.status()).nameServers?.find((each) => each.zone === beside);
      expect(seen?.waiting.join()).to.contain(`address ${lab.address(2)} of ${ns3}`);
    });
    expect(await serversAt(writer, beside)).to.not.include(ns3);
    await (await lab.upSite(joining.name)).ready();
    await named(beside, [foreign, ns1, ns2, ns3].sort());
    await named("site-b.example", [ns1, ns2, ns3]);
    joining.retired = "2020-01-01";
    await lab.up();
    await named(beside, [foreign, ns1, ns2].sort());
    expect(await addressesAt(writer, ns3)).to.deep.equal([lab.address(2)]);
    lab.list.splice(lab.list.indexOf(joining), 1);
    await lab.up();
    await eventually(30, async () => {
      expect(await addressesAt(writer, ns3)).to.deep.equal([]);
    });
    await lab.drop(joining.name);
    const { guard = [], problems } = await writer.status();
    expect(guard.map((each) => each.zone)).to.not.include(beside);
    expect(problems.map(({ kind }) => kind)).to.not.include("nameservers");
    // What others send is judged as ever.
    await eventually(20, () => update(names.map(add)));
    await refused(names.slice(0, 20).map(remove));
  });

  it("lets the parent have what a zone below it says: name servers, and DS records", async () => {
    await eventually(30, async () => {
      const stored = await writer.control.zoneRead(beside, { owner: child, type: "NS" });
      expect(stored.map(({ data }) => data).sort()).to.deep.equal([`${ns1}.`, `${ns2}.`]);
      const wanted = (await lab.site("site-b").status()).dnssec?.find((each) => each.zone === child)?.ds ?? [];
      const { answers } = await writer.dns.query(writer.server, child, "DS");
      expect(wanted).to.have.length(1);
      expect(answers.flatMap((each) => (each.type === "OTHER" ? [dsText(each.rdata)] : []))).to.deep.equal(wanted);
    });
    const seen = (await lab.site("site-b").status()).nameServers?.find((each) => each.zone === child);
    const { ds = [], ...records } = seen?.parent ?? {};
    expect(records).to.deep.equal({ zone: beside, servers: [ns1, ns2], glue: [] });
    expect(ds).to.have.length(1);
  });

  it("is off while its setting says so, at once", async () => {
    await writer.settle({ guard: false });
    await eventually(10, async () => {
      expect(await writer.files()).not.to.contain("external-validation");
    });
    // A change that comes in the moment of the reload is dropped.
    await eventually(20, () => update(names.map(remove)));
    await answered([]);
    await eventually(5, async () => {
      expect((await writer.status()).problems).to.deep.equal([]);
    });
  });
});
