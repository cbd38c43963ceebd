import { expect } from "chai";
import { readdir, readFile } from "node:fs/promises";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";

/** Steps of a zone's life, in order: each starts from what the one before left. */
describe("a zone with a slash in its name (RFC 2317) in a mesh with agents", function () {
  this.timeout(60_000);
  const zone = "0/26.2.0.192.in-addr.arpa";
  const zoneFile = `$ORIGIN ${zone}.\n$TTL 60\n@ SOA a. b. 1 60 10 3600 5\n@ NS a.\n1 PTR a.example.\n`;
  const file = "0_26.2.0.192.in-addr.arpa.zone";
  let lab: Lab;

  before(async () => {
    lab = await Lab.create({ sites: 3 });
    lab.list[2]!.zones.push({ name: zone, dnssec: true, zoneFile });
    await lab.upAll();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const pointers = async (name: string): Promise<readonly number[]> =>
    Promise.all(
      [...lab.sites.values()].map(async ({ server, dns }) => {
        const { answers } = await dns.query(server, `${name}.${zone}`, "PTR");
        return answers.length;
      }),
    );

  it("is served by every site: its name is one in directory, catalog, Knot's files and on its socket", async () => {
    await lab.converged(20, { zones: [zone] });
    expect(await pointers("1")).to.deep.equal([1, 1, 1]);
    const [status] = await lab.site("site-b").control.zoneStatus([zone]);
    expect(status?.zone).to.equal(zone);
    // A zone's status follows its keys by a moment.
    await eventually(20, async () => {
      const { dnssec = [] } = await lab.site("site-c").status();
      expect(dnssec.map((each) => each.zone)).to.include(zone);
    });
  });

  it("takes a change to every site", async () => {
    await lab.change(zone, { name: `2.${zone}`, type: "PTR", value: "b.example." }, 20);
    expect(await pointers("2")).to.deep.equal([1, 1, 1]);
  });

  it("has one file at its owner, the one that Knot writes, and starts from it again", async () => {
    const owner = lab.site("site-c");
    await owner.stop();
    expect((await readdir(owner.path("storage", "zones"))).filter((name) => name.includes("26"))).to.deep.equal([file]);
    expect(await readFile(owner.path("storage", "zones", file), "utf8")).to.match(/Knot DNS|PTR/);
    await owner.start();
    await owner.ready();
    await eventually(20, async () => expect(await pointers("2")).to.deep.equal([1, 1, 1]), 50);
    expect((await owner.status()).problems).to.deep.equal([]);
  });

  it("leaves, and comes back with what its volume has", async () => {
    const listed = lab.list[2]!.zones.pop()!;
    await lab.up();
    await lab.upSite("site-c");
    await eventually(20, async () => expect(await pointers("2").catch(() => [])).to.deep.equal([0, 0, 0]), 50);
    lab.list[2]!.zones.push(listed);
    await lab.up();
    await lab.upSite("site-c");
    await eventually(20, async () => expect(await pointers("2")).to.deep.equal([1, 1, 1]), 50);
  });
});
