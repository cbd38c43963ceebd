import { expect } from "chai";
import { rcodes } from "../../../src/dns/types";
import type { TsigKey } from "../../../src/dns/tsig-key";
import type { Updater } from "../../../src/records/updater";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { sendUpdate, type UpdateAnswer, type UpdateClient } from "../../../harness/records/update-clients";
import { allowUpdaters, updater } from "../../../harness/records/updaters";
import { randomKey } from "../../../src/keyring/fresh-key";

interface Sent {
  readonly commands: readonly string[];
  readonly client?: UpdateClient;
  readonly key?: TsigKey;
  readonly zone?: string;
  readonly tcp?: boolean;
}

describe("updates by nsupdate and knsupdate", function () {
  this.timeout(60_000);
  const zone = "site-a.example";
  const pods = ["site-a", "site-a/1"];
  const apps = updater({
    name: "apps-key",
    ...{ zones: [zone], updateOwner: "name", updateOwnerName: ["apps"], updateType: ["A", "TXT", "ANY"] },
    transfer: true,
  });
  const host = updater({ name: `host.${zone}`, zones: [zone], updateOwner: "key", updateOwnerMatch: "equal" });
  const challenges = updater({
    name: "challenges",
    ...{ zones: [zone], updateOwner: "name", updateOwnerMatch: "pattern", updateType: ["TXT"] },
    updateOwnerName: ["_acme-challenge", "_acme-challenge.*"],
  });
  let lab: Lab;

  before(async () => {
    lab = await Lab.create({ sites: 3, recordsKey: randomKey("records") });
    lab.replicas.set("site-a", [lab.address(0), lab.address(20)]);
    lab.list[0]?.zones.push("other.example");
    await lab.upAll();
    await (await lab.upReplica("site-a", 1)).ready();
    await lab.converged(20);
    await allow([apps, host, challenges]);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs().slice(-12_000));
  });

  const allow = (updaters: readonly Updater[]): Promise<void> =>
    allowUpdaters(
      pods.map((pod) => lab.site(pod)),
      updaters,
    );

  const send = (pod: string, { client = "nsupdate", key = apps, zone: of = zone, tcp, commands }: Sent) =>
    sendUpdate({
      ...{ client, key, server: lab.site(pod).server, folder: lab.folder, commands: [`zone ${of}`, ...commands] },
      ...(tcp === true && { tcp }),
    });

  async function addresses(site: string, name: string): Promise<string[]> {
    const { server, dns } = lab.site(site);
    const { answers, rcode } = await dns.query(server, name, "A");
    if (rcode === rcodes.NXDOMAIN) return [];
    return answers.map((record) => ("address" in record ? record.address : JSON.stringify(record)));
  }

  const everywhere = (name: string, expected: readonly string[]) =>
    eventually(
      10,
      async () => {
        for (const site of lab.sites.keys()) expect(await addresses(site, name), site).to.deep.equal(expected);
      },
      20,
    );

  /** Checks that an update is refused, and that the zone stays as it is. */
  async function refused(pod: string, sent: Sent, says = /NOTAUTH/): Promise<void> {
    const before = (await lab.site("site-a").soa(zone)).serial;
    const answer = await send(pod, sent);
    expect(answer.ok, answer.said).to.equal(false);
    if (sent.client !== "knsupdate") expect(answer.said).to.match(says);
    expect((await lab.site("site-a").soa(zone)).serial).to.equal(before);
  }

  function well({ ok, said }: UpdateAnswer): void {
    expect(ok, said).to.equal(true);
  }

  for (const pod of pods) {
    for (const client of ["nsupdate", "knsupdate"] as const) {
      it(`reach every site by ${client}, over UDP and TCP, sent to ${pod}`, async () => {
        for (const tcp of [false, true]) {
          const name = `${client}-${pods.indexOf(pod)}-${tcp ? "tcp" : "udp"}.apps.${zone}`;
          well(await send(pod, { client, tcp, commands: [`update add ${name}. 60 A 192.0.2.1`] }));
          await everywhere(name, ["192.0.2.1"]);
          well(await send(pod, { client, tcp, commands: [`update delete ${name}. A`] }));
          await everywhere(name, []);
        }
      });
    }

    it(`are refused beyond the key's names, types and zones at ${pod}, and change nothing`, async () => {
      await refused(pod, { commands: [`update add www.${zone}. 60 A 192.0.2.66`] });
      await refused(pod, { client: "knsupdate", commands: [`update add www.${zone}. 60 A 192.0.2.66`] });
      await refused(pod, { commands: [`update add x.apps.${zone}. 60 AAAA 2001:db8::66`] });
      await refused(pod, { client: "knsupdate", commands: [`update add x.apps.${zone}. 60 AAAA 2001:db8::66`] });
      await refused(pod, { commands: [`update delete ${zone}. NS`] });
      await refused(pod, { zone: "other.example", commands: ["update add x.apps.other.example. 60 A 192.0.2.66"] });
    });

    it(`are refused with one bad part as a whole at ${pod}`, async () => {
      const commands = [`update add x.apps.${zone}. 60 A 192.0.2.66`, `update add x.${zone}. 60 A 192.0.2.66`];
      await refused(pod, { commands });
      expect(await addresses("site-a", `x.apps.${zone}`)).to.deep.equal([]);
    });

    it(`are refused with a wrong secret or an unknown key at ${pod}`, async () => {
      const commands = [`update add x.apps.${zone}. 60 A 192.0.2.66`];
      const key = randomKey(apps.name);
      for (const client of ["nsupdate", "knsupdate"] as const) await refused(pod, { client, key, commands }, /BADSIG/);
      await refused(pod, { key: randomKey("nobody"), commands });
    });

    it(`are held to the key's own name, and to patterns of names, at ${pod}`, async () => {
      const n = pods.indexOf(pod);
      well(await send(pod, { key: host, commands: [`update add host.${zone}. 60 A 192.0.2.${n}`] }));
      await refused(pod, { key: host, commands: [`update add below.host.${zone}. 60 A 192.0.2.66`] });
      for (const owner of ["_acme-challenge", "_acme-challenge.www"])
        well(await send(pod, { key: challenges, commands: [`update add ${owner}.${zone}. 60 TXT token-${n}`] }));
      await refused(pod, { key: challenges, commands: [`update add _acme-challenge.a.b.${zone}. 60 TXT token`] });
      await refused(pod, { key: challenges, commands: [`update add www.${zone}. 60 TXT token`] });
    });
  }

  it("may delete all that a name has when ANY is among the types", async () => {
    const name = `all.apps.${zone}.`;
    well(await send("site-a", { commands: [`update add ${name} 60 A 192.0.2.1`, `update add ${name} 60 TXT text`] }));
    await refused("site-a", { key: host, commands: [`update delete host.${zone}.`] });
    well(await send("site-a", { commands: [`update delete ${name}`] }));
    await everywhere(`all.apps.${zone}`, []);
  });

  it("are refused by sites that do not own the zone", async () => {
    await refused("site-b", { commands: [`update add x.apps.${zone}. 60 A 192.0.2.66`] });
  });

  it("come with a transfer of the zone from each pod only where it is allowed", async () => {
    for (const pod of pods) {
      const { server, dns } = lab.site(pod);
      expect((await dns.transfer(server, zone, apps)).length).to.be.greaterThan(2);
      const failed = async (key: TsigKey, of: string): Promise<boolean> =>
        dns.transfer(server, of, key).then(
          () => false,
          () => true,
        );
      expect(await failed(host, zone)).to.equal(true);
      expect(await failed(apps, "other.example")).to.equal(true);
    }
  });

  it("fail at another pod while the writer is away, and change nothing", async () => {
    await lab.site("site-a").stopKnot();
    const answer = await send("site-a/1", { commands: [`update add late.apps.${zone}. 60 A 192.0.2.66`] });
    expect(answer.ok).to.equal(false);
    expect(answer.said).to.contain("SERVFAIL");
    lab.site("site-a").startKnot();
    await lab.site("site-a").ready();
    expect(await addresses("site-a", `late.apps.${zone}`)).to.deep.equal([]);
  });

  it("follow the list while everything runs: what is taken off is shut out, what is put on is let in", async () => {
    const before = pods.map((pod) => lab.site(pod).pids);
    const later = updater({ name: "later", zones: ["other.example"], updateOwner: "zone" });
    await allow([later]);
    for (const pod of pods) {
      await eventually(10, () => refused(pod, { commands: [`update add x.apps.${zone}. 60 A 192.0.2.66`] }));
      const commands = [`update add w${pods.indexOf(pod)}.other.example. 60 A 192.0.2.1`];
      well(await send(pod, { key: later, zone: "other.example", commands }));
    }
    expect(pods.map((pod) => lab.site(pod).pids)).to.deep.equal(before);
  });
});
