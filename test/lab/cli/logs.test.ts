import { expect } from "chai";
import { once } from "node:events";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { runMesh, startMesh } from "../../../lab/mesh-command";
import { signingKey } from "../../../src/keyring/ring-document";

const zone = "site-b.example";

interface Entry {
  readonly time: string;
  readonly site: string;
  readonly pod: string;
  readonly container: string;
  readonly level?: string;
  readonly message: string;
  readonly zones?: readonly string[];
}

/** `mesh logs` before three sites, called as a user calls it. */
describe("mesh logs before a real mesh", function () {
  this.timeout(90_000);
  let lab: Lab;
  let access: string;

  before(async () => {
    lab = await Lab.create({ sites: 3, keepsLogs: true });
    await lab.upAll();
    await lab.converged(30);
    await lab.change(zone, { name: `www.${zone}`, type: "A", value: "192.0.2.7" }, 20);
    access = await lab.writeAccess();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const logs = (...args: string[]) => runMesh(["logs", ...args, "--access", access]);
  async function entries(...args: string[]): Promise<readonly Entry[]> {
    const { status, said, out } = await logs(...args, "--json");
    expect([status, said.length], said).to.deep.equal([0, out.length]);
    return out
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Entry);
  }

  it("has what every program of every site wrote, in the order of time", async () => {
    const all = await entries();
    const writers = new Set(all.map(({ site, pod, container }) => `${site}/${pod} ${container}`));
    const expected = ["site-a", "site-b", "site-c"].flatMap((site) =>
      ["prepare", "knot", "agent"].map((container) => `${site}/knot-0 ${container}`),
    );
    expect([...writers]).to.have.members(expected);
    const times = all.map(({ time }) => time);
    expect(times).to.deep.equal([...times].sort());
    const levels = new Set(all.map(({ level }) => level));
    expect([...levels])
      .to.include.members(["info", "debug"])
      .and.not.include(undefined);
    expect((await logs()).out.split("\n")[0]).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z site-[abc]\/knot-0 \w+ \w+ +\S/);
  });

  it("prints no key", async () => {
    const { said } = await logs();
    expect(said).to.contain("site-b/knot-0 knot");
    expect(said).to.not.contain(signingKey(lab.ring).secret);
  });

  it("has what is about a zone, of all sites", async () => {
    const some = await entries("--zone", zone.toUpperCase());
    expect(new Set(some.map(({ site }) => site))).to.deep.equal(new Set(["site-a", "site-b", "site-c"]));
    for (const { zones = [zone], message } of some) expect(zones, message).to.include(zone);
    expect(await entries("--zone", "nowhere.example")).to.deep.equal([]);
  });

  it("has the last lines of one program of one site", async () => {
    const last = await entries("--site", "site-c", "--container", "knot", "--tail", "2");
    expect(last.map(({ site, container }) => [site, container])).to.deep.equal([
      ["site-c", "knot"],
      ["site-c", "knot"],
    ]);
    // Servers write at any moment: what is there was written since. Knot's own times are of whole seconds.
    const asked = Date.now() - 1000;
    for (const { time } of await entries("--since", "0s")) expect(Date.parse(time), time).to.be.at.least(asked);
  });

  for (const [args, expected] of [
    [["--site", "site-z"], /has no site site-z; it has site-a, site-b, site-c/],
    [["--since", "yesterday"], /^--since takes how long ago/],
    [["--tail", "few"], /^--tail takes a number of lines, not "few"/],
    [["--follow", "--previous"], /--previous without --follow/],
  ] as const)
    it(`refuses ${args.join(" ")}`, async () => {
      const { status, said, out } = await logs(...args);
      expect([status, out]).to.deep.equal([2, ""]);
      expect(said).to.match(expected);
    });

  it("follows what is written from then on, until the lab ends", async () => {
    const following = startMesh(["logs", "--follow", "--since", "1h", "--zone", zone, "--access", access]);
    let [out, said] = ["", ""];
    following.stdout.on("data", (text: string) => (out += text));
    following.stderr.on("data", (text: string) => (said += text));
    const ended = once(following, "exit");
    const count = (): number => out.split("\n").filter((line) => / site-c\/knot-0 knot /.test(line)).length;
    await eventually(20, () => {
      expect(count()).to.be.above(0);
    });
    const before = count();
    await lab.change(zone, { name: `www.${zone}`, type: "A", value: "192.0.2.8" }, 20);
    await eventually(20, () => {
      expect(count()).to.be.above(before);
    });
    // Knot may write the same line twice in a second: none comes more often than it was written.
    const followed = out.split("\n").slice(0, -1);
    const written = (await logs("--since", "1h", "--zone", zone)).out.split("\n");
    const timesIn = (lines: readonly string[], line: string): number => lines.filter((each) => each === line).length;
    for (const line of new Set(followed)) expect(timesIn(followed, line), line).to.be.at.most(timesIn(written, line));
    await lab[Symbol.asyncDispose]();
    expect([(await ended)[0], said]).to.deep.equal([0, ""]);
  });
});
