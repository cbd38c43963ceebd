import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";
import { MemoryLimit } from "../../../lab/memory-limit";

/** The kernel kills one program of a pod whose container is over its memory limit; the kubelet starts it again. */
describe("a site that is out of memory", function () {
  this.timeout(60_000);
  const [zone, others] = ["site-b.example", "site-a.example"];
  let lab: Lab;
  let site: LabSite;
  let kept = "";

  before(async () => {
    lab = await Lab.create(2);
    await lab.upAll();
    await lab.converged(20);
    site = lab.site("site-b");
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs().slice(-12_000));
  });

  const change = async (data: string): Promise<void> => {
    await site.control.zoneReplace(zone, { owner: `r.${zone}`, ttl: 60, type: "TXT", data });
    kept = data.slice(0, 20);
  };
  const valueAt = async (at: LabSite, of = zone): Promise<string> => {
    const { answers, rcode } = await at.dns.query(
      at.server,
      of === zone ? `r.${zone}` : of,
      of === zone ? "TXT" : "SOA",
    );
    const [record] = answers;
    if (rcode !== 0) return `rcode ${rcode}`;
    return record?.type === "TXT" ? record.strings.join("").slice(0, 20) : (record?.type ?? "empty");
  };
  const calm = () =>
    eventually(30, async () => {
      expect((await site.status()).problems).to.deep.equal([]);
      expect((await site.http("GET", "/ready")).status).to.equal(200);
      expect([await valueAt(site), await valueAt(site, others)]).to.deep.equal([kept, "SOA"]);
      await lab.converged(1);
    });

  it("answers all that Knot acknowledged after the kernel killed Knot, and never anything empty", async () => {
    await change("before");
    await lab.converged(20);
    await using limit = new MemoryLimit(`lab-memory-${process.pid}`, 1024 * 1024);
    const { knot = 0 } = site.pids;
    limit.add(knot);
    const text = Array.from({ length: 16 }, () => `"${"x".repeat(250)}"`).join(" ");
    // Changes that are taken until it is dead.
    const taken = new Map<string, number>();
    for (let i = 0; i < 2000 && site.pids.knot !== undefined; i++) {
      const data = `"number ${String(i).padStart(5, "0")} ........" ${text}`;
      const record = { owner: `n${i % 400}.${zone}`, ttl: 60, type: "TXT", data };
      const isTaken = await site.control.zoneReplace(zone, record).then(
        () => true,
        () => false,
      );
      if (isTaken) taken.set(record.owner, i);
    }
    await eventually(10, () => {
      expect(site.pids.knot).to.equal(undefined);
    });
    expect(limit.kills).to.equal(1);
    expect(await valueAt(lab.site("site-a"))).to.equal(kept);
    // The agent says what it found when it looked last.
    await eventually(10, async () => {
      expect((await site.http("GET", "/ready")).status).to.equal(503);
    });
    site.startKnot();
    await calm();
    expect(taken.size).to.be.greaterThan(0);
    for (const [name, number] of taken) {
      const [record] = (await site.dns.query(site.server, name, "TXT")).answers;
      const text = record?.type === "TXT" ? String(record.strings[0]) : "";
      expect(Number(/^number (\d+)/.exec(text)?.[1]), name).to.be.at.least(number);
    }
  });

  it("answers as if nothing had been while the kernel kills the agent, which comes back", async () => {
    // Less than an agent takes to start.
    await using limit = new MemoryLimit(`lab-memory-agent-${process.pid}`, 16 * 1024 * 1024);
    const { agent: before } = site.pids;
    site.killWorker();
    let agent = 0;
    await eventually(
      10,
      () => {
        agent = site.pids.agent ?? 0;
        expect(agent).not.to.be.oneOf([0, before]);
      },
      5,
    );
    limit.add(agent);
    await eventually(20, async () => {
      await site.http("GET", "/metrics").catch(() => undefined);
      expect(await valueAt(site)).to.equal(kept);
      expect(limit.kills).to.equal(1);
    });
    await eventually(20, () => {
      expect(site.pids.agent).not.to.be.oneOf([undefined, agent]);
    });
    await change("after");
    await calm();
  });
});
