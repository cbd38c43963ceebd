import { expect } from "chai";

import { isLagging } from "../../../../src/agents/reconciler/decide";
import { type KeptKeys, keptKeysFile } from "../../../../src/contract/kept-keys";
import { signEpoch } from "../../../../src/mesh/epoch";
import { viewHash } from "../../../../src/mesh/view";
import { peerPolicySpec } from "../../../../src/policies/network-policy";
import { addressOf, centralZones, FakeSite, packet } from "./reconciler-mesh";
import { epochSigner } from "../../mesh/epoch-signer";

const three = ["site-a", "site-b", "site-c"];
const six = [...three, "site-d", "site-e", "site-f"];
const clean = { ok: true, counters: { dnsQueries: 2, transfers: 0, apiReads: 2, apiWrites: 0 } };

describe("reconciler", () => {
  describe("when nothing changed", () => {
    it("asks each pod twice, transfers nothing and writes nothing", async () => {
      const site = new FakeSite(three, 2);
      await site.pass();
      expect(await site.pass()).to.deep.equal({ ok: true, counters: { ...clean.counters, dnsQueries: 4 } });
    });

    it("leaves alone a policy to which the API server added defaults", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.policy = { ...site.policy, spec: { ...(site.policy?.["spec"] as object), defaulted: true } };
      expect(await site.pass()).to.deep.equal(clean);
    });

    it("leaves alone what a problem that goes on has led to", async () => {
      const site = new FakeSite(three, 2);
      await site.pass();
      site.pods[1]!.agent = "down";
      await site.pass();
      const { ok, counters } = await site.pass();
      expect({ ok, writes: counters.apiWrites }).to.deep.equal({ ok: false, writes: 0 });
    });
  });

  describe("when the mesh changed", () => {
    it("applies the policy once", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.publish([...three, "site-d"], 101);
      const { ok, counters } = await site.pass();
      expect(ok).to.equal(true);
      expect(counters).to.deep.equal({ dnsQueries: 2, transfers: 2, apiReads: 2, apiWrites: 2 });
      expect(JSON.stringify(site.policy)).to.contain(`${addressOf("site-d")}/32`);
      expect(await site.pass()).to.deep.equal(clean);
    });

    it("writes no policy when only serials changed", async () => {
      const site = new FakeSite(three);
      await site.pass();
      const before = site.applied.length;
      site.publish(three, 101);
      await site.pass();
      expect(site.applied).to.have.length(before);
      expect(await site.pass()).to.deep.equal(clean);
    });

    it("believes the pod with the newest serial, across the end of the circle", async () => {
      const site = new FakeSite(three, 2);
      site.publish(three, 2 ** 32 - 1);
      await site.pass();
      site.pods[1]!.zones = centralZones([...three, "site-d"], 4);
      for (const pod of site.pods) site.applyAt(pod, [...three, "site-d"], 4);
      expect((await site.pass()).ok).to.equal(true);
      expect(JSON.stringify(site.policy)).to.contain(addressOf("site-d"));
    });
  });

  describe("when a pod signs zones", () => {
    const keys = { zone: "z.example", state: "signed", ds: ["1 13 2 AB"], dnskeys: ["257 3 13 AA=="] } as const;
    const signing = (site: FakeSite, signedUntil: string) => {
      const [writer] = site.pods;
      writer!.status = { ...writer!.status, dnssec: [{ ...keys, signedUntil }] };
    };

    it("reports their keys, and writes nothing when only the signatures are new", async () => {
      const site = new FakeSite(three);
      signing(site, "2026-12-01T00:00:00.000Z");
      await site.pass();
      expect(site.report.dnssec).to.deep.equal([keys]);
      signing(site, "2026-12-15T00:00:00.000Z");
      expect((await site.pass()).counters.apiWrites).to.equal(0);
    });

    it("goes on telling them while the writer is away", async () => {
      const site = new FakeSite(three);
      signing(site, "2026-12-01T00:00:00.000Z");
      await site.pass();
      site.pods[0]!.agent = "down";
      await site.pass();
      expect(site.report.dnssec).to.deep.equal([keys]);
    });
  });

  describe("when a pod sees to name servers", () => {
    const records = { servers: ["ns1.z.example"], glue: ["ns1.z.example 192.0.2.1"] };
    const seeing = (site: FakeSite, parent: object | undefined) => {
      const [writer] = site.pods;
      const zone = { zone: "z.example", servers: ["ns1.z.example"], kept: [], waiting: [] };
      writer!.status = { ...writer!.status, nameServers: [{ ...zone, ...(parent && { parent: parent as never }) }] };
    };

    it("reports what parents outside the mesh should have, as it was known last while the pod does not know", async () => {
      const site = new FakeSite(three);
      seeing(site, records);
      await site.pass();
      expect(site.report.delegations).to.deep.equal([{ zone: "z.example", ...records }]);
      seeing(site, undefined);
      expect((await site.pass()).counters.apiWrites).to.equal(0);
      site.pods[0]!.agent = "down";
      await site.pass();
      expect(site.report.delegations).to.deep.equal([{ zone: "z.example", ...records }]);
    });

    it("leaves out those whose parent is in the mesh", async () => {
      const site = new FakeSite(three);
      seeing(site, { ...records, zone: "example" });
      await site.pass();
      expect(site.report).to.not.have.property("delegations");
    });
  });

  describe("when the central zones say what must not be followed", () => {
    it("applies nothing of an emptied directory, fails, and reports it by one Event", async () => {
      const site = new FakeSite(three);
      await site.pass();
      const { policy } = site;
      site.publish([], 101, { applied: false });
      expect((await site.pass()).ok).to.equal(false);
      expect((await site.pass()).ok).to.equal(false);
      expect(site.policy).to.equal(policy);
      expect(site.told).to.have.length(1);
      expect(site.told[0]).to.match(/^Warning Refused: refused: empty: /);
    });

    it("reports the end of a problem, too", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.publish([], 101, { applied: false });
      await site.pass();
      site.publish(three, 102);
      expect((await site.pass()).ok).to.equal(true);
      expect(site.told[1]).to.match(/^Normal RefusedOver: refused is over/);
      expect(site.report).to.deep.include({ ok: true, conditions: [] });
    });

    it("holds a mass removal, and keeps the peers in the policy", async () => {
      const site = new FakeSite(six);
      await site.pass();
      const { policy } = site;
      site.publish(["site-a", "site-b"], 101, { applied: false });
      expect((await site.pass()).ok).to.equal(false);
      expect(site.policy).to.equal(policy);
      expect(site.report.conditions.map(({ kind }) => kind)).to.include("held");
    });

    it("follows a removal that looks large from here once all agents have followed it", async () => {
      const site = new FakeSite(six);
      await site.pass();
      site.publish(["site-a", "site-b"], 101);
      expect((await site.pass()).ok).to.equal(true);
      expect(JSON.stringify(site.policy)).not.to.contain(addressOf("site-f"));
    });

    it("does not follow the zones without a memory while an agent holds", async () => {
      const site = new FakeSite(six);
      await site.pass();
      const { policy } = site;
      site.publish(["site-a", "site-b"], 101, { applied: false });
      site.pods[0]!.status = {
        ...site.pods[0]!.status,
        held: [{ kind: "sites", names: ["site-c"], reason: "four of six" }],
      };
      site.status = { metadata: { name: "mesh-status" }, data: { "state.json": "{}" } };
      expect((await site.pass()).ok).to.equal(false);
      expect(site.policy).to.equal(policy);
    });

    it("transfers nothing when all serials went back", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.publish(["site-a", "site-b"], 99, { applied: false });
      const { ok, counters } = await site.pass();
      expect({ ok, transfers: counters.transfers }).to.deep.equal({ ok: false, transfers: 0 });
      expect(site.told[0]).to.contain("older");
    });

    it("changes nothing after a transfer that broke", async () => {
      const site = new FakeSite(three);
      await site.pass();
      const { policy } = site;
      site.publish([...three, "site-d"], 101, { applied: false });
      site.pods[0]!.knot = "no-transfer";
      expect((await site.pass()).ok).to.equal(false);
      expect(site.policy).to.equal(policy);
      expect(site.told.join()).to.contain("Warning Transfer");
    });
  });

  describe("when another site was made the primary catalog, whose serials are lower", () => {
    const { privateKey, publicKey } = epochSigner();
    const first = signEpoch("dns.internal", { number: 1, primary: "site-a" }, privateKey);
    const second = signEpoch("dns.internal", { number: 2, primary: "site-c" }, privateKey);
    const four = [...three, "site-d"];
    const apply = (site: FakeSite, pod: FakeSite["pods"][number], epoch: typeof first) => {
      const [sites, serial] = epoch === first ? [three, 100] : [four, 50];
      pod.zones = centralZones(sites, serial, epoch);
      site.applyAt(pod, sites, serial);
      pod.status = { ...pod.status, applied: { ...pod.status.applied!, epoch } };
    };
    const prepared = async (replicas: number) => {
      const site = new FakeSite(three, replicas);
      site.packet = { ...packet, epoch: first, signers: [publicKey] };
      for (const pod of site.pods) apply(site, pod, first);
      expect((await site.pass()).ok).to.equal(true);
      return site;
    };

    it("goes by the epoch, as the agents do", async () => {
      const site = await prepared(1);
      apply(site, site.pods[0]!, second);
      expect((await site.pass()).ok).to.equal(true);
      expect(JSON.stringify(site.policy)).to.contain(addressOf("site-d"));
      expect((await site.pass()).counters).to.include({ transfers: 0, apiWrites: 0 });
    });

    it("does so with equal serials, too", async () => {
      const site = await prepared(1);
      apply(site, site.pods[0]!, second);
      site.pods[0]!.zones = centralZones(four, 100, second);
      await site.pass();
      expect(JSON.stringify(site.policy)).to.contain(addressOf("site-d"));
    });

    it("reads no pod that has the replaced zones, although their serials are higher", async () => {
      const site = await prepared(2);
      apply(site, site.pods[1]!, second);
      await site.pass();
      expect(JSON.stringify(site.policy)).to.contain(addressOf("site-d"));
    });

    it("follows no zones of an epoch below that of its packet", async () => {
      const site = await prepared(1);
      const { policy } = site;
      site.packet = { ...site.packet, epoch: second };
      site.pods[0]!.zones = centralZones(four, 101, first);
      expect((await site.pass()).ok).to.equal(false);
      expect(site.told.join()).to.contain("fenced: the directory is of epoch 1");
      expect(site.policy).to.equal(policy);
    });
  });

  describe("the network policy", () => {
    it("is healed after somebody edited it", async () => {
      const site = new FakeSite(three);
      await site.pass();
      const right = site.policy?.["spec"];
      site.editPolicy(peerPolicySpec({ packet }));
      const { ok, counters } = await site.pass();
      expect({ ok, transfers: counters.transfers }).to.deep.equal({ ok: true, transfers: 0 });
      expect(site.policy?.["spec"]).to.deep.equal(right);
      expect(await site.pass()).to.deep.equal(clean);
    });

    it("is healed while no pod answers, from what is known", async () => {
      const site = new FakeSite(three);
      await site.pass();
      const right = site.policy?.["spec"];
      site.pods[0]!.knot = "down";
      site.editPolicy({ podSelector: {} });
      expect((await site.pass()).ok).to.equal(false);
      expect(site.policy?.["spec"]).to.deep.equal(right);
    });

    it("is left alone while nothing was ever read", async () => {
      const site = new FakeSite(three);
      site.pods[0]!.knot = "down";
      expect((await site.pass()).ok).to.equal(false);
      expect(site.applied).to.be.empty;
    });

    it("is reported when it is missing", async () => {
      const site = new FakeSite(three);
      site.policy = undefined;
      expect((await site.pass()).ok).to.equal(false);
      expect(site.told.join()).to.contain("NetworkPolicy knot-peers is missing");
    });
  });

  describe("pods", () => {
    it("are poked when they lag, and looked at again", async () => {
      const site = new FakeSite(three, 2);
      await site.pass();
      site.publish([...three, "site-d"], 101);
      const late = site.pods[1]!;
      site.applyAt(late, three, 100);
      late.onPoke = () => {
        site.applyAt(late, [...three, "site-d"], 101);
      };
      expect((await site.pass()).ok).to.equal(true);
      expect(site.pods.map(({ pokes }) => pokes)).to.deep.equal([0, 1]);
    });

    it("are told of each pass, by what only the site's own programs know, and are not missed when they are away", async () => {
      const site = new FakeSite(three, 2);
      await site.pass();
      site.pods[1]!.agent = "down";
      expect((await site.pass()).ok).to.equal(false);
      const [first, second] = site.pods.map(({ reports }) => reports.map(({ report }) => report.findings));
      expect(second).to.deep.equal([{}]);
      expect(first).to.deep.equal([{}, { unreachable: 1 }]);
      const { token, report } = site.pods[0]!.reports[0]!;
      expect(report.seconds).to.be.at.least(0);
      expect(token).to.match(/^[\w-]{43}$/);
    });

    it("fail the pass when they stay behind", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.publish([...three, "site-d"], 101, { applied: false });
      expect((await site.pass()).ok).to.equal(false);
      expect(site.told).to.have.length(1);
      expect(site.told[0]).to.match(/^Warning Lagging: lagging knot-0/);
    });

    it("lag while they have read no zone, whatever the serial is", async () => {
      const site = new FakeSite(three);
      site.publish(three, 2 ** 31 + 5);
      await site.pass();
      site.applyAt(site.pods[0]!, ["site-a"], 0);
      expect((await site.pass()).ok).to.equal(false);
    });

    it("lag behind a view of an epoch above, whatever the serials, and not where they go by one above", () => {
      const at = { directorySerial: 200, catalogSerial: 200, hash: "other", at: "2026-11-23T12:00:00Z" };
      const view = { directorySerial: 100, catalogSerial: 100, sites: [], zones: [] };
      const [first, second] = [1, 2].map((number) => ({ epoch: { number, primary: "site-b" } }));
      expect(isLagging({ applied: { ...at, ...first } }, { ...view, ...second })).to.equal(true);
      const older = { ...at, directorySerial: 50, catalogSerial: 50 };
      expect(isLagging({ applied: { ...older, ...second } }, { ...view, ...first })).to.equal(false);
      expect(isLagging({ applied: at }, view)).to.equal(false);
      // Half a circle apart is not ahead (RFC 1982).
      const apart = { ...at, directorySerial: 100 + 2 ** 31, catalogSerial: 100 };
      expect(isLagging({ applied: apart }, view)).to.equal(true);
      expect(isLagging({ applied: { ...older, hash: viewHash(view) } }, view)).to.equal(false);
    });

    it("have the zones read again where they found another content under the same serials", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.publish([...three, "site-d"], 100);
      expect((await site.pass()).counters.transfers).to.equal(2);
      expect(JSON.stringify(site.policy)).to.contain(`${addressOf("site-d")}/32`);
      expect(await site.pass()).to.deep.equal(clean);
    });

    it("do not lag when they have read newer zones", async () => {
      const site = new FakeSite(three);
      await site.pass();
      site.applyAt(site.pods[0]!, [...three, "site-d"], 101);
      expect((await site.pass()).ok).to.equal(true);
    });

    it("fail the pass when not ready, unreachable or with problems of their own", async () => {
      const site = new FakeSite(three, 3);
      const [first, second, third] = site.pods;
      first!.status = { ...first!.status, ready: false };
      second!.agent = "down";
      const since = "2026-11-23T11:00:00Z";
      third!.status = { ...third!.status, problems: [{ kind: "apply", message: "Knot did not take it", since }] };
      expect((await site.pass()).ok).to.equal(false);
      expect(site.report.conditions.map(({ kind, subject }) => `${kind} ${subject ?? ""}`)).to.deep.equal([
        "agent-apply knot-2",
        "not-ready knot-0",
        "unreachable knot-1",
      ]);
    });

    it("are believed one by one: one that does not answer stops nothing", async () => {
      const site = new FakeSite(three, 2);
      await site.pass();
      site.pods[0]!.knot = "down";
      site.publish([...three, "site-d"], 101);
      expect((await site.pass()).ok).to.equal(false);
      expect(JSON.stringify(site.policy)).to.contain(addressOf("site-d"));
    });
  });

  describe("the zones' keys", () => {
    const copy: KeptKeys = {
      version: 1,
      site: "site-b",
      generation: 1,
      madeAt: "2026-11-29T00:00:00.000Z",
      zones: ["b.example"],
      keys: ["1".repeat(40)],
      digest: "d1",
      sealedWith: "s",
      content: "AAAA",
    };
    const next = { ...copy, generation: 2, digest: "d2" };
    const kept = (site: FakeSite): unknown => {
      const data = site.zoneKeys?.["data"] as Record<string, string> | undefined;
      return data && JSON.parse(Buffer.from(data[keptKeysFile] ?? "", "base64").toString());
    };
    const keys = (site: FakeSite) => site.report.conditions.filter(({ kind }) => kind === "keys");

    it("are kept once for each change of the writer's, and no other pod is asked", async () => {
      const site = new FakeSite(three, 2);
      site.pods[0]!.zoneKeys = copy;
      site.pods[1]!.zoneKeys = { ...next, site: "other" };
      await site.pass();
      expect(kept(site)).to.deep.equal(copy);
      expect((await site.pass()).counters).to.include({ apiReads: 3, apiWrites: 0 });
      site.pods[0]!.zoneKeys = next;
      expect((await site.pass()).counters).to.include({ apiReads: 3, apiWrites: 1 });
      expect(kept(site)).to.deep.equal(next);
    });

    it("never give way to older or other ones, which is reported", async () => {
      const site = new FakeSite(three);
      site.pods[0]!.zoneKeys = next;
      await site.pass();
      for (const wrong of [copy, { ...next, generation: 3, digest: "d3", keys: ["9".repeat(40)] }]) {
        site.pods[0]!.zoneKeys = wrong;
        expect((await site.pass()).ok).to.equal(false);
        expect(keys(site)[0]?.message).to.match(/is not replaced/);
        expect(kept(site)).to.deep.equal(next);
      }
    });

    it("stay as they are when they cannot be read, when the Secret is missing, and when somebody wrote in between", async () => {
      const site = new FakeSite(three);
      site.pods[0]!.zoneKeys = copy;
      site.zoneKeys = { metadata: { resourceVersion: "1" }, data: { [keptKeysFile]: "AAAA" } };
      await site.pass();
      expect(keys(site)[0]?.message).to.equal("Secret zone-keys is not JSON");
      expect(site.zoneKeys).to.have.nested.property("metadata.resourceVersion", "1");
      site.zoneKeys = undefined;
      await site.pass();
      expect(keys(site)[0]?.message).to.match(/missing; bring this site's stack up again/);
      site.zoneKeys = { metadata: { resourceVersion: "1" } };
      site.whenZoneKeysAreRead = () => (site.zoneKeys = { metadata: { resourceVersion: "2" } });
      await site.pass();
      expect(keys(site)[0]?.message).to.match(/Conflict/);
      site.whenZoneKeysAreRead = () => undefined;
      await site.pass();
      expect(kept(site)).to.deep.equal(copy);
      expect(keys(site)).to.deep.equal([]);
    });
  });

  describe("without the Kubernetes API", () => {
    it("fails, and says so in the log", async () => {
      const site = new FakeSite(three);
      site.apiUp = false;
      const { ok, counters } = await site.pass();
      expect({ ok, writes: counters.apiWrites }).to.deep.equal({ ok: false, writes: 0 });
      expect(site.log.join("")).to.contain("the Kubernetes API is away");
    });
  });

  it("ends its log with what the pass cost", async () => {
    const site = new FakeSite(three);
    const { counters } = await site.pass();
    expect(JSON.parse(site.log.at(-1)!)).to.deep.include({ counters, ok: true });
  });
});
