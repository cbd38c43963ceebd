import { expect } from "chai";
import { cp, readFile, writeFile } from "node:fs/promises";

import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";
import { SmallVolume } from "../../../lab/small-volume";

const mebi = 2 ** 20;

/** Each step ends with the mesh as whole as it was. */
describe("a site whose volume is full or damaged", function () {
  this.timeout(60_000);
  let lab: Lab;
  let owner: LabSite;
  const [own, others] = ["site-c.example", "site-a.example"];
  let changes = 0;

  before(async () => {
    lab = await Lab.create(3);
    await lab.upAll();
    owner = lab.site("site-c");
    for (const zone of [own, others]) await change(zone);
    await lab.converged(20);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  /** Changes a zone at its owner. Returns the number that must be there from then on. */
  const change = async (zone: string): Promise<number> => {
    const number = ++changes;
    const record = { owner: `kept.${zone}`, ttl: 60, type: "TXT", data: `"${number}"` };
    await lab.site(lab.plan.owner(zone) ?? "").control.zoneReplace(zone, record);
    return number;
  };
  /** The database has room for some more changes on a full volume. Returns the last number that was taken. */
  const changeUntilRefused = async (zone: string): Promise<{ kept: string; refusal: string }> => {
    let kept = await valueAt(owner, zone);
    for (let tries = 0; tries < 100; tries++) {
      try {
        kept = String(await change(zone));
      } catch (error) {
        return { kept, refusal: String(error) };
      }
    }
    return { kept, refusal: "none" };
  };
  const valueAt = async (site: LabSite, zone: string): Promise<string> => {
    const { answers, rcode } = await site.dns.query(site.server, `kept.${zone}`, "TXT");
    const [record] = answers;
    return record?.type === "TXT" ? String(record.strings[0]) : `rcode ${rcode}`;
  };
  const problemsOf = async (site: LabSite, kind: string): Promise<string> =>
    (await site.status()).problems.flatMap((problem) => (problem.kind === kind ? [problem.message] : [])).join("\n");
  const calm = () =>
    eventually(30, async () => {
      for (const site of lab.sites.values()) {
        expect((await site.status()).problems, site.name).to.deep.equal([]);
        expect((await site.http("GET", "/ready")).status, site.name).to.equal(200);
      }
      await lab.converged(1);
    });

  it("serves what it has while the volume is full, takes no change, says so, and catches up by itself", async () => {
    await owner.stop();
    await using volume = await SmallVolume.mount(owner.path("storage"), 8 * mebi);
    await owner.start();
    await owner.ready();
    const before = await valueAt(owner, others);
    await volume.fill();
    const { kept, refusal } = await changeUntilRefused(own);
    expect(refusal).to.match(/Knot refused zone-commit/);
    const missed = String(await change(others));
    await eventually(30, async () => {
      expect(await problemsOf(owner, "volume")).to.match(/the volume is full.*storageSize/);
    });
    // Started from that volume, too.
    await owner.stop("SIGKILL");
    await owner.start();
    await eventually(20, async () => {
      expect(await valueAt(owner, own)).to.equal(kept);
      expect(Number(await valueAt(owner, others))).to.be.at.least(Number(before));
      expect(await problemsOf(owner, "volume")).to.match(/the volume is full/);
      expect((await owner.http("GET", "/metrics")).text).to.match(/dns_mesh_agent_problem\{kind="volume"\} 1\n/);
    });
    expect((await owner.http("GET", "/metrics")).text).to.match(/dns_mesh_agent_volume_size_bytes 8388608\n/);
    await volume.empty();
    await eventually(30, async () => {
      expect(await valueAt(owner, others)).to.equal(missed);
    });
    await calm();
    await owner.stop();
  });

  it("is not started from a volume that is read-only, and says why; then as if nothing had been", async () => {
    await using volume = await SmallVolume.mount(owner.path("storage"), 8 * mebi);
    await volume.remount("ro");
    expect(String(await owner.start().catch((error: unknown) => error))).to.match(
      /the volume is read-only \(EROFS\); Knot is not started/,
    );
    expect(owner.pids.knot).to.equal(undefined);
    await volume.remount("rw");
    await owner.start();
    await calm();
    await owner.stop();
  });

  /** Changes octets of a file on the stopped owner's volume, the same ones each time. */
  const damage = async (file: string): Promise<void> => {
    const path = owner.path("storage", file);
    const octets = await readFile(path);
    for (let i = 1; i < octets.length; i += 61) octets[i] = (octets[i] ?? 0) ^ (1 + (i % 255));
    await writeFile(path, octets);
  };

  it("takes a zone whose file is damaged back from the others, with what was changed since the file was written", async () => {
    await owner.start();
    await calm();
    const kept = String(await change(own));
    await lab.converged(20);
    const { serial } = await owner.soa(own);
    await owner.stop("SIGKILL");
    await damage(`zones/${own}.zone`);
    await owner.start();
    // The only pod of its site goes on serving what it can.
    await eventually(10, async () => {
      expect(await problemsOf(owner, "unanswered")).to.contain(`which serves the others: ${own}`);
      expect((await owner.http("GET", "/ready")).status).to.equal(200);
      expect(await valueAt(owner, own)).to.equal("rcode 2");
      expect(await valueAt(owner, others)).not.to.contain("rcode");
    });
    await eventually(40, async () => {
      expect(await valueAt(owner, own)).to.equal(kept);
    });
    expect((await owner.soa(own)).serial).to.be.greaterThan(serial);
    await calm();
    await owner.stop("SIGKILL");
    await owner.start();
    await eventually(20, async () => {
      expect(await valueAt(owner, own)).to.equal(kept);
    });
    const next = String(await change(own));
    await lab.converged(20);
    for (const site of lab.sites.values()) expect(await valueAt(site, own)).to.equal(next);
    await owner.stop("SIGKILL");
  });

  it("goes on with both copies of the agent's state and the zone's file damaged at a time", async () => {
    const kept = await valueAt(lab.site("site-b"), own);
    for (const file of ["mesh/state.json", "mesh/state.json.old", `zones/${own}.zone`]) await damage(file);
    await owner.start();
    await eventually(40, async () => {
      expect(await valueAt(owner, own)).to.equal(kept);
    });
    await calm();
    await owner.stop("SIGKILL");
  });

  it("answers nothing wrong from a damaged journal, and is whole again with a new volume", async () => {
    const kept = await valueAt(lab.site("site-b"), own);
    await damage("db/journal/data.mdb");
    await owner.start();
    await eventually(20, async () => {
      const said = await valueAt(owner, own).catch(() => "no answer");
      expect(said).to.be.oneOf([kept, "no answer", "rcode 2", "rcode 5"]);
      const isServed = said === kept && (await valueAt(owner, others).catch(() => "")) !== "";
      const { text } = await owner.http("GET", "/ready");
      expect(isServed || !text.startsWith("ready"), `${said}, ${text}`).to.equal(true);
    });
    await owner.stop("SIGKILL");
    await owner.loseVolume();
    await owner.start();
    await calm();
    expect(await valueAt(owner, own)).to.equal(kept);
  });

  it("says so when it came back as it was some time ago, while others have what it had since", async () => {
    await owner.stop();
    await cp(owner.path("storage"), owner.path("snapshot"), { recursive: true });
    await owner.start();
    await calm();
    await change(own);
    await lab.converged(20);
    await owner.stop();
    await owner.loseVolume();
    await cp(owner.path("snapshot"), owner.path("storage"), { recursive: true });
    await owner.start();
    await eventually(30, async () => {
      expect(await problemsOf(owner, "zones")).to.match(
        /zone site-c\.example: site-[ab] has a newer version .* changes were lost here/,
      );
    });
    await owner.stop();
    await owner.loseVolume();
    await owner.start();
    await calm();
  });
});
