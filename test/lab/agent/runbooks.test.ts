import { expect } from "chai";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Reader } from "../../../harness/docs/reader";
import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { run } from "../../../harness/tools/run";
import { Lab, type LabSite } from "../../../lab";
import { zoneFileOf } from "../../../src/knot/config/volume";

/** Each runbook is followed to the letter, at the pod that it speaks of. Steps end with the mesh as whole as it was. */
describe("runbooks that are followed at running sites", function () {
  this.timeout(120_000);
  const zone = "site-c.example";
  let lab: Lab;
  let owner: LabSite;
  let other: LabSite;
  let reader: Reader;

  before(async () => {
    lab = await Lab.create({ sites: 3, disagreeMs: 4000 });
    await lab.upAll();
    await lab.converged(20);
    [owner, other] = [lab.site("site-c"), lab.site("site-b")];
    reader = new Reader({ folder: lab.folder });
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed")
      console.error([...lab.sites.values()].map((site) => `${site.name}\n${site.log().slice(-12_000)}`).join("\n"));
  });

  const knotc = (site: LabSite, ...args: string[]) =>
    run(knotBinaries().knotc, ["-s", site.path("run", "knot.sock"), "-b", ...args]);
  /** The next block, at a site: what `kubectl` leads to there. */
  const follow = async (site: LabSite, ...which: ("exec" | "logs" | "dig")[]): Promise<string> => {
    await writeFile(join(lab.folder, "knot.log"), site.log());
    const replacements = {
      exec: [
        "kubectl -n dns-system exec knot-0 -c knot -- knotc -s /rundir/knot.sock",
        `${knotBinaries().knotc} -s ${site.path("run", "knot.sock")}`,
      ],
      logs: ["kubectl -n dns-system logs knot-0 -c knot", "cat knot.log"],
      dig: ["dig @198.51.100.2", `${knotBinaries().kdig} @${other.server.address} -p ${other.server.port}`],
    } as const;
    return reader.run([...which.map((each) => replacements[each]), ["example.org", zone]]);
  };
  const problemOf = async (site: LabSite, kind: string): Promise<string> =>
    (await site.status()).problems.flatMap((problem) => (problem.kind === kind ? [problem.message] : [])).join("\n");
  const says = (site: LabSite, kind: string, what: RegExp) =>
    eventually(60, async () => {
      expect(await problemOf(site, kind)).to.match(what);
    });
  const calm = () =>
    eventually(30, async () => {
      for (const site of lab.sites.values()) expect((await site.status()).problems, site.name).to.deep.equal([]);
    });
  const setExpiry = async (seconds: number): Promise<void> => {
    const { mname, rname, serial } = await owner.soa(zone);
    const data = `${mname}. ${rname}. ${serial + 1} 300 30 ${seconds} 60`;
    await owner.control.zoneReplace(zone, { owner: zone, ttl: 60, type: "SOA", data });
    await lab.converged(20, { zones: [zone] });
  };
  const change = async (data: string): Promise<void> => {
    await owner.control.zoneReplace(zone, { owner: `www.${zone}`, ttl: 60, type: "A", data });
  };
  const answers = async (site: LabSite): Promise<string> => {
    const [record] = (await site.dns.query(site.server, `www.${zone}`, "A")).answers;
    return record?.type === "A" ? record.address : "";
  };

  it("a zone is about to expire, and has expired, until its owner is there again", async () => {
    // An agent looks at all its zones when it has begun, which may be after they are all alike.
    await eventually(60, async () => {
      expect((await other.status()).expiry?.at.slice(0, 4)).to.match(/^20/);
    });
    // Ten seconds of it are the danger, in which an agent that starts anew on a busy machine has to look.
    await setExpiry(40);
    await owner.stop();
    // Agents look once a minute where the time left is long.
    other.killWorker();
    await says(other, "expiring", /zone site-c\.example, of site site-c, expires here at .*Z unless/);
    expect((await other.http("GET", "/metrics")).text).to.match(
      /dns_mesh_agent_zone_expiry_timestamp_seconds\{zone="site-c\.example"\} \d+/,
    );
    reader.open("docs/runbooks/zone-about-to-expire.md#what-is-left-and-why-nothing-came");
    expect(await follow(other, "exec", "logs")).to.match(/expiration: \+\d+s[^]*site-c\.example.*refresh/);
    await says(other, "expiring", /zone site-c\.example, of site site-c, has expired here/);
    await owner.start();
    await owner.ready();
    reader.open("docs/runbooks/zone-about-to-expire.md#once-a-source-is-there-again");
    await follow(other, "exec");
    await eventually(10, async () => {
      expect((await other.soa(zone)).expire).to.equal(40);
    });
    await setExpiry(3_628_800);
    await calm();
    reader.close();
  });

  it("sites disagree, since transfers of a zone were frozen", async () => {
    await change("192.0.2.1");
    await lab.converged(20, { zones: [zone] });
    await knotc(owner, "zone-xfr-freeze", zone);
    await change("192.0.2.2");
    const { serial } = await owner.soa(zone);
    await says(
      owner,
      "disagree",
      new RegExp(`zone site-c\\.example: site-b answers serial \\d+, .* serial ${serial} `),
    );
    expect(await answers(other)).to.equal("192.0.2.1");
    reader.open("docs/runbooks/sites-disagree.md#which-is-which");
    expect(await follow(owner, "exec", "dig")).to.match(/XFR-freeze: yes/);
    reader.open("docs/runbooks/sites-disagree.md#frozen");
    await follow(owner, "exec");
    await eventually(20, async () => {
      expect(await answers(other)).to.equal("192.0.2.2");
    });
    await calm();
    reader.close();
  });

  it("sites disagree under the same serial, since somebody wrote the zone's file", async () => {
    await knotc(owner, "zone-flush", zone);
    await owner.stop();
    const file = owner.path("storage", zoneFileOf(zone));
    await writeFile(file, (await readFile(file, "utf8")).replace("192.0.2.2", "192.0.2.9"));
    await rm(owner.path("storage", "db", "journal"), { recursive: true });
    await owner.start();
    await says(owner, "disagree", /zone site-c\.example: site-b has another content than this server, under the same/);
    expect([await answers(owner), await answers(other)]).to.deep.equal(["192.0.2.9", "192.0.2.2"]);
    reader.open("docs/runbooks/sites-disagree.md#the-same-serial-and-another-content");
    const commands = reader.next("sh");
    for (const site of [other, lab.site("site-a")]) {
      const control = `${knotBinaries().knotc} -s ${site.path("run", "knot.sock")}`;
      await reader.shell(
        commands
          .replace("kubectl -n dns-system exec knot-0 -c knot -- knotc -s /rundir/knot.sock", control)
          .replace("example.org", zone),
      );
    }
    await eventually(20, async () => {
      for (const site of lab.sites.values()) expect(await answers(site), site.name).to.equal("192.0.2.9");
    });
    await calm();
    reader.close();
  });
});
