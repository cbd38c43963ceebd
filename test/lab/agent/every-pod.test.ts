import { expect } from "chai";

import { askEveryPod, askPod } from "../../../src/agents/pods";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { homeOf } from "../../../src/mesh/topology";
import { podSerials } from "../../../harness/dns/pod-serials";
import { eventually } from "../../../harness/eventually";
import { kdigEveryPod } from "../../../harness/kdig";
import { servedAt } from "../../../harness/mesh/joining";
import { Lab } from "../../../lab";
import type { LabOptions } from "../../../lab/lab-parts";

/** Seconds that a busy machine may take; Knot's own NOTIFYs would take a minute, and none of them may be needed. */
const patience = 40;

/** Steps of one mesh's life, in order: each starts from what the one before left. Every pod is asked by itself. */
const meshes: readonly (LabOptions & { readonly replicas: number })[] = [
  { replicas: 2, sites: 3 },
  { replicas: 3, sites: 3, transport: "tcp" },
  { replicas: 2, sites: 5, topology: "hub" },
];
for (const { replicas, ...options } of meshes) {
  const what = `${options.sites} sites with ${replicas} pods each${"topology" in options ? ", with hubs" : ""}`;
  describe(`agents of ${what}`, function () {
    this.timeout(120_000);
    let lab: Lab;

    before(async () => {
      lab = await Lab.create({ ...options, replicas });
      await lab.upAll();
      await lab.converged(patience);
    });
    after(() => lab[Symbol.asyncDispose]());
    afterEach(function () {
      if (this.currentTest?.state === "failed") console.error(lab.logs());
    });

    const pods = () => [...lab.sites.values()];
    /** NOTIFYs that Knots sent by themselves for a zone. */
    const knotsOwn = (zone: string) =>
      pods()
        .flatMap((pod) => pod.log().split("\n"))
        .filter((line) => line.includes(`[${zone}.] notify, outgoing`)).length;
    const notifies = async () => {
      const statuses = await Promise.all(pods().map((pod) => pod.status()));
      return statuses.reduce((sum, { counters }) => sum + counters.notifies, 0);
    };

    /** One change, how far it came, and what was sent for it. */
    const change = async (zone: string, value: string) => {
      const before = { knots: knotsOwn(zone), agents: await notifies() };
      const { reached, missing } = await lab.change(zone, { name: `www.${zone}`, type: "A", value }, patience);
      expect(missing).to.deep.equal([]);
      expect(reached.size).to.equal(replicas * lab.list.length);
      return { knots: knotsOwn(zone) - before.knots, agents: (await notifies()) - before.agents };
    };

    it("bring a change of a record to every pod of every site, and no Knot has to say so", async () => {
      for (const { name } of lab.list) {
        const sent = [];
        // A Knot says once, a minute after its start, what it has.
        while (sent.length < 3 && sent.at(-1)?.knots !== 0)
          sent.push(await change(`${name}.example`, `192.0.2.${sent.length}`));
        expect(sent.at(-1)?.knots, "NOTIFYs of Knots").to.equal(0);
        // Each site is told by its owner or its hub, and each pod by one of the others; some twice, when they were slow.
        const fewest = lab.list.length - 1 + lab.list.length * (replicas - 1);
        expect(sent.at(-1)?.agents).to.be.within(fewest, 6 * lab.list.length * replicas);
      }
    });

    it("bring a new zone and its records to every pod", async () => {
      lab.plan.addZone("new.example", "site-b");
      await lab.up();
      await lab.upSite("site-b");
      await lab.converged(patience);
      const { missing } = await lab.change(
        "new.example",
        { name: "a.new.example", type: "A", value: "192.0.2.9" },
        patience,
      );
      expect(missing).to.deep.equal([]);
    });

    it("bring a change of the list to every pod, and have all say the same of it", async () => {
      lab.list.at(-1)!.zones.push("later.example");
      await lab.up();
      await lab.upSite(lab.list.at(-1)!.name);
      await lab.converged(patience);
      await eventually(patience, async () => {
        const hashes = await Promise.all(pods().map(async (pod) => (await pod.status()).applied?.hash));
        expect(new Set(hashes).size).to.equal(1);
      });
    });

    it("bring a zone that begins to be signed to every pod", async () => {
      const [site] = lab.list;
      site!.zones[0] = { name: `${site!.name}.example`, dnssec: true };
      await lab.up();
      await lab.upSite(site!.name);
      const dns = new DnsClient({ timeoutMs: 500 });
      await eventually(patience, async () => {
        for (const pod of pods()) {
          const { answers } = await dns.query(pod.server, `${site!.name}.example`, "DNSKEY");
          expect(answers.length, pod.podName).to.be.at.least(2);
        }
        await lab.converged(1);
      });
    });

    it("show whoever asks a site's address which pod answers, and how many there are", async () => {
      const dns = new DnsClient({ timeoutMs: 500 });
      for (const { name, addresses } of lab.list) {
        const server = { address: addresses[0]!, port: lab.site(name).server.port };
        expect(await podSerials(dns, server, `${name}.example`)).to.have.length(replicas);
        const { answers, missing } = await askEveryPod(() => askPod({ dns, server, zone: `${name}.example` }));
        expect(missing).to.deep.equal([]);
        expect([...answers.values()].map(({ pod }) => pod)).to.have.deep.members(
          Array.from({ length: replicas }, (_, ordinal) => ({ site: name, ordinal, replicas })),
        );
      }
    });

    it("are asked one by one by the real kdig, and by who waits until all serve a zone", async () => {
      const dns = new DnsClient({ timeoutMs: 500 });
      const named = (site: string) =>
        Array.from({ length: replicas }, (_, ordinal) => `${site}/${ordinal}/${replicas}`);
      const server = (site: string) => ({
        address: lab.plan.listed(site).addresses[0]!,
        port: lab.site(site).server.port,
      });
      const [{ name: zoneOwner } = { name: "" }] = lab.list;
      for (const { name } of lab.list) {
        const answers = await kdigEveryPod(server(name), `www.${zoneOwner}.example`, "A");
        expect(answers.map(({ pod }) => pod)).to.deep.equal(named(name));
        expect(new Set(answers.map(({ answer }) => answer)).size).to.equal(1);
        expect(answers[0]?.answer).to.match(/^192\.0\.2\.\d+$/);
      }
      const sites = lab.list.map(({ name }) => name);
      const served = await servedAt({ dns, server }, { sites, zone: `${zoneOwner}.example`, pods: replicas });
      expect(served.map(({ pod }) => pod)).to.deep.equal(sites.flatMap(named));
    });

    it("go on when the first pod of each site but the owner's is away, and bring it back to what it missed", async () => {
      const others = lab.list.filter(({ name }) => name !== "site-b").map(({ name }) => name);
      await Promise.all(others.map((name) => lab.site(name).stop("SIGKILL")));
      const gone = await lab.change(
        "site-b.example",
        { name: "b.site-b.example", type: "A", value: "192.0.2.77" },
        patience,
      );
      expect(gone.missing).to.deep.equal([]);
      expect(gone.reached.size).to.equal(replicas * lab.list.length - others.length);
      await Promise.all(others.map((name) => lab.site(name).start()));
      await lab.converged(patience);
    });

    it("bring back, by its siblings' agents, a pod whose agent was away while its Knot missed a change", async () => {
      const late = lab.site(`${lab.list.at(-1)!.name}/1`);
      const [address] = lab.plan.listed("site-b").addresses;
      const { server, secureServer } = lab.site("site-b");
      const { port } = options.transport === "tcp" ? server : secureServer;
      // Without its agent, Knot goes to servers that the agent has reached.
      await eventually(patience, async () => {
        expect(await late.files()).to.contain(`${address}@${port}`);
      });
      await late.stop("SIGKILL");
      await lab.change("site-b.example", { name: "c.site-b.example", type: "A", value: "192.0.2.78" }, patience);
      // Its Knot comes back from its journal with the old version, and no agent of its own that could ask.
      await late.startServer();
      await lab.converged(patience, { zones: ["site-b.example"] });
      late.startAgent();
      await late.ready();
    });

    if (options.sites === 5)
      it("are passed on by whichever pod of a hub is there", async () => {
        const hubs = ["site-a", "site-b"];
        const homed = lab.list.map(({ name }) => name).filter((name) => !hubs.includes(name));
        expect(new Set(homed.map((name) => homeOf(name, hubs))).size).to.be.at.least(1);
        for (const hub of hubs) await lab.site(hub).stop("SIGKILL");
        const zone = "site-c.example";
        const { missing } = await lab.change(zone, { name: `d.${zone}`, type: "A", value: "192.0.2.79" }, patience);
        expect(missing).to.deep.equal([]);
        for (const hub of hubs) await lab.site(hub).start();
        await lab.converged(patience);
      });
  });
}
