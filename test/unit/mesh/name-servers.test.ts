import { expect } from "chai";
import * as fc from "fast-check";

import { siteNameProblem } from "../../../src/base/names";
import { factsOf } from "../../../src/mesh/central-zone";
import {
  areNameServersSaid,
  enclosingZone,
  isServerName,
  nameServerFacts,
  nameServersOf,
  parentZone,
  planAddresses,
  planServers,
  readNameServers,
  readOwnNameServers,
} from "../../../src/mesh/name-servers";
import type { MeshView, SiteView } from "../../../src/mesh/view";

const directory = "dns.internal";
const site = (name: string, fields: Partial<SiteView> = {}): SiteView => ({
  ...{ name, role: "standard", addresses: [`addr-${name}`], sources: [] },
  ...fields,
});
const view = (sites: readonly SiteView[], fields: Partial<MeshView> = {}): MeshView => ({
  ...{ directorySerial: 1, catalogSerial: 1, sites, zones: [] },
  ...fields,
});
const three = [
  site("a", { role: "primary-catalog" }),
  site("b", { role: "secondary-catalog", nameServer: "ns2.example" }),
  site("c"),
];

describe("the name servers that the directory says", () => {
  const namesOf = (zone: Parameters<typeof nameServersOf>[0], seen: MeshView): readonly string[] | undefined =>
    nameServersOf(zone, { view: seen, directory })?.map(({ name }) => name);

  it("are nobody's business where nothing is said", () => {
    expect(namesOf({}, view(three))).to.equal(undefined);
  });

  it("are all sites, the catalog sites or those that are named, by the names that their servers have", () => {
    expect(namesOf({}, view(three, { nameServers: "all" }))).to.deep.equal([
      "a.dns.internal",
      "ns2.example",
      "c.dns.internal",
    ]);
    expect(namesOf({}, view(three, { nameServers: "catalog" }))).to.deep.equal(["a.dns.internal", "ns2.example"]);
    expect(namesOf({}, view(three, { nameServers: ["c", "gone"] }))).to.deep.equal(["c.dns.internal"]);
  });

  it("are in a list of both words, sites and servers outside the mesh what all of them mean", () => {
    const named = (...nameServers: string[]) => namesOf({}, view(three, { nameServers }));
    expect(named("catalog", "ns1.provider.test")).to.deep.equal(["a.dns.internal", "ns2.example", "ns1.provider.test"]);
    expect(named("all", "c")).to.deep.equal(["a.dns.internal", "ns2.example", "c.dns.internal"]);
    expect(named("ns1.provider.test")).to.deep.equal(["ns1.provider.test"]);
  });

  it("are the zone's own, where it has any", () => {
    expect(namesOf({ nameServers: ["c"] }, view(three, { nameServers: "all" }))).to.deep.equal(["c.dns.internal"]);
  });

  it("are without sites that are marked to leave, also before the day", () => {
    const leaving = three.map((each) => (each.name === "c" ? { ...each, retired: "2099-01-01" } : each));
    expect(namesOf({}, view(leaving, { nameServers: "all" }))).to.deep.equal(["a.dns.internal", "ns2.example"]);
  });

  it("are unsaid where a later release says what this one does not know", () => {
    expect(readNameServers(new Map([["nameservers", ["nearest"]]]))).to.deep.equal({});
    expect(readNameServers(new Map([["nameserver", ["a", "Not A Site"]]]))).to.deep.equal({});
    expect(readNameServers(new Map([["nameserver", ["a", "not_a.host"]]]))).to.deep.equal({});
    expect(readNameServers(new Map([["nameserver", ["a", "*nearest"]]]))).to.deep.equal({});
    expect(readNameServers(new Map())).to.deep.equal({});
  });

  it("are of a zone whose own list this release cannot read nobody's business, and not the mesh's", () => {
    const facts = new Map([["nameserver", ["a", "*nearest"]]]);
    const seen = view(three, { nameServers: "all" });
    for (const said of [facts, new Map([["nameservers", ["nearest"]]])]) {
      const zone = readOwnNameServers(said);
      expect(namesOf(zone, seen)).to.equal(undefined);
      expect(areNameServersSaid(zone, seen)).to.equal(false);
    }
    expect(readOwnNameServers(new Map())).to.deep.equal({});
  });

  it("travel so that a list with a word, or with a server outside the mesh, is none to an earlier release", () => {
    const earlier = (facts: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined => {
      const listed = facts.get("nameserver");
      return listed?.every((name) => siteNameProblem(name) === undefined) === true ? listed : undefined;
    };
    const travelled = (...said: string[]) => factsOf(nameServerFacts(said));
    for (const said of [["catalog", "site-b"], ["all", "c"], ["ns1.provider.test", "c"], ["catalog"]]) {
      expect(earlier(travelled(...said))).to.equal(undefined);
      expect(readNameServers(travelled(...said))).to.deep.equal({ nameServers: said });
    }
    expect(earlier(travelled("a", "c"))).to.deep.equal(["a", "c"]);
  });
});

describe("the plan for a zone's NS records", () => {
  const plan = (wanted: string[], standing: string[], silent: string[] = []) =>
    planServers({
      ...{ wanted, standing },
      isOwn: (name) => name.startsWith("own"),
      answers: (name) => !silent.includes(name),
    });

  it("adds who answers and removes who is not wanted", () => {
    expect(plan(["own1", "own2"], ["own2", "own3"])).to.deep.equal({
      ...{ add: ["own1"], remove: ["own3"], waiting: [], kept: [] },
    });
  });

  it("waits for who does not answer, and removes nobody as long as no wanted one is there", () => {
    expect(plan(["own1"], ["own3"], ["own1"])).to.deep.equal({ add: [], remove: [], waiting: ["own1"], kept: [] });
    expect(plan(["own1", "own2"], ["own2", "own3"], ["own1"])).to.deep.equal({
      ...{ add: [], remove: ["own3"], waiting: ["own1"], kept: [] },
    });
  });

  it("keeps what somebody else wrote", () => {
    expect(plan(["own1"], ["own1", "ns.other"])).to.deep.equal({
      add: [],
      remove: [],
      waiting: [],
      kept: ["ns.other"],
    });
  });

  it("changes nothing where nobody is wanted", () => {
    expect(plan([], ["own1", "own2"])).to.deep.include({ add: [], remove: [] });
  });

  it("never takes the last one, nor one of somebody else's, and comes to rest in one step", () => {
    const name = fc.constantFrom<string>("own1", "own2", "own3", "own4", "other1", "other2");
    const names = fc.uniqueArray(name);
    fc.assert(
      fc.property(names, names, names, (wanted, standing, silent) => {
        const { add, remove } = plan(wanted, standing, silent);
        const after = [...standing.filter((each) => !remove.includes(each)), ...add];
        if (standing.length > 0) expect(after).to.not.deep.equal([]);
        expect(remove.filter((each) => each.startsWith("other"))).to.deep.equal([]);
        expect(add.filter((each) => silent.includes(each))).to.deep.equal([]);
        if (remove.length > 0) expect(after.some((each) => wanted.includes(each))).to.equal(true);
        expect(plan(wanted, after, silent)).to.deep.include({ add: [], remove: [] });
      }),
    );
  });
});

describe("the plan for the addresses of a server's name", () => {
  const plan = (wanted: string[], standing: string[], silent: string[] = []) =>
    planAddresses({ wanted, standing, answers: (address) => !silent.includes(address) });

  it("puts a new address in the place of a former one once it answers", () => {
    expect(plan(["2"], ["1"])).to.deep.equal({ add: ["2"], remove: ["1"], waiting: [] });
    expect(plan(["2"], ["1"], ["2"])).to.deep.equal({ add: [], remove: [], waiting: ["2"] });
    expect(plan(["1", "2"], ["1", "3"], ["2"])).to.deep.equal({ add: [], remove: ["3"], waiting: ["2"] });
  });
});

describe("names of servers and zones", () => {
  it("are the mesh's own below the directory, and where a site has them", () => {
    const is = (name: string) => isServerName(name, { view: view(three), directory });
    expect(["gone.dns.internal", "ns2.example"].map(is)).to.deep.equal([true, true]);
    expect(["dns.internal", "ns1.example", "xdns.internal"].map(is)).to.deep.equal([false, false, false]);
  });

  it("lie in the closest zone", () => {
    const zones = new Set(["example", "b.example"]);
    expect(enclosingZone("a.b.example", zones)).to.equal("b.example");
    expect(enclosingZone("b.example", zones)).to.equal("b.example");
    expect(enclosingZone("org", zones)).to.equal(undefined);
    expect(parentZone("b.example", zones)).to.equal("example");
    expect(parentZone("example", zones)).to.equal(undefined);
  });
});
