import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";

describe("agents of a site with two pods", function () {
  this.timeout(60_000);
  let lab: Lab;

  before(async () => {
    lab = await Lab.create(2);
    for (const [index, { name }] of lab.list.entries()) {
      lab.replicas.set(name, [lab.address(index), lab.address(index + 20)]);
    }
    await lab.upAll();
    for (const { name } of lab.list) await (await lab.upReplica(name, 1)).ready();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  it("serve every zone from each pod, own and central zones by way of the writer", async () => {
    await lab.converged(20);
  });

  it("follow a change in each pod", async () => {
    lab.list[1]!.zones.push("later.example");
    await lab.up();
    for (const name of ["site-b", "site-b/1"]) await lab.site(name).mount(lab.mesh);
    await lab.converged(20);
    await eventually(10, async () => {
      const hashes = await Promise.all(
        [...lab.sites.values()].map(async (site) => (await site.status()).applied?.hash),
      );
      expect(new Set(hashes).size).to.equal(1);
    });
  });

  it("go on answering from one pod while the other is away", async () => {
    await lab.site("site-b").stop();
    const before = await lab.converged(5, { zones: ["site-b.example"], sites: ["site-a"] });
    expect((await lab.site("site-b/1").soa("site-b.example")).serial).to.equal(before.get("site-b.example"));
    await lab.site("site-b").start();
    await lab.site("site-b").ready();
    await lab.converged(20);
  });

  it("step back at their end for a pod that stays, and for none that is to end at the same moment", async () => {
    const pods = ["site-b", "site-b/1"].map((name) => lab.site(name));
    const [writer, other] = pods as [LabSite, LabSite];
    for (const pod of pods) {
      pod.leaveBy({ servedSeconds: 1, answeringSeconds: 2 });
      await pod.stopAgent();
      pod.startAgent();
      await pod.ready();
    }
    const answers: { readonly pod: LabSite; readonly status: number; readonly text: string; readonly ms: number }[] =
      [];
    /** Asks for readiness, as the kubelet does, until the agents are gone. */
    const probed = async (ending: readonly LabSite[]): Promise<void> => {
      const began = Date.now();
      answers.length = 0;
      const gone = new AbortController();
      const ends = Promise.all(ending.map((pod) => pod.stopAgent())).finally(() => {
        gone.abort();
      });
      while (!gone.signal.aborted) {
        const asked = ending.map(async (pod) => ({ pod, ...(await pod.http("GET", "/ready")) }));
        for (const found of await Promise.allSettled(asked))
          if (found.status === "fulfilled") answers.push({ ...found.value, ms: Date.now() - began });
        await delay(50);
      }
      await ends;
    };
    await probed(pods);
    for (const pod of pods) {
      const late = answers.filter((answer) => answer.pod === pod && answer.ms > 1500);
      expect(late).not.to.deep.equal([]);
      expect(late.filter(({ status }) => status !== 200).map(({ text }) => text)).to.deep.equal([]);
    }
    for (const pod of pods) {
      pod.startAgent();
      await pod.ready();
    }
    await probed([other]);
    expect(answers.at(-1)).to.include({ status: 503, text: "the pod is to end\n" });
    other.startAgent();
    await other.ready();
    await probed([writer]);
    expect(answers.at(-1)).to.include({ status: 503, text: "the pod is to end\n" });
    writer.startAgent();
    await writer.ready();
  });

  it("give one more pod the zones of a site that is away, which has them when it is ready", async () => {
    for (const name of ["site-b", "site-b/1"]) await lab.site(name).stop();
    const pods = [0, 20, 40].map((index) => lab.address(index));
    lab.replicas.set("site-a", pods);
    for (const name of ["site-a", "site-a/1"]) await lab.site(name).settle({ pods });
    const third = await lab.upReplica("site-a", 2);
    await third.ready();
    for (const zone of ["site-b.example", "later.example"]) {
      const { serial } = await third.soa(zone);
      expect(serial, zone).to.equal((await lab.site("site-a").soa(zone)).serial);
    }
  });
});
