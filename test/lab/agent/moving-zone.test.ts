import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { isNewerSerial } from "../../../src/dns/serial";
import { rcodes } from "../../../src/dns/types";

/** Steps in order: each starts from what the one before left. */
describe("a zone that moves to another owner, of a mesh with two pods at each site", function () {
  this.timeout(120_000);
  const [plain, signed] = ["plain.example", "signed.example"];
  const zones = [plain, signed];
  let lab: Lab;
  let keysOfFirst: readonly string[];

  before(async () => {
    lab = await Lab.create({ sites: 2, replicas: 2 });
    lab.list[0]!.zones.push(plain, { name: signed, dnssec: true });
    await lab.upAll();
    for (const pod of pods()) await pod.ready();
    await lab.converged(40);
    await changed("first");
    keysOfFirst = await keysAt("site-a");
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const pods = (site?: string): LabSite[] =>
    [...lab.sites.values()].filter(({ name }) => site === undefined || name === site);

  /** Changes each zone at its owner; every pod that runs answers the change. */
  async function changed(name: string): Promise<void> {
    for (const zone of zones) {
      const spread = await eventually(
        20,
        () => lab.change(zone, { name: `${name}.${zone}`, type: "A", value: "192.0.2.7" }, 30),
        200,
      );
      expect(JSON.stringify(spread), zone).not.to.contain("undefined");
    }
  }

  /** Asks these pods for both zones without a pause until `work` is done: none may miss an answer, or give an older one than before. */
  async function unbroken(asked: readonly LabSite[], work: () => Promise<void>): Promise<void> {
    const end = new AbortController();
    const wrong: string[] = [];
    let answers = 0;
    const rounds = asked.flatMap((pod) =>
      zones.map(async (zone) => {
        const dns = new DnsClient({ timeoutMs: 3000 });
        let last: number | undefined;
        while (!end.signal.aborted) {
          const said = await dns.query(pod.server, zone, "SOA").catch(String);
          const soa = typeof said === "string" ? undefined : said.answers.find(({ type }) => type === "SOA");
          if (typeof said === "string" || soa?.type !== "SOA" || !said.flags.aa)
            wrong.push(`${pod.podName} ${zone}: ${typeof said === "string" ? said : `rcode ${said.rcode}`}`);
          else if (last !== undefined && isNewerSerial(last, soa.serial))
            wrong.push(`${pod.podName} ${zone}: ${last}, then ${soa.serial}`);
          if (soa?.type === "SOA") last = soa.serial;
          answers += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }),
    );
    await work().finally(() => {
      end.abort();
    });
    await Promise.all(rounds);
    expect(wrong).to.deep.equal([]);
    expect(answers).to.be.greaterThan(50);
  }

  /** Makes another site the zones' owner in the list, and writes what `up` of the shared stack does. */
  async function moveTo(name: string): Promise<void> {
    for (const site of lab.list)
      site.zones = site.zones.filter((zone) => !zones.includes(typeof zone === "string" ? zone : zone.name));
    lab.list.find((site) => site.name === name)!.zones.push(plain, { name: signed, dnssec: true });
    await lab.up();
  }

  const mount = async (...sites: readonly string[]): Promise<void> => {
    for (const site of sites) for (const pod of pods(site)) await pod.mount(lab.mesh);
  };
  const stopped = async (site: string): Promise<void> => {
    for (const pod of pods(site)) await pod.stop();
  };
  const started = async (site: string): Promise<void> => {
    for (const pod of pods(site)) await pod.start();
    for (const pod of pods(site)) await pod.ready();
  };
  const isSettled = (pod: LabSite, file: string) =>
    eventually(60, async () => {
      const text = await pod.files();
      for (const zone of zones) expect(text, pod.podName).to.match(new RegExp(file.replace("ZONE", zone)));
    });
  const owns = (site: string) =>
    Promise.all(pods(site).map((pod) => isSettled(pod, "domain: ZONE\\n    template: own")));
  const leaves = (site: string, owner: string) =>
    Promise.all(pods(site).map((pod) => isSettled(pod, `domain: ZONE\\n    template: owner-${owner}`)));
  /** Moves the zones while both sites are there, until both have them so and every pod answers a change by that name. */
  async function cameTo(to: string, from: string, name: string): Promise<void> {
    await moveTo(to);
    await mount(to, from);
    await Promise.all([owns(to), leaves(from, to)]);
    await changed(name);
  }
  const calm = () =>
    eventually(60, async () => {
      for (const pod of pods()) expect((await pod.status()).problems, pod.podName).to.deep.equal([]);
    });

  const keysAt = async (site: string): Promise<readonly string[]> => {
    const { answers } = await new DnsClient({ timeoutMs: 3000 }).query(lab.site(site).server, signed, "DNSKEY");
    return answers.map((record) => JSON.stringify({ ...record, ttl: 0 })).sort();
  };

  for (const [from, to] of [
    ["site-a", "site-b"],
    ["site-b", "site-a"],
    ["site-a", "site-b"],
  ] as const)
    it(`goes from ${from} to ${to} without a lost answer or an older one at any pod`, async () => {
      await unbroken(pods(), async () => {
        await cameTo(to, from, `at-${to}`);
      });
      await calm();
      await lab.converged(20);
      const keys = await keysAt(to);
      if (to === "site-a") expect(keys).to.deep.equal(keysOfFirst);
      else expect(keys).not.to.deep.equal(keysOfFirst);
      expect(keys.length).to.be.greaterThan(0);
    });

  it("is answered by its former owner while that one's Knot starts again", async () => {
    for (const pod of pods("site-a")) {
      const others = pods().filter((other) => other !== pod);
      await unbroken(others, async () => {
        await pod.stop();
        await pod.start();
        await pod.ready();
        await lab.converged(20, { zones });
      });
    }
    await changed("after-restart");
  });

  it("leaves an owner that hears of it at its start, while the new one is away, and is answered by every pod there", async () => {
    await cameTo("site-a", "site-b", "back");
    const before = await lab.converged(20, { zones });
    await stopped("site-b");
    await moveTo("site-b");
    await stopped("site-a");
    await mount("site-a");
    await started("site-a");
    await unbroken(pods("site-a"), async () => {
      await leaves("site-a", "site-b");
      for (const pod of pods("site-a"))
        for (const zone of zones) expect((await pod.soa(zone)).serial, pod.podName).to.equal(before.get(zone));
      await mount("site-b");
      await started("site-b");
      await owns("site-b");
      await changed("at-last");
    });
    await calm();
  });

  it("leaves an owner that runs, while the new one is away, and none of its pods misses an answer", async () => {
    await cameTo("site-a", "site-b", "back-again");
    await stopped("site-b");
    await unbroken(pods("site-a"), async () => {
      await moveTo("site-b");
      await mount("site-a");
      await leaves("site-a", "site-b");
      await mount("site-b");
      await started("site-b");
      await owns("site-b");
      await changed("there-again");
    });
    await calm();
  });

  it("goes from its former owner, too, when the mesh has it no longer", async () => {
    lab.plan.removeZone(plain);
    await lab.up();
    await mount("site-b", "site-a");
    await eventually(40, async () => {
      for (const pod of pods()) {
        expect(await pod.files(), pod.podName).not.to.contain(plain);
        expect((await pod.dns.query(pod.server, plain, "SOA")).rcode, pod.podName).to.equal(rcodes.REFUSED);
      }
    });
    await calm();
  });
});
