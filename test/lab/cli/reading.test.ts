import { expect } from "chai";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PageState } from "../../../src/cli/dashboard/page-state";
import type { DigReport } from "../../../src/cli/dig";
import type { StatusReport } from "../../../src/cli/status-report";
import type { VerifyReport } from "../../../src/cli/verify";
import { Reader } from "../../../harness/docs/reader";
import { knotBinaries } from "../../../harness/knot";
import { run } from "../../../harness/tools/run";
import { Lab, type LabSite } from "../../../lab";
import { runMesh, startMesh } from "../../../lab/mesh-command";

const zone = "site-b.example";

/** The reading side of `mesh` before three sites, called as a user calls it. Steps of one mesh's life, in order. */
describe("mesh status, verify, dig, graph and lint before a real mesh", function () {
  this.timeout(90_000);
  let lab: Lab;
  let access: string;

  before(async () => {
    lab = await Lab.create(3);
    // Several messages long.
    const hosts = Array.from({ length: 4000 }, (_, i) => `host-${i} TXT "${"x".repeat(40)}"\n`).join("");
    const zoneFile = `$TTL 60\n@ SOA ns h 1 3600 60 86400 60\n@ NS ns\nns A 192.0.2.1\n${hosts}`;
    lab.list[0]?.zones.push({ name: "large.example", zoneFile });
    await lab.upAll();
    await lab.converged(30);
    access = await lab.writeAccess();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const mesh = (...args: string[]) => runMesh([...args, "--access", access]);
  async function json(...args: string[]): Promise<{ readonly status: number; readonly report: unknown }> {
    const { status, out, said } = await mesh(...args, "--json");
    if (out === "") throw new Error(said);
    return { status, report: JSON.parse(out) };
  }
  const statusOf = async () => (await json("status")) as { status: number; report: StatusReport };
  const verify = async (...args: string[]) =>
    (await json("verify", ...args)) as { status: number; report: VerifyReport };
  const dig = async (...args: string[]) => (await json("dig", ...args)) as { status: number; report: DigReport };
  const knotc = (site: LabSite, ...args: string[]) =>
    run(knotBinaries().knotc, ["-s", join(site.path("run"), "knot.sock"), ...args]);

  it("say that all is fine", async () => {
    const { status, report } = await statusOf();
    expect([status, report.findings, report.notAsked]).to.deep.equal([0, [], []]);
    for (const site of report.sites) {
      expect(site.answers, site.name).to.equal(true);
      expect(site.pods, site.name).to.deep.equal([{ name: site.name, ready: true }]);
      expect(Date.parse(site.certificateEnds ?? ""), site.name).to.be.above(Date.now());
    }
    expect(new Set(report.sites.map(({ directorySerial }) => directorySerial)).size).to.equal(1);
    expect(report.zones).to.have.length(6);
    expect((await mesh("status")).said).to.match(/^3 sites, 6 zones .*: fine\n/);
    const refused = await mesh("status", "--resolver", "resolver.example");
    expect([refused.status, refused.said]).to.deep.equal([
      2,
      '--resolver "resolver.example" is no address of a resolver, such as 192.0.2.53 or 127.0.0.1@5300\n',
    ]);
  });

  it("serve the same as a page by the guide, with no secret on it", async () => {
    const reader = new Reader({ folder: "/nowhere" });
    reader.open("docs/guides/dashboard.md#the-mesh-as-a-page-mesh-dashboard");
    const [program, ...args] = reader.next("sh").trim().split(" ");
    reader.close();
    expect(program).to.equal("mesh");
    const secrets = [
      (JSON.parse(await readFile(access, "utf8")) as { key: { secret: string } }).key.secret,
      "PRIVATE KEY",
    ];
    const page = startMesh([...args, "--port", "0", "--verify", "--json", "--access", access]);
    try {
      const [line] = (await once(page.stdout, "data")) as [string];
      const { url } = JSON.parse(line) as { url: string };
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      expect(await (await fetch(url)).text()).to.match(/<title>dns-mesh<\/title>/);
      const script = await (await fetch(`${url}page.js`)).text();
      let events = "";
      const stream = await fetch(`${url}events`);
      for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
        events += chunk;
        if (/data: .*"content":.*"known":.*\n\n$/.test(events)) break;
      }
      for (const secret of secrets) expect(events + script).not.to.include(secret);
      const last = events.trim().split("\n\n").at(-1)?.split("data: ")[1] ?? "";
      const { known, content } = JSON.parse(last) as PageState;
      const { report } = await statusOf();
      expect(known?.report.sites.map(({ name }) => name)).to.deep.equal(report.sites.map(({ name }) => name));
      expect(known?.verdict.kind).to.equal("good");
      expect([content?.copies, content?.differing, content?.failures]).to.deep.equal([18, [], []]);
      expect((await fetch(url, { method: "POST" })).status).to.equal(405);
    } finally {
      page.kill();
      await once(page, "close");
    }
  });

  it("compare every copy of every zone over TLS, without a line of it in the log that is not", async () => {
    const before = lab.logs().length;
    const { status, report } = await verify();
    expect([status, report.ok, report.copies]).to.deep.equal([0, true, 18]);
    const transfers = lab
      .logs()
      .slice(before)
      .split("\n")
      .filter((line) => /AXFR, outgoing.*mesh-command/.test(line));
    for (const line of transfers) expect(line).to.match(/remote \S+ TLS/);
  });

  it("refuse a zone that nobody has, and a key that is none", async () => {
    const { status, said } = await mesh("verify", "--zone", "nowhere.example");
    expect([status, said]).to.deep.equal([2, "no site owns nowhere.example\n"]);
    const missing = await mesh("verify", "--key", "/nonexistent");
    expect(missing.status).to.equal(2);
    expect(missing.said).to.match(/^\/nonexistent cannot be read/);
  });

  it("answer a question at every site side by side", async () => {
    await lab.change(zone, { name: `www.${zone}`, type: "A", value: "192.0.2.7" }, 20);
    const { status, report } = await dig(`www.${zone}`);
    expect([status, report.alike]).to.deep.equal([0, true]);
    expect(report.answers.map(({ records }) => records)).to.deep.equal(
      Array.from({ length: 3 }, () => [`www.${zone}. 60 IN A 192.0.2.7`]),
    );
  });

  it("find nothing in the zones as they are, and an alias that leads nowhere once it is there", async () => {
    expect((await mesh("lint")).said).to.match(/4 zones: nothing found/);
    await lab.change(zone, { name: `alias.${zone}`, type: "CNAME", value: `gone.${zone}.` }, 20);
    const { status, said } = await mesh("lint");
    expect(status).to.equal(1);
    expect(said).to.equal(`error  ${zone}  alias.${zone} CNAME: gone.${zone} does not exist (dangling-target)\n`);
  });

  it("name a record that somebody changed at one site alone", async () => {
    const site = lab.site("site-c");
    await knotc(site, "zone-begin", zone);
    await knotc(site, "zone-unset", zone, "www", "A");
    await knotc(site, "zone-set", zone, "www", "60", "A", "192.0.2.66");
    await knotc(site, "zone-commit", zone);
    const { status, report } = await verify("--zone", zone);
    expect(status).to.equal(1);
    const [verdict] = report.zones;
    expect(verdict?.differing.map(({ at }) => at)).to.deep.equal(["site-c"]);
    const [copy] = verdict?.differing ?? [];
    expect(copy?.missing).to.include(`www.${zone}. 60 IN A 192.0.2.7`);
    expect(copy?.extra).to.include(`www.${zone}. 60 IN A 192.0.2.66`);
    const shown = await mesh("dig", `www.${zone}`);
    expect(shown.status).to.equal(1);
    expect(shown.said).to.match(
      /2 different answers of 3 sites\n.*site-a, site-b.*\n.*site-c.*\n {2}- .*2\.7\n {2}\+ .*2\.66/s,
    );
    const seen = await statusOf();
    expect(seen.report.findings.map(({ message }) => message)).to.include(
      `site-b owns ${zone}, and site-c has a newer version`,
    );
  });

  it("name a site whose server is away, and take the rest of what they say from the others", async () => {
    await lab.site("site-b").stopKnot("SIGKILL");
    const { status, report } = await statusOf();
    expect(status).to.equal(1);
    const wrong = report.findings.filter(({ site }) => site === "site-b").map(({ message }) => message);
    expect(wrong[0]).to.match(/^site-b does not answer: /);
    expect(report.sites.map(({ answers }) => answers)).to.deep.equal([true, false, true]);
    const verified = await verify("--zone", "site-a.example");
    expect(verified.status).to.equal(1);
    expect(verified.report.zones[0]?.failures.map(({ at }) => at)).to.deep.equal(["site-b"]);
    expect((await mesh("graph")).out).to.match(/\["site-b<br.*wrong"\]:::wrong/);
    expect((await mesh("dig", zone, "NS")).said).to.match(/site-b: unreachable|site-b: no answer/);
  });
});
