import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readAgentOptions } from "../../../../src/agents/sidecar/inputs/options";
import { OwnAnswers, type OwnFindings } from "../../../../src/agents/sidecar/http/own-answers";
import { ReadinessCheck } from "../../../../src/agents/sidecar/http/readiness";
import { SiteFiles } from "../../../../src/agents/sidecar/apply";
import { supervise } from "../../../../src/agents/sidecar/supervisor";
import { createLogger } from "../../../../src/base/log";
import { DnsError } from "../../../../src/dns/errors";
import type { SoaData } from "../../../../src/dns/record";
import type { WelcomePacket } from "../../../../src/mesh/model";
import type { MeshView, SiteView } from "../../../../src/mesh/view";
import { eventually } from "../../../../harness/eventually";
import { searched } from "../../base/searched";

describe("site files", () => {
  it("replaces what differs, takes away what should not be included, and can go back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "files-"));
    try {
      const files = new SiteFiles(folder);
      const first = new Map([
        ["conf/peers.d/10.conf", "a"],
        ["conf/peers.d/20.conf", "b"],
      ]);
      expect([...(await files.replace(first)).keys()]).to.deep.equal([...first.keys()]);
      expect((await files.replace(first)).size).to.equal(0);
      const before = await files.replace(new Map([["conf/peers.d/10.conf", "c"]]));
      expect([...before]).to.deep.equal([
        ["conf/peers.d/10.conf", "a"],
        ["conf/peers.d/20.conf", "b"],
      ]);
      await files.write(before);
      expect(await readFile(join(folder, "conf/peers.d/20.conf"), "utf8")).to.equal("b");
      expect((await files.differing(first)).size).to.equal(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("readiness", () => {
  const packet = {
    directoryZone: "dir",
    catalogZone: "cat",
    site: { name: "site-b", zones: [{ name: "own" }] },
    catalogs: [],
  } as unknown as WelcomePacket;
  const sites: readonly SiteView[] = (["primary-catalog", "secondary-catalog", "standard"] as const).map((role, i) => {
    const [name, address] = [`site-${"abc"[i] ?? ""}`, `192.0.2.${i + 1}`];
    return { name, role, addresses: [address], sources: [address] };
  });
  const viewOf = (zones: Readonly<Record<string, string>>): MeshView => ({
    directorySerial: 1,
    catalogSerial: 1,
    sites,
    zones: Object.entries(zones).map(([name, owner]) => ({ name, owner, id: name })),
  });
  const knot = { address: "127.0.0.1", port: 53 };
  const sibling = { address: "10.96.0.2", port: 53 };
  let now = 0;
  /** Of a server with these zones beside a pod with those, and sites at their addresses. */
  const check = (
    served: readonly string[],
    beside: readonly string[] = [],
    {
      elsewhere = {},
      asked = [],
      loading = [],
    }: {
      elsewhere?: Readonly<Record<string, readonly string[]>>;
      asked?: string[];
      loading?: readonly string[];
    } = {},
  ) =>
    new ReadinessCheck({
      knot,
      now: () => now,
      control: {
        zoneStatus: () => Promise.resolve(served.map((zone) => ({ zone, role: "slave", serial: 1 }))),
        loadingZones: (zones) => Promise.resolve(zones.filter((zone) => loading.includes(zone))),
      },
      dns: {
        querySoa: (server, zone) => {
          if (server !== knot) asked.push(`${zone} at ${server.address}`);
          const there = server === sibling ? beside : (elsewhere[server.address] ?? []);
          return (server === knot ? served : there).includes(zone)
            ? Promise.resolve({} as SoaData)
            : Promise.reject(new DnsError(served.length === 0 ? { kind: "timeout", afterMs: 1 } : { kind: "refused" }));
        },
      },
    });
  const cases: [string, string[], { own: string[]; wasReady: boolean }, boolean][] = [
    ["first boot with all zones", ["dir", "cat", "own"], { own: ["own"], wasReady: false }, true],
    ["first boot without the catalog", ["dir", "own"], { own: ["own"], wasReady: false }, false],
    ["first boot without an own zone", ["dir", "cat"], { own: ["own"], wasReady: false }, false],
    ["first boot with an own zone that has no content yet", ["dir", "cat"], { own: [], wasReady: false }, false],
    ["later without the central zones", ["own"], { own: ["own"], wasReady: true }, true],
    ["later without its only own zone", ["dir", "cat"], { own: ["own"], wasReady: true }, true],
    ["later with one own zone of two alone", ["own"], { own: ["own", "more"], wasReady: true }, true],
    ["later when nothing is answered that it should have", ["x"], { own: ["own"], wasReady: true }, false],
    ["later with a Knot that is away", [], { own: [], wasReady: true }, false],
    ["later with a Knot that is away and own zones", [], { own: ["own"], wasReady: true }, false],
  ];
  for (const [when, served, input, expected] of cases) {
    it(`is ${expected} at ${when}`, async () => {
      const alone = { siblings: [], view: viewOf({ own: "site-b", theirs: "site-c" }), remotePort: 53 };
      expect((await check(served).look({ packet, ...alone, ...input })).ready).to.equal(expected);
    });
  }

  describe("of a new pod some of whose own zones wait for their content", () => {
    const alone = { siblings: [], view: viewOf({ own: "site-b", more: "site-b" }), remotePort: 53, wasReady: false };
    const two = { site: { name: "site-b", zones: [{ name: "own" }, { name: "more" }] } };
    const input = { packet: { ...packet, ...two } as unknown as WelcomePacket, own: ["own", "more"], ...alone };

    it("waits for them, and serves what it has after a minute", async () => {
      const checked = check(["dir", "cat", "own"]);
      for (let second = 0; second < 60; second++) expect(await isReady(checked, input)).to.equal(false);
      now += 1000;
      expect(await checked.look(input)).to.deep.equal({ ready: true, unanswered: ["more"] });
    });

    it("goes on waiting where another pod of the site has them, or the central zones are missing", async () => {
      const beside = check(["dir", "cat", "own"], ["dir", "cat", "own", "more"]);
      const lost = check(["dir", "own"]);
      for (let second = 0; second < 120; second++) {
        expect(await isReady(beside, { ...input, siblings: [sibling] })).to.equal(false);
        now -= 1000;
        expect(await isReady(lost, input)).to.equal(false);
      }
    });

    it("finds out meanwhile who is silent, waits for none of them then, and for those that are back", async () => {
      const served = ["dir", "cat"];
      let others: () => Promise<SoaData> = () => Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
      const checked = new ReadinessCheck({
        knot,
        now: () => now,
        control: {
          zoneStatus: () => Promise.resolve(served.map((zone) => ({ zone, role: "slave", serial: 1 }))),
          loadingZones: () => Promise.resolve([]),
        },
        dns: {
          querySoa: (server, zone) => {
            if (server !== knot) return others();
            const has = served.includes(zone);
            return has ? Promise.resolve({} as SoaData) : Promise.reject(new DnsError({ kind: "refused" }));
          },
        },
      });
      const view = viewOf({ own: "site-b", more: "site-b", theirs: "site-c" });
      const look = () => isReady(checked, { ...input, view, siblings: [sibling] });
      expect(await look()).to.equal(false);
      await new Promise(setImmediate);
      let answer: () => void = () => undefined;
      const answered = new Promise<SoaData>((resolve) => {
        answer = () => {
          resolve({} as SoaData);
        };
      });
      others = () => answered;
      expect(await look()).to.equal(false);
      served.push("own", "more");
      expect(await look()).to.equal(true);
      answer();
      await answered;
      await new Promise(setImmediate);
      expect(await look()).to.equal(false);
      served.push("theirs");
      expect(await look()).to.equal(true);
    });

    it("counts the minute from when the central zones are there", async () => {
      const served = ["dir", "own"];
      const checked = check(served);
      for (let second = 0; second < 100; second++) expect(await isReady(checked, input)).to.equal(false);
      served.push("cat");
      for (let second = 0; second < 60; second++) expect(await isReady(checked, input)).to.equal(false);
      expect(await isReady(checked, input)).to.equal(true);
    });
  });

  const base = ["dir", "cat", "own"];
  const isReady = async (checked: ReadinessCheck, input: Parameters<ReadinessCheck["look"]>[0]): Promise<boolean> => {
    now += 1000;
    return (await checked.look(input)).ready;
  };
  beforeEach(() => {
    now = 0;
  });

  describe("of a pod beside another one", () => {
    const view = viewOf({ own: "site-b", theirs: "site-c", others: "site-c" });
    const first = { packet, own: ["own"], wasReady: false, siblings: [sibling], view, remotePort: 53 };

    it("waits at the first boot for a zone that the other has, and names it", async () => {
      const checked = check(base, [...base, "others"]);
      expect(await checked.look(first)).to.deep.equal({
        ready: false,
        reason: "zone others, which other servers of the mesh have, has no content yet",
      });
      expect(await isReady(check([...base, "others"], [...base, "others"]), first)).to.equal(true);
    });

    it("waits for no zone that the other has not either, nor later, nor for longer than a minute", async () => {
      expect(await isReady(check(base, base), first)).to.equal(true);
      expect(await isReady(check(base, [...base, "others"]), { ...first, wasReady: true })).to.equal(true);
      const checked = check(base, [...base, "others"]);
      for (let second = 0; second < 60; second++) expect(await isReady(checked, first)).to.equal(false);
      expect(await isReady(checked, first)).to.equal(true);
    });

    const own = ["z1", "z2", "z3"];
    const later = { ...first, own, wasReady: true };
    const lookOf = (served: readonly string[], beside: readonly string[], loading: readonly string[] = []) =>
      check(["dir", ...served], ["dir", ...beside], { loading }).look(later);

    it("gives way later to another that lacks less, and nothing else; serves where both lack something, and says what", async () => {
      expect(await lookOf(["z1", "z2"], own)).to.deep.equal({
        ready: false,
        reason: "zone z3 is not answered, which another pod of the site answers",
        unanswered: ["z3"],
      });
      expect(await lookOf(["z1"], ["z1", "z2"])).to.include({ ready: false });
      expect(await lookOf(["z1", "z2"], ["z2", "z3"])).to.deep.equal({ ready: true, unanswered: ["z3"] });
      expect(await lookOf(["z1", "z2"], ["z1", "z2"])).to.deep.equal({ ready: true, unanswered: ["z3"] });
      expect(await lookOf(["z1", "z2"], [])).to.deep.equal({ ready: true, unanswered: ["z3"] });
    });

    it("waits later for a zone that is being loaded", async () => {
      expect(await lookOf(["z1", "z2"], [], ["z3"])).to.deep.include({
        ready: false,
        reason: "zone z3 is being loaded",
      });
    });

    it("finds zones that fail among many, and is right again as soon as they are answered", async () => {
      const many = Array.from({ length: 100 }, (_, i) => `m${i}`);
      const served = ["dir", ...many];
      const checked = check(served, []);
      const look = async () => {
        now += 1000;
        return checked.look({ ...later, own: many });
      };
      served.splice(served.indexOf("m70"), 1);
      const looks = [];
      for (let i = 0; i < 10; i++) looks.push(await look());
      expect(looks.slice(5).map(({ unanswered }) => unanswered)).to.deep.equal(looks.slice(5).map(() => ["m70"]));
      expect(looks.every(({ ready }) => ready)).to.equal(true);
      served.push("m70");
      expect(await look()).to.deep.equal({ ready: true });
    });

    it("asks for all of many zones every ten seconds, and not in every look, while another pod is better", async () => {
      const many = Array.from({ length: 2000 }, (_, i) => `m${i}`);
      const beside = ["dir", ...many];
      const asked: string[] = [];
      const checked = check(["dir", ...many.slice(1)], beside, { asked });
      const look = async () => {
        now += 1000;
        return checked.look({ ...later, own: many });
      };
      for (let i = 0; i < 101; i++) await look();
      const before = asked.length;
      for (let i = 0; i < 10; i++) expect((await look()).ready).to.equal(false);
      expect(asked.length - before).to.equal(many.length);
    });

    it("compares what many zones lack at two pods without a search in all of them for each", async () => {
      const many = Array.from({ length: 300 }, (_, i) => `m${i}`);
      const [here, there] = [new Set(["dir"]), new Set(["dir", ...many.slice(0, 150)])];
      const answering = new OwnAnswers({
        knot,
        now: () => now,
        control: { loadingZones: () => Promise.resolve([]) },
        dns: {
          querySoa: (server, zone) =>
            (server === knot ? here : there).has(zone)
              ? Promise.resolve({} as SoaData)
              : Promise.reject(new DnsError({ kind: "refused" })),
        },
      });
      let found: OwnFindings | undefined;
      const look = async () => (found = await answering.look({ own: many, central: ["dir"], siblings: [sibling] }));
      expect(await searched(look)).to.be.below(20 * many.length);
      expect(found?.reason).to.equal("zone m0 is not answered, which another pod of the site answers");
      expect(found?.unanswered).to.have.length(300);
    });

    it("waits until the zones of the mesh are known", async () => {
      expect(await isReady(check(base, base), { ...first, view: undefined })).to.equal(false);
    });

    it("looks at other zones each time when many are missing", async () => {
      const many = viewOf(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`zone-${i}`, "site-c"])));
      const checked = check(base, ["zone-45"]);
      const found: boolean[] = [];
      for (let look = 0; look < 3; look++) found.push(await isReady(checked, { ...first, view: many }));
      expect(found).to.include(false);
    });
  });

  describe("of a pod alone with a new volume", () => {
    const view = viewOf({ own: "site-b", theirs: "site-a", others: "site-c" });
    const first = { packet, own: ["own"], wasReady: false, siblings: [], view, remotePort: 53 };

    for (const [where, address] of [
      ["its owner", "192.0.2.3"],
      ["a catalog site", "192.0.2.1"],
    ] as const) {
      it(`waits for a zone that ${where} answers, for a minute at the most`, async () => {
        const checked = check(base, [], { elsewhere: { [address]: ["dir", "others"] } });
        expect(await checked.look(first)).to.deep.equal({
          ready: false,
          reason: "zone others, which other servers of the mesh have, has no content yet",
        });
        for (let second = 1; second < 60; second++) expect(await isReady(checked, first)).to.equal(false);
        expect(await isReady(checked, first)).to.equal(true);
        const has = [...base, "others"];
        expect(await isReady(check(has, [], { elsewhere: { [address]: ["dir", "others"] } }), first)).to.equal(true);
      });
    }

    it("waits for no site that is not there, nor asks it for zones, and for no zone that nobody has", async () => {
      const asked: string[] = [];
      expect(await isReady(check(base, [], { elsewhere: { "192.0.2.3": ["dir"] }, asked }), first)).to.equal(true);
      expect(asked.toSorted()).to.deep.equal(["dir at 192.0.2.1", "dir at 192.0.2.3", "others at 192.0.2.3"]);
    });

    it("is ready once it was, whatever others have", async () => {
      const asked: string[] = [];
      const checked = check(base, [], { elsewhere: { "192.0.2.3": ["dir", "others"] }, asked });
      expect(await isReady(checked, { ...first, wasReady: true })).to.equal(true);
      expect(asked).to.deep.equal([]);
    });

    it("asks at most 64 sites in a look, and others in the next", async () => {
      const asked: string[] = [];
      const checked = check(base, [], { asked });
      const far = Array.from({ length: 100 }, (_, i): SiteView => {
        const address = `198.51.100.${i}`;
        return { name: `far-${i}`, role: "standard", addresses: [address], sources: [] };
      });
      const zones = far.map(({ name }) => ({ name: `of-${name}`, owner: name, id: name }));
      const large = { ...first, view: { ...view, sites: [...sites, ...far], zones } };
      expect(await isReady(checked, large)).to.equal(true);
      expect(new Set(asked)).to.have.lengthOf(64);
      await isReady(checked, large);
      expect(new Set(asked)).to.have.lengthOf(101);
    });
  });
});

describe("agent options", () => {
  const env = {
    DNS_MESH_PACKET: "/p",
    DNS_MESH_KEYS: "/k",
    DNS_MESH_LOCAL_KEY: "/l",
    DNS_MESH_LISTEN_SECURE: "0.0.0.0@8853",
    DNS_MESH_STORAGE: "/s",
    DNS_MESH_RUNDIR: "/r",
    DNS_MESH_KNOT: "127.0.0.1@5353",
    DNS_MESH_LISTEN: "0.0.0.0@5353,::@5353",
    DNS_MESH_HTTP: "0.0.0.0@8053",
    DNS_MESH_POD: "knot-1",
  };

  it("knows the pod's place among its siblings", () => {
    const { runtime, centralFolder } = readAgentOptions(env);
    expect(runtime.listen).to.deep.equal(["0.0.0.0@5353", "::@5353"]);
    expect(runtime.replicas).to.deep.equal({ self: 1 });
    expect(runtime.secure).to.deep.equal({ listen: ["0.0.0.0@8853"] });
    expect(centralFolder).to.equal(undefined);
  });

  it("names the variable that is missing or wrong", () => {
    expect(() => readAgentOptions({ ...env, DNS_MESH_KEYS: "" })).to.throw("DNS_MESH_KEYS is not set");
    expect(() => readAgentOptions({ ...env, DNS_MESH_KNOT: "127.0.0.1@x" })).to.throw(
      'DNS_MESH_KNOT: "x" is not a port',
    );
  });
});

describe("supervisor", () => {
  it("starts the program again after each crash, and passes the end on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "supervisor-"));
    try {
      const script = join(folder, "crash.cjs");
      const starts = join(folder, "starts");
      await writeFile(
        script,
        `const fs = require("fs");
         const note = (text) => fs.appendFileSync(${JSON.stringify(starts)}, text);
         process.on("SIGTERM", () => { note("end"); process.exit(0); });
         note("x");
         if (fs.readFileSync(${JSON.stringify(starts)}).length < 3) process.exit(7);
         setInterval(() => {}, 1000);`,
      );
      const stop = new AbortController();
      const lines: string[] = [];
      const log = createLogger({ write: (line) => lines.push(line), now: () => 0 });
      const done = supervise({ script, args: [], log, now: Date.now, signal: stop.signal, firstWaitMs: 5 });
      const noted = () => readFile(starts, "utf8").catch(() => "");
      await eventually(8, async () => {
        expect(await noted()).to.equal("xxx");
      });
      stop.abort();
      await done;
      expect(await noted()).to.equal("xxxend");
      expect(lines).to.have.length(2);
      expect(lines[0]).to.include('"code":7');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
