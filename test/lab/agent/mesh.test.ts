import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import type { RingDocument } from "../../../src/keyring/ring-document";
import { stampSerial } from "../../../src/dns/master-file";
import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("agents of a mesh", function () {
  this.timeout(90_000);
  let lab: Lab;

  before(async () => {
    lab = await Lab.create(3);
    await lab.upAll();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const sites = () => [...lab.sites.values()];
  const hashes = async () =>
    new Set(await Promise.all(sites().map(async (site) => (await site.status()).applied?.hash)));
  const kinds = async (site: LabSite) => (await site.status()).problems.map(({ kind }) => kind);
  const calm = () =>
    eventually(20, async () => {
      for (const site of sites()) expect(await kinds(site), site.name).to.deep.equal([]);
      expect([...(await hashes())]).to.have.length(1);
    });

  it("bring a fresh mesh to answer every zone at every site", async () => {
    await lab.converged(20);
    await calm();
  });

  it("ask two DNS questions in a pass without a change, and reload nothing", async () => {
    const site = lab.site("site-c");
    const counters = async () => (await site.status()).counters;
    // What the start left to do, telling peers and fetching zones, is over at one of these comparisons.
    await eventually(30, async () => {
      const first = await counters();
      const then = await eventually(10, async () => {
        const now = await counters();
        expect(now.passes).to.be.greaterThan(first.passes + 2);
        return now;
      });
      const { passes, dnsQueries, ...others } = first;
      expect(then).to.deep.equal({
        ...others,
        passes: then.passes,
        dnsQueries: dnsQueries + 2 * (then.passes - passes),
      });
    });
  });

  it("notify every peer of an update themselves, at once, and no more than once", async () => {
    const owner = lab.site("site-c");
    const { notifies } = (await owner.status()).counters;
    const { serial } = await owner.soa("site-c.example");
    const record = { owner: "new.site-c.example", ttl: 60, type: "A", data: "192.0.2.9" };
    await owner.control.zoneReplace("site-c.example", record);
    expect((await owner.http("POST", "/announce")).status).to.equal(202);
    const after = await lab.converged(10, { zones: ["site-c.example"] });
    expect(after.get("site-c.example")).to.be.greaterThan(serial);
    await eventually(10, async () => {
      expect((await owner.status()).counters.notifies).to.equal(notifies + 2);
    });
  });

  it("notify them of a change also when nothing reports that there is one", async () => {
    const owner = lab.site("site-c");
    const { notifies } = (await owner.status()).counters;
    const record = { owner: "new.site-c.example", ttl: 60, type: "A", data: "192.0.2.10" };
    await owner.control.zoneReplace("site-c.example", record);
    await eventually(5, async () => {
      expect((await owner.status()).counters.notifies).to.equal(notifies + 2);
    });
    await lab.converged(5, { zones: ["site-c.example"] });
  });

  it("take a fourth site in without anybody touching the others", async () => {
    const before = sites().map(({ pids }) => pids);
    lab.add();
    await lab.up();
    const joined = await lab.upSite("site-d");
    await joined.ready();
    await lab.converged(10);
    expect(
      sites()
        .slice(0, 3)
        .map(({ pids }) => pids),
    ).to.deep.equal(before);
    await calm();
  });

  it("follow a site to another address and forget the old one", async () => {
    const [old, next] = [lab.address(2), lab.address(12)];
    const site = lab.site("site-c");
    await site.stop();
    lab.list[2]!.addresses = [next];
    site.moveTo(next);
    await lab.up();
    await site.mount(lab.mesh);
    await site.start();
    await site.ready();
    await eventually(20, async () => {
      for (const { name } of lab.list) expect(await lab.site(name).files(), name).not.to.include(`${old}@`);
    });
    await lab.converged(20);
    await calm();
    // Knot has the new one for itself when it took a connection, and half a minute after the last such change (ADR 0044).
    await eventually(45, async () => {
      expect(await lab.site("site-d").files()).to.include(`${next}@`);
    });
  });

  it("take a zone over with its content when it moves between sites", async () => {
    const zoneFile = [
      "$ORIGIN moving.example.",
      "@ 60 SOA ns.invalid. h.invalid. 1 60 10 3600 60",
      "@ 60 NS ns.invalid.",
      'keep 60 TXT "me"',
    ].join("\n");
    lab.list[2]!.zones.push("written.example", { name: "moving.example", zoneFile: `${zoneFile}\n` });
    await lab.up();
    await lab.upSite("site-c");
    const serial = (await lab.converged(20)).get("moving.example")!;

    lab.list[2]!.zones.splice(-2);
    lab.list[1]!.zones.push("moving.example", "written.example");
    await lab.up();
    await lab.upSite("site-b");
    await lab.upSite("site-c");
    await eventually(20, async () => {
      expect((await lab.site("site-b").files()).split("owner-site-c")).not.to.include("moving.example");
      expect((await lab.converged(1)).get("moving.example")).to.be.greaterThan(serial);
    });
    for (const site of sites()) {
      const { answers } = await site.dns.query(site.server, "keep.moving.example", "TXT");
      const kept = { name: "keep.moving.example", class: "IN", ttl: 60, type: "TXT", strings: ["me"] };
      expect(answers, site.name).to.deep.include(kept);
      // The mesh's own names follow the owner; those that a user wrote stay.
      const [written, moving] = await Promise.all([site.soa("written.example"), site.soa("moving.example")]);
      expect([written.mname, moving.mname], site.name).to.deep.equal(["site-b.dns.internal", "ns.invalid"]);
      const servers = (await site.dns.query(site.server, "written.example", "NS")).answers;
      expect(servers.flatMap((one) => (one.type === "NS" ? [one.target] : []))).to.have.members([
        "site-a.dns.internal",
        "site-b.dns.internal",
      ]);
    }
    // Two zones of five are more than may leave at once, two of six are not: what follows needs five.
    lab.list[1]!.zones.splice(-1);
    await lab.up();
    await lab.upSite("site-b");
    await lab.converged(20);
    await calm();
  });

  const apexOnly = (zone: string) =>
    `$ORIGIN ${zone}.\n@ 60 SOA site-a.dns.internal. h.invalid. 1 60 10 3628800 60\n@ 60 NS site-a.dns.internal.\n`;
  const lacking = (text: string, start: string) =>
    text
      .split("\n")
      .filter((line) => !line.startsWith(start))
      .join("\n");
  const broken: { what: string; kind: "refused" | "held"; texts: () => { directory?: string; catalog?: string } }[] = [
    { what: "an empty directory", kind: "refused", texts: () => ({ directory: apexOnly("dns.internal") }) },
    {
      what: "an empty catalog",
      kind: "refused",
      texts: () => ({ catalog: `${apexOnly("catalog.internal.dns")}version TXT "2"\n` }),
    },
    {
      what: "a directory that lacks some of what it counts",
      kind: "refused",
      texts: () => ({ directory: lacking(renderDirectory(lab.mesh), "site-d ") }),
    },
    {
      what: "a directory with most sites gone at once",
      kind: "held",
      texts: () => {
        const few = { ...lab.mesh, sites: lab.mesh.sites.slice(0, 2) };
        return { directory: renderDirectory(few), catalog: renderCatalog(few) };
      },
    },
  ];
  for (const { what, kind, texts } of broken) {
    it(`lose nothing to ${what}, and report it`, async () => {
      // A site that the directory no longer knows refuses it as a whole.
      const told = ({ name }: LabSite) => (kind === "held" && name > "site-b" ? "refused" : kind);
      const members = lab.zones().slice(2);
      const before = await lab.converged(10, { zones: members });
      await lab.site("site-a").mountCentral(lab.mesh, texts());
      await eventually(15, async () => {
        for (const site of sites()) expect(await kinds(site), site.name).to.include(told(site));
      });
      expect(await lab.converged(5, { zones: members })).to.deep.equal(before);
      for (const site of sites()) {
        expect((await site.status()).ready).to.equal(true);
        expect((await site.http("GET", "/metrics")).text).to.include(
          `dns_mesh_agent_problem{kind="${told(site)}"} 1\n`,
        );
        expect(site.log()).to.include(`"level":"warn","message":"problem","program":"worker","kind":"${told(site)}"`);
      }
      await lab.up();
      await calm();
    });
  }

  it("change nothing while the mounted parts of the central zones do not belong together", async () => {
    const site = lab.site("site-a");
    await writeFile(site.path("central", "part-0"), "other");
    await eventually(10, async () => {
      expect(await kinds(site)).to.deep.equal(["inputs"]);
    });
    await lab.up();
    await calm();
    await lab.converged(5);
  });

  it("finish what was begun when they are killed at any point", async () => {
    for (let i = 0; i < 6; i++) {
      lab.list[2]!.zones.push(`extra-${i}.example`);
      await lab.up();
      await lab.upSite("site-c");
      await Promise.all(
        ["site-b", "site-c", "site-d"].map(async (name) => {
          await delay(Math.random() * 1500);
          lab.site(name).killWorker();
        }),
      );
    }
    await lab.converged(60);
    await calm();
  });

  const changedEverywhere = async (text: string) => {
    for (const { name } of lab.list) {
      const record = { name: `t.${name}.example`, type: "TXT", value: `"${text}"` };
      expect((await lab.change(`${name}.example`, record, 20)).missing, `${text} of ${name}`).to.deep.equal([]);
    }
  };

  it("rotate the key by generation without a gap, one site after the other", async () => {
    const key = (generation: number) => ({
      ...{ name: `mesh-${generation}`, algorithm: "hmac-sha256" as const },
      secret: Buffer.from(`secret of 32 octets, generation ${generation}`).toString("base64"),
    });
    const ring = (generation: number): RingDocument => ({
      version: 1,
      ...(generation > 1 && { previous: key(generation - 1) }),
      current: key(generation),
      next: key(generation + 1),
    });
    const [first] = lab.ring.accepted;
    const ahead: RingDocument = { version: 1, current: first!, next: key(2) };
    for (const [step, document] of [ahead, { ...ring(2), previous: first! }, ring(3)].entries()) {
      for (const site of sites()) {
        site.rotate(document);
        await site.mount(lab.mesh);
        await eventually(20, async () => {
          const files = await site.files();
          expect(files).to.include(`key: ${document.current.name}\n`);
          if (document.next !== undefined) expect(files).to.include(document.next.secret);
        });
        // The others are a generation behind, or ahead.
        await changedEverywhere(`step-${step}-${site.name}`);
      }
    }
    for (const site of sites()) expect(await site.files()).not.to.include(first!.secret);
    await calm();
  });

  it("serve everything from the volume while the primary is away, and go on when it is back", async () => {
    await lab.site("site-a").stop();
    const before = await lab.converged(10, { sites: ["site-b", "site-c", "site-d"] });
    const site = lab.site("site-c");
    await site.stop();
    await site.start();
    await site.ready();
    expect(await lab.converged(20, { sites: ["site-b", "site-c", "site-d"] })).to.deep.equal(before);
    expect((await site.status()).peers).to.equal(3);

    await lab.site("site-a").start();
    lab.list[1]!.zones.push("after-the-return.example");
    await lab.up();
    await lab.upSite("site-b");
    await lab.converged(30);
    await calm();
  });

  it("let a site go, and leave no trace of it", async () => {
    await lab.site("site-d").stop();
    const gone = lab.list.pop()!;
    const removed = gone.zones.map((zone) => (typeof zone === "string" ? zone : zone.name));
    lab.sites.delete("site-d");
    for (const zone of removed.slice(1)) lab.list[2]!.zones.push(zone);
    await lab.up();
    await lab.upSite("site-c");
    await eventually(20, async () => {
      for (const site of sites()) {
        expect(await site.files(), site.name).not.to.include("site-d");
        expect(await site.files(), site.name).not.to.include(`${lab.address(3)}@`);
        expect(await site.soa(removed[0]!).catch((error: unknown) => String(error))).to.match(/REFUSED/);
      }
    });
    await lab.converged(30);
    await calm();
  });

  /** Writes a record into an own zone, behind the agent's back, and waits until every site has it. */
  const keepRecord = async (owner: LabSite, zone: string) => {
    await owner.control.zoneReload(zone);
    const path = owner.path("storage", "zones", `${zone}.zone`);
    const text = await readFile(path, "utf8");
    const serial = (await owner.soa(zone)).serial + 10;
    await writeFile(path, `${stampSerial(text, serial)}\nkept 60 TXT "by the others"\n`);
    await owner.control.zoneReload(zone);
    await owner.http("POST", "/announce");
    await lab.converged(20, { zones: [zone] });
  };
  const keptAt = async (site: LabSite, zone: string): Promise<void> => {
    const { answers } = await site.dns.query(site.server, `kept.${zone}`, "TXT");
    expect(answers[0], site.name).to.deep.include({ type: "TXT", strings: ["by the others"] });
  };
  const keptEverywhere = (zone: string) =>
    eventually(60, async () => {
      for (const site of sites()) await keptAt(site, zone);
    });

  /** Takes a site's volume away while no other site answers. Returns the others, whose servers are stopped. */
  const loseAlone = async (owner: LabSite): Promise<readonly LabSite[]> => {
    const others = sites().filter((site) => site !== owner);
    await owner.stop();
    for (const site of others) await site.stopKnot();
    await owner.loseVolume();
    return others;
  };

  it("keep a zone whose owner lost the volume and can ask nobody: it waits, and says so, until somebody has the zone", async () => {
    const owner = lab.site("site-c");
    const zone = "site-c.example";
    await keepRecord(owner, zone);
    const others = await loseAlone(owner);
    // A restart in between, also of the pod, changes nothing.
    for (let i = 0; i < 2; i++) {
      await owner.start();
      await eventually(20, async () => {
        const waiting = (await owner.status()).problems.filter(({ kind }) => kind === "zones");
        expect(waiting.map(({ message }) => message).join()).to.match(
          /site-c\.example .*this volume is new.*unreachable/,
        );
      });
      expect(await owner.soa(zone).catch((error: unknown) => String(error))).to.match(/REFUSED/);
      if (i === 0) await owner.stop("SIGKILL");
    }
    for (const site of others) site.startKnot();
    await keptEverywhere(zone);
    await lab.converged(30);
    await calm();
  });

  it("find a zone at a standard site when its owner, a catalog site, lost the volume while the other is away", async () => {
    const [primary, owner] = [lab.site("site-a"), lab.site("site-b")];
    const zone = "site-b.example";
    await keepRecord(owner, zone);
    await Promise.all([primary, owner].map((site) => site.stop("SIGKILL")));
    await owner.loseVolume();
    await owner.start();
    await eventually(20, async () => {
      expect(await kinds(owner)).to.include("zones");
    });
    await primary.loseVolume();
    await primary.start();
    // The primary has the directory at once, and knows nothing of the zone yet: that is no denial.
    const served = new Set<number | undefined>();
    await eventually(60, async () => {
      served.add(
        await owner.soa(zone).then(
          ({ serial }) => serial,
          () => undefined,
        ),
      );
      await keptAt(owner, zone);
    });
    expect([...served]).to.not.include(1);
    await keptEverywhere(zone);
    await lab.converged(30);
    await calm();
  });

  it("take a zone back from the others when the primary lost its volume and could ask nobody", async () => {
    const owner = lab.site("site-a");
    const zone = "site-a.example";
    await keepRecord(owner, zone);
    const others = await loseAlone(owner);
    await owner.start();
    await eventually(20, async () => {
      expect((await owner.soa(zone)).serial).to.equal(1);
    });
    for (const site of others) site.startKnot();
    await keptEverywhere(zone);
    await lab.converged(30, { zones: [zone] });
  });

  it("come back whole after all of it was stopped", async () => {
    const before = await lab.converged(5);
    await Promise.all(sites().map((site) => site.stop()));
    await Promise.all(sites().map((site) => site.start()));
    await Promise.all(sites().map((site) => site.ready()));
    const after = await lab.converged(20);
    for (const [zone, serial] of before) expect(after.get(zone), zone).to.be.at.least(serial);
    await calm();
  });
});
