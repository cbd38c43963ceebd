import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";

import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { flood } from "../knot/stranger";

describe("what a running pod takes over", function () {
  this.timeout(90_000);
  const zones = ["site-a.example", "site-b.example", "dns.internal", "catalog.internal.dns"];
  let lab: Lab;

  before(async () => {
    lab = await Lab.create(2);
    await lab.upAll();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  /** Starts pod 1 of site-b, and says whether pod 0 was told of it. */
  async function grow(told: boolean): Promise<void> {
    const pods = [lab.address(1), lab.address(21)];
    lab.replicas.set("site-b", pods);
    if (told) await lab.site("site-b").settle({ pods });
    await (await lab.upReplica("site-b", 1)).ready();
  }

  async function shrink(): Promise<void> {
    await lab.sites.get("site-b/1")?.[Symbol.asyncDispose]();
    lab.sites.delete("site-b/1");
    lab.replicas.delete("site-b");
    await lab.site("site-b").settle({ pods: [lab.address(1)] });
  }

  it("a second pod gets ready with nothing from the first but its zones, which does not know of it", async () => {
    const pids = lab.site("site-b").pids;
    await grow(false);
    await lab.converged(20, { zones });
    expect(lab.site("site-b").pids).to.deep.equal(pids);
    expect(await lab.site("site-b").files()).not.to.contain("replica-1");
  });

  it("the first notifies the second of changes as soon as it knows of it, and forgets it when it is gone", async () => {
    const first = lab.site("site-b");
    const { pids } = first;
    await first.settle({ pods: [lab.address(1), lab.address(21)] });
    await eventually(10, async () => {
      expect(await first.files()).to.contain("tell-replica-1");
    });
    await lab.change("site-b.example", { name: "t.site-b.example", type: "TXT", value: '"told"' });
    await shrink();
    await eventually(10, async () => {
      expect(await first.files()).not.to.contain("replica-1");
    });
    expect(first.pids).to.deep.equal(pids);
  });

  it("a pod takes zones from one of the version before, which lets in its siblings by name only when it has any", async () => {
    const first = lab.site("site-b");
    await first.stopAgent();
    const access = first.path("storage", "conf", "peers.d", "05-access.conf");
    const text = await readFile(access, "utf8");
    const former = text.replace(/(cert-hostname: \[.*), site-b\.dns\.internal\]/, "$1]");
    expect(former).not.to.equal(text);
    await writeFile(access, former);
    await first.control.reload();
    await grow(true);
    await lab.converged(20, { zones });
    await shrink();
    first.startAgent();
  });

  it("another rate limit holds after a reload: Knot runs on, and so do its other modules", async () => {
    const site = lab.site("site-a");
    const { pids } = site;
    let clients = 0;
    // Each flood comes from another client: one that was cut off has nothing left of its burst at the next.
    const cutOffNext = (): Promise<number> => cut(`127.50.1.${++clients}`);
    const cut = async (from: string): Promise<number> =>
      (await flood({ server: site.server, from, name: "site-a.example" }, 200)).filter(({ truncated }) => truncated)
        .length;
    expect(await cutOffNext()).to.equal(0);
    await site.settle({ rateLimit: { perSecond: 20, burst: 50, exempt: ["127.51.0.0/16"] } });
    await eventually(10, async () => {
      expect(await cutOffNext()).to.be.within(100, 150);
    });
    expect(await cut("127.51.0.1")).to.equal(0);
    await site.settle({ rateLimit: false });
    await eventually(10, async () => {
      expect(await cutOffNext()).to.equal(0);
    });
    expect(site.pids).to.deep.equal(pids);
  });

  it("settings that cannot be used are reported, and what was known stays in force", async () => {
    const site = lab.site("site-a");
    await writeFile(site.path("etc", "settings.json"), '{"pods":{"addresses":[]}}');
    await eventually(10, async () => {
      const { problems } = await site.status();
      expect(problems.map(({ message }) => message).join("\n")).to.match(/settings\.json: pods\.addresses must list/);
    });
    await lab.converged(5, { zones });
    await site.settle({});
    await eventually(10, async () => {
      expect((await site.status()).problems).to.be.empty;
    });
  });
});
