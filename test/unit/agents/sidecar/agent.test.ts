import { expect } from "chai";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Agent } from "../../../../src/agents/sidecar/agent";
import { createLogger } from "../../../../src/base/log";
import { Mounts } from "../../../../src/agents/sidecar/inputs/inputs";
import { prepare } from "../../../../src/agents/sidecar/prepare";
import { StateStore } from "../../../../src/agents/sidecar/state-store";
import { Problems } from "../../../../src/agents/sidecar/http/status";
import { DnsError } from "../../../../src/dns/errors";
import type { ResourceRecord } from "../../../../src/dns/record";
import { liveSettingsText } from "../../../../src/contract/live-settings";
import { TransientError } from "../../../../src/base/errors";
import type { DnsClient } from "../../../../src/dns/client/dns-client";
import { KnotControlError } from "../../../../src/knot/control/knot-control";
import { localCatalogZone, type SiteInput } from "../../../../src/knot/config/site-config";
import { KnotVolume } from "../../../../src/knot/config/volume";
import type { Mesh } from "../../../../src/mesh/model";
import { parseMesh } from "../../../../src/settings/parse";
import { defaultZoneLimits } from "../../../../src/mesh/limits";
import { serverName, welcomePacket } from "../../../../src/mesh/welcome";
import { issue, makeAuthority, writeIdentity } from "../../../../harness/certificates";
import { FakeKnot, centralRecords } from "./fake-knot";

describe("agent", () => {
  const mesh = parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [
      { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
      { name: "site-b", role: "secondary-catalog", addresses: ["192.0.2.2"], zones: ["b.example"] },
      { name: "site-c", role: "standard", addresses: ["192.0.2.3"], zones: ["c.example"] },
    ],
  });
  let folder: string;
  let knot: FakeKnot;
  let now: number;
  let lines: string[];
  let letThroughFile: string | undefined;
  /** What agents began with. */
  let begun: SiteInput[];
  /** What the relay says; undefined where it knows nothing new. */
  let reached: readonly string[] | undefined;
  /** What the relay hears after it was to look anew. */
  let answers: readonly string[];
  /** How often it was to, and how often Knot ended. */
  let [looks, ends] = [0, 0];
  /** Zones whose content was said to have changed. */
  let told: string[];

  beforeEach(async () => {
    now = Date.parse("2026-11-23T12:00:00Z");
    lines = [];
    letThroughFile = undefined;
    reached = undefined;
    [answers, looks, ends] = [[], 0, 0];
    [begun, told] = [[], []];
    folder = await mkdtemp(join(tmpdir(), "agent-"));
    await mkdir(join(folder, "etc"));
    const packet = welcomePacket(mesh, "site-c", "PEM");
    const secret = Buffer.alloc(32, 7).toString("base64");
    const ring = { version: 1, current: { name: "k", algorithm: "hmac-sha256", secret } };
    await writeFile(join(folder, "etc", "welcome.json"), JSON.stringify(packet));
    await writeFile(join(folder, "etc", "ring.json"), JSON.stringify(ring));
    const settings = { pods: { addresses: ["10.0.0.1"], port: 53, securePort: 853 }, remotePort: 53, securePort: 853 };
    await writeFile(join(folder, "etc", "settings.json"), liveSettingsText(settings));
    await writeFile(join(folder, "etc", "local.json"), JSON.stringify({ ...ring.current, name: "local" }));
    const authority = makeAuthority();
    const name = serverName("site-c", mesh.directoryZone);
    await writeIdentity(join(folder, "etc", "tls"), issue({ ca: authority, name }), [authority]);
    knot = new FakeKnot(join(folder, "storage"));
    await prepare({ options: options(), dns: knot.dns, now: () => now, log });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const log = createLogger({ write: (line) => lines.push(line), now: () => now });
  const options = () => ({
    packetFile: join(folder, "etc", "welcome.json"),
    settingsFile: join(folder, "etc", "settings.json"),
    ringFile: join(folder, "etc", "ring.json"),
    localKeyFile: join(folder, "etc", "local.json"),
    tlsFolder: join(folder, "etc", "tls"),
    runtime: {
      ...{ storage: join(folder, "storage"), rundir: "/run", listen: ["127.0.0.1@53"] },
      ...{ secure: { listen: ["127.0.0.1@853"] }, replicas: { self: 0 } },
    },
    knot: { address: "127.0.0.1", port: 53 },
    http: { address: "127.0.0.1", port: 1 },
    pod: "knot-0",
    leaving: { servedSeconds: 0, answeringSeconds: 0 },
    disagreeMs: 300_000,
    ...(letThroughFile !== undefined && { letThroughFile }),
  });
  const start = async () => {
    const agent = new Agent({
      options: options(),
      mounts: new Mounts(options(), { now: () => now, highest: () => undefined }),
      control: knot.control,
      dns: knot.dns as unknown as DnsClient,
      store: new StateStore(new KnotVolume(join(folder, "storage"))),
      problems: new Problems(
        () => now,
        () => undefined,
      ),
      now: () => now,
      log,
      relay: {
        reached: (before) => (reached === undefined || reached.join() === before.join() ? before : reached),
        lookAnew: () => void (looks += 1),
        answering: (before) => before.filter((address) => answers.includes(address)),
      },
      presence: {
        get ends() {
          return ends;
        },
      },
      events: {
        begins: (at) => begun.push(at),
        applied: () => undefined,
        changed: (zones) => void told.push(...zones),
      },
    });
    await agent.start();
    return agent;
  };
  const problems = (agent: Agent) => agent.status().problems.map(({ kind }) => kind);
  const localCatalog = () => readFile(join(folder, "storage", "zones", `${localCatalogZone}.zone`), "utf8");

  it("brings a view into Knot, and then asks two questions a pass and nothing else", async () => {
    knot.serve(centralRecords(mesh, 5));
    const agent = await start();
    expect(await agent.pass()).to.equal("changed");
    expect(agent.status().applied).to.deep.include({ directorySerial: 5, catalogSerial: 5 });
    expect(await localCatalog()).to.match(/PTR a\.example\.[^]*PTR b\.example\./);
    const [asked, commands] = [knot.questions, knot.commands.length];
    for (let i = 1; i <= 3; i++) {
      expect(await agent.pass()).to.equal("idle");
      expect(knot.questions).to.equal(asked + 2 * i);
    }
    expect(knot.commands).to.have.length(commands);
    expect(problems(agent)).to.deep.equal([]);
  });

  it("gives Knot the addresses at which the relay reaches somebody, over restarts, and takes them back", async () => {
    const remotes = async (): Promise<readonly (string | undefined)[]> => {
      const text = await readFile(join(folder, "storage", "conf", "peers.d", "10-remotes.conf"), "utf8");
      return ["peer-site-a", "peer-site-b"].map((id) => new RegExp(`id: ${id}\n +address: (.*)`).exec(text)?.[1]);
    };
    knot.serve(centralRecords(mesh, 5));
    const agent = await start();
    await agent.pass();
    const without = ["[/run/to/peer-site-a]", "[/run/to/peer-site-b]"];
    expect(await remotes()).to.deep.equal(without);
    const address = mesh.sites[1]!.addresses[0]!;
    reached = [`${address}@853`, "192.0.2.99@853"];
    expect(await agent.pass()).to.equal("changed");
    const withB = [without[0], `[/run/to/peer-site-b, ${address}@853]`];
    expect(await remotes()).to.deep.equal(withB);
    expect(await agent.pass()).to.equal("idle");
    reached = undefined;
    const next = await start();
    await prepare({ options: options(), dns: knot.dns, now: () => now, log });
    await next.pass();
    expect(await remotes(), "the next agent").to.deep.equal(withB);
    reached = [];
    expect(await next.pass()).to.equal("changed");
    expect(await remotes()).to.deep.equal(without);
    expect(await next.pass()).to.equal("idle");
  });

  it("has a Knot that ended start with none of these addresses, and gives it those that answer when it does", async () => {
    const file = join(folder, "storage", "conf", "peers.d", "10-remotes.conf");
    const has = async (address: string): Promise<boolean> => (await readFile(file, "utf8")).includes(address);
    const [a, b] = ["192.0.2.1@853", "192.0.2.2@853"];
    knot.serve(centralRecords(mesh, 5));
    const agent = await start();
    reached = [a, b];
    await agent.pass();
    expect([await has(a), await has(b)]).to.deep.equal([true, true]);
    const reloads = knot.commands.length;
    knot.serve(new Map());
    ends += 1;
    await agent.pass();
    await agent.pass();
    expect([await has(a), await has(b)], "while it is away").to.deep.equal([false, false]);
    expect(knot.commands, "while it is away").to.have.length(reloads);
    knot.serve(centralRecords(mesh, 5));
    answers = [a];
    await agent.pass();
    const looked = looks;
    await agent.pass();
    expect(looks, "looks when it is back").to.equal(looked + 1);
    expect([await has(a), await has(b)], "while others are looked at").to.deep.equal([false, false]);
    now += 1000;
    reached = undefined;
    expect(await agent.pass()).to.equal("changed");
    expect([await has(a), await has(b)], "when it is back").to.deep.equal([true, false]);
    expect(await agent.pass()).to.equal("idle");
    const next = new StateStore(new KnotVolume(join(folder, "storage")));
    expect((await next.load()).state.reached).to.deep.equal([a]);
  });

  it("has others told of an own zone that begins as soon as Knot has it, once", async () => {
    knot.serve(centralRecords(mesh, 5));
    const agent = await start();
    await agent.pass();
    told = [];
    const packet = welcomePacket(mesh, "site-c", "PEM");
    const [zone] = packet.site.zones;
    const zones = [...packet.site.zones, { ...zone!, name: "new.example" }];
    await writeFile(
      join(folder, "etc", "welcome.json"),
      JSON.stringify({ ...packet, site: { ...packet.site, zones } }),
    );
    expect(await agent.pass()).to.equal("changed");
    expect(told).to.deep.equal(["new.example"]);
    expect(await agent.pass()).to.equal("idle");
    expect(told).to.deep.equal(["new.example"]);
  });

  it("keeps own zones out of the local catalog", async () => {
    knot.serve(centralRecords(mesh, 5));
    await (await start()).pass();
    expect(await localCatalog()).not.to.include("c.example");
  });

  it("has Knot ask for a word on changes of own zones only in a pod that was made for it", async () => {
    const pods = { addresses: ["10.0.0.1"], port: 53, securePort: 853 };
    const settings = { pods, remotePort: 53, securePort: 853, guard: defaultZoneLimits };
    await writeFile(join(folder, "etc", "settings.json"), liveSettingsText(settings));
    knot.serve(centralRecords(mesh, 5));
    const conf = join(folder, "storage", "conf");
    const isAsked = async (): Promise<boolean> => {
      expect(await (await start()).pass()).to.equal("changed");
      const files = (await readdir(conf, { recursive: true })).filter((file) => file.endsWith(".conf"));
      const texts = await Promise.all(files.map((file) => readFile(join(conf, file), "utf8")));
      return texts.join("").includes("external-validation");
    };
    expect(await isAsked()).to.equal(false);
    letThroughFile = join(folder, "etc", "let-through");
    expect(await isAsked()).to.equal(true);
  });

  describe("with a mesh in service", () => {
    let agent: Agent;
    let catalog: string;
    const fourth = {
      ...mesh,
      sites: [
        ...mesh.sites,
        { name: "site-d", role: "standard", addresses: ["192.0.2.4"], sources: [], zones: [] } as never,
      ],
    };

    beforeEach(async () => {
      knot.serve(centralRecords(mesh, 5));
      agent = await start();
      await agent.pass();
      catalog = await localCatalog();
    });

    it("leaves Knot as it is while a damaged state says nothing, and goes on once the central zones are read", async () => {
      const state = join(folder, "storage", "mesh", "state.json");
      for (const path of [state, `${state}.old`]) await writeFile(path, "{ damaged");
      knot.serve(new Map());
      agent = await start();
      await agent.pass();
      expect(await localCatalog()).to.equal(catalog);
      expect(await readFile(join(folder, "storage", "conf", "zones.d", "own.conf"), "utf8")).to.include("c.example");
      expect(problems(agent)).to.include("state");
      knot.serve(centralRecords(mesh, 6));
      now += 60_000;
      await agent.pass();
      expect(await localCatalog()).to.equal(catalog);
      expect(await readFile(join(folder, "storage", "conf", "zones.d", "own.conf"), "utf8")).to.include("c.example");
      expect(agent.status().applied).to.deep.include({ directorySerial: 6 });
      expect(problems(agent)).to.deep.equal([]);
    });

    it("leaves Knot as it is over restarts too, until a damaged state is replaced by what the central zones say", async () => {
      const state = join(folder, "storage", "mesh", "state.json");
      for (const path of [state, `${state}.old`]) await writeFile(path, "{ damaged");
      knot.serve(new Map());
      for (let restart = 0; restart < 3; restart++) {
        await prepare({ options: options(), dns: knot.dns, now: () => now, log });
        agent = await start();
        for (let i = 0; i < 3; i++) {
          await agent.pass();
          now += 60_000;
        }
        expect(await localCatalog(), `after start ${restart}`).to.equal(catalog);
        expect([...knot.members()].sort()).to.deep.equal(["a.example", "b.example"]);
        expect(problems(agent)).to.include("state");
        expect(await readFile(state, "utf8")).to.equal("{ damaged");
      }
      knot.serve(centralRecords(mesh, 6));
      await agent.pass();
      expect(await localCatalog()).to.equal(catalog);
      expect(problems(agent)).to.deep.equal([]);
      expect((await new StateStore(new KnotVolume(join(folder, "storage"))).load()).kind).to.equal("loaded");
    });

    it("leaves Knot as it is when the state is gone although Knot's files stand", async () => {
      await rm(join(folder, "storage", "mesh"), { recursive: true });
      knot.serve(new Map());
      await prepare({ options: options(), dns: knot.dns, now: () => now, log });
      agent = await start();
      await agent.pass();
      expect(await localCatalog()).to.equal(catalog);
      expect([...knot.members()].sort()).to.deep.equal(["a.example", "b.example"]);
      expect(problems(agent)).to.include("state");
    });

    it("carries out a poke that comes while a pass is under way", async () => {
      const reloads = () => knot.commands.filter((command) => command === "reload").length;
      const before = reloads();
      expect(before).to.equal(2);
      knot.stall = true;
      agent.poke();
      const busy = agent.pass();
      await knot.stalled;
      agent.poke();
      knot.stall = false;
      knot.release();
      await busy;
      await agent.pass();
      expect(reloads() - before).to.equal(2);
      const asked = knot.transfers;
      await agent.pass();
      expect(knot.transfers).to.equal(asked);
    });

    it("reads the central zones again for a poke that comes while they are being read", async () => {
      const before = knot.transfers;
      knot.serve(centralRecords(mesh, 6));
      const poking = agent.pass();
      await knot.transferring;
      agent.poke();
      await poking;
      await agent.pass();
      expect(knot.transfers - before).to.equal(4);
    });

    it("reports a state that cannot be saved as such, not as of files that Knot refused", async () => {
      await rm(join(folder, "storage", "mesh"), { recursive: true });
      await writeFile(join(folder, "storage", "mesh"), "no folder any more");
      knot.serve(centralRecords(fourth, 6));
      expect(await agent.pass()).to.equal("failed");
      expect(problems(agent)).to.deep.equal(["state"]);
      await unchanged();
      await rm(join(folder, "storage", "mesh"));
      now += 1000;
      expect(await agent.pass()).to.equal("changed");
      expect(problems(agent)).to.deep.equal([]);
    });

    it("tries again soon after a failure that follows a long absence of Knot", async () => {
      knot.serve(centralRecords(fourth, 6));
      knot.refusal = new TransientError("Knot's control socket: connect ENOENT");
      for (let i = 0; i < 20; i++) {
        await agent.pass();
        now += 1000;
      }
      knot.refusal = new KnotControlError("Knot refused reload: invalid item");
      expect(await agent.pass()).to.equal("failed");
      knot.refusal = undefined;
      now += 1000;
      expect(await agent.pass()).to.equal("changed");
    });

    const unchanged = async () => {
      expect(await localCatalog()).to.equal(catalog);
      expect(agent.status().applied).to.deep.include({ directorySerial: 5 });
      expect([...knot.members()].sort()).to.deep.equal(["a.example", "b.example"]);
    };

    const failures: [string, DnsError][] = [
      ["cut off", new DnsError({ kind: "incomplete", detail: "the server closed the connection" })],
      ["unsigned", new DnsError({ kind: "unsigned" })],
      ["badly signed", new DnsError({ kind: "badSignature", by: "us" })],
    ];
    for (const [what, failure] of failures) {
      it(`changes nothing when a central zone is ${what}, reports it, and tries again`, async () => {
        knot.serve(centralRecords(mesh, 6), failure);
        for (let i = 0; i < 3; i++) {
          await agent.pass();
          now += 1000;
        }
        await unchanged();
        expect(problems(agent)).to.include("central");
        knot.serve(centralRecords(mesh, 6));
        now += 60_000;
        await agent.pass();
        await agent.pass();
        expect(agent.status().applied).to.deep.include({ directorySerial: 6 });
        expect(problems(agent)).to.deep.equal([]);
      });
    }

    const refused: [string, () => Map<string, ResourceRecord[]>][] = [
      ["older", () => centralRecords(mesh, 4)],
      ["empty", () => centralRecords({ ...mesh, sites: [] }, 6)],
    ];
    for (const [what, records] of refused) {
      it(`changes nothing when the central zones are ${what}, and reports it`, async () => {
        knot.serve(records());
        await agent.pass();
        await unchanged();
        expect(problems(agent)).to.include("refused");
      });
    }

    it("says why it refuses zones that may be of another epoch, and nothing where they are older", async () => {
      expect(agent.epochDoubt).to.equal(undefined);
      const records = centralRecords(mesh, 6);
      const directory = records.get(mesh.directoryZone) ?? [];
      records.set(
        mesh.directoryZone,
        directory.filter(({ name }) => !name.includes("._zone.")),
      );
      knot.serve(records);
      await agent.pass();
      expect(agent.epochDoubt).to.be.a("string");
      knot.serve(centralRecords(mesh, 4));
      await agent.pass();
      expect([problems(agent), agent.epochDoubt]).to.deep.equal([["refused"], undefined]);
    });

    describe("of which a zone went to another owner", () => {
      const stanza = () => readFile(join(folder, "storage/conf/zones.d/former.conf"), "utf8").catch(() => undefined);
      const movedTo = (owner: string): Mesh => ({
        ...mesh,
        sites: mesh.sites.map((site) => ({
          ...site,
          zones: [
            ...site.zones.filter(({ name }) => name !== "c.example"),
            ...(site.name === owner ? mesh.sites[2]!.zones : []),
          ],
        })),
      });
      const mount = (to: Mesh) =>
        writeFile(join(folder, "etc", "welcome.json"), JSON.stringify(welcomePacket(to, "site-c", "PEM")));

      beforeEach(async () => {
        await mount(movedTo("site-b"));
        await agent.pass();
      });

      it("keeps it in Knot's own files, from its new owner once the directory has that, and over restarts", async () => {
        expect(await stanza()).to.contain("domain: c.example\n    template: owner-site-c");
        knot.serve(centralRecords(movedTo("site-b"), 6));
        await agent.pass();
        expect(await stanza()).to.contain("domain: c.example\n    template: owner-site-b");
        expect(await localCatalog()).not.to.contain("c.example");
        await prepare({ options: options(), dns: knot.dns, now: () => now, log });
        expect(await stanza()).to.contain("template: owner-site-b");
        expect(await (await start()).pass()).to.equal("changed");
        expect(await stanza()).to.contain("template: owner-site-b");
      });

      it("knows it when the state is damaged, too", async () => {
        knot.serve(centralRecords(movedTo("site-b"), 6));
        await agent.pass();
        for (const name of ["state.json", "state.json.old"])
          await writeFile(join(folder, "storage/mesh", name), "damaged");
        const next = await start();
        knot.serve(centralRecords(movedTo("site-b"), 7));
        for (let i = 0; i < 3; i++) await next.pass();
        expect(problems(next)).to.deep.equal([]);
        expect(await stanza()).to.contain("template: owner-site-b");
        expect([...knot.members()].sort()).to.deep.equal(["a.example", "b.example"]);
      });

      it("has it as its own again when it comes back", async () => {
        knot.serve(new Map([...centralRecords(mesh, 6), ["c.example", centralRecords(mesh, 6).get("dns.internal")!]]));
        await mount(mesh);
        await agent.pass();
        expect(await stanza()).to.equal(undefined);
        const own = await readFile(join(folder, "storage/conf/zones.d/own.conf"), "utf8");
        expect(own).to.contain("c.example");
      });

      it("lets it go when the mesh has it no longer, as Knot had it", async () => {
        knot.serve(centralRecords(movedTo("nobody"), 6));
        await agent.pass();
        await agent.pass();
        expect(await stanza()).to.equal(undefined);
        expect(knot.commands).to.include("zone-flush c.example");
        const files = await readdir(join(folder, "storage/zones"));
        expect(files).not.to.include("c.example.zone");
        expect(await readdir(join(folder, "storage/mesh/former"))).to.deep.equal(["c.example.zone"]);
      });
    });

    it("changes nothing when the central zones are not there at all", async () => {
      knot.serve(new Map());
      await agent.pass();
      await unchanged();
      expect(problems(agent)).to.deep.equal(["central", "central"]);
    });

    it("puts the files back when Knot refuses them, and reports Knot's words", async () => {
      knot.refusal = new KnotControlError("Knot refused reload: invalid item");
      knot.serve(centralRecords(fourth, 6));
      const files = join(folder, "storage/conf/peers.d/10-remotes.conf");
      const before = await readFile(files, "utf8");
      expect(await agent.pass()).to.equal("failed");
      expect(await readFile(files, "utf8")).to.equal(before);
      await unchanged();
      expect(agent.status().problems[0]).to.deep.include({
        kind: "apply",
        message: "Knot refused reload: invalid item",
      });
    });

    it("has the next agent finish what a killed one began", async () => {
      // The process ends between Knot's acceptance and the verification.
      knot.serve(centralRecords(fourth, 6));
      knot.stall = true;
      const dying = agent.pass();
      await knot.stalled;
      const next = await start();
      knot.stall = false;
      expect(next.status().applied).to.deep.include({ directorySerial: 5 });
      await next.pass();
      expect(next.status().applied).to.deep.include({ directorySerial: 6 });
      expect(await readFile(join(folder, "storage/conf/peers.d/10-remotes.conf"), "utf8")).to.include("peer-site-d");
      knot.release();
      await dying;
    });

    it("waits for a Knot that is away, and loads everything when it is back", async () => {
      const next = await start();
      knot.refusal = new TransientError("Knot's control socket: connect ENOENT");
      begun = [];
      expect(await next.pass()).to.equal("failed");
      expect(problems(next)).to.deep.equal(["knot"]);
      const sites = begun.map(({ view }) => view.sites.map(({ name }) => name));
      expect(sites, "what Knot has, before it takes anything").to.deep.equal([["site-a", "site-b", "site-c"]]);
      knot.refusal = undefined;
      now += 1000;
      expect(await next.pass()).to.equal("changed");
      expect(problems(next)).to.deep.equal([]);
    });

    it("keeps the inputs from before when the mounted ones are broken, and shows no secret", async () => {
      await writeFile(join(folder, "etc", "ring.json"), '{"version": 1, "current": {"secret": "c2VjcmV0"');
      await agent.pass();
      expect(problems(agent)).to.deep.equal(["inputs"]);
      expect(JSON.stringify(agent.status()) + lines.join("")).not.to.include("c2VjcmV0");
      await unchanged();
    });
  });

  it("writes no secret to its log", async () => {
    knot.serve(centralRecords(mesh, 5));
    await (await start()).pass();
    expect(lines.join("")).not.to.include(Buffer.alloc(32, 7).toString("base64"));
  });
});
