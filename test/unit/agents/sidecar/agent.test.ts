import { expect } from "chai";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Agent } from "../../../../src/agents/sidecar/agent";
import { createLogger } from "../../../../src/base/log";
import { prepare } from "../../../../src/agents/sidecar/prepare";
import { statePath, StateStore } from "../../../../src/agents/sidecar/state-store";
import { Problems } from "../../../../src/agents/sidecar/status";
import { DnsError } from "../../../../src/dns/errors";
import type { ResourceRecord } from "../../../../src/dns/record";
import { TransientError } from "../../../../src/base/errors";
import type { DnsClient } from "../../../../src/dns/client/dns-client";
import { KnotControlError } from "../../../../src/knot/control/knot-control";
import { localCatalogZone } from "../../../../src/knot/config/site-config";
import { parseMesh } from "../../../../src/settings/parse";
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

  beforeEach(async () => {
    now = Date.parse("2026-11-23T12:00:00Z");
    lines = [];
    folder = await mkdtemp(join(tmpdir(), "agent-"));
    await mkdir(join(folder, "etc"));
    const packet = welcomePacket(mesh, "site-c", "PEM");
    const secret = Buffer.alloc(32, 7).toString("base64");
    const ring = { version: 1, current: { name: "k", algorithm: "hmac-sha256", secret } };
    await writeFile(join(folder, "etc", "welcome.json"), JSON.stringify(packet));
    await writeFile(join(folder, "etc", "ring.json"), JSON.stringify(ring));
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
    ringFile: join(folder, "etc", "ring.json"),
    localKeyFile: join(folder, "etc", "local.json"),
    tlsFolder: join(folder, "etc", "tls"),
    runtime: {
      ...{ storage: join(folder, "storage"), rundir: "/run", listen: ["127.0.0.1@53"], remotePort: 53 },
      secure: { listen: ["127.0.0.1@853"], remotePort: 853 },
    },
    knot: { address: "127.0.0.1", port: 53 },
    http: { address: "127.0.0.1", port: 1 },
    pod: "knot-0",
  });
  const start = async () => {
    const agent = new Agent({
      options: options(),
      control: knot.control,
      dns: knot.dns as unknown as DnsClient,
      store: new StateStore(statePath(join(folder, "storage"))),
      problems: new Problems(
        () => now,
        () => undefined,
      ),
      now: () => now,
      log,
      events: { applied: () => undefined, changed: () => undefined },
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

  it("keeps own zones out of the local catalog", async () => {
    knot.serve(centralRecords(mesh, 5));
    await (await start()).pass();
    expect(await localCatalog()).not.to.include("c.example");
  });

  describe("with a mesh in service", () => {
    let agent: Agent;
    let catalog: string;

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
      it(`changes nothing when a central zone is ${what}, tells, and tries again`, async () => {
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
      it(`changes nothing when the central zones are ${what}, and tells`, async () => {
        knot.serve(records());
        await agent.pass();
        await unchanged();
        expect(problems(agent)).to.include("refused");
      });
    }

    it("changes nothing when the central zones are not there at all", async () => {
      knot.serve(new Map());
      await agent.pass();
      await unchanged();
      expect(problems(agent)).to.deep.equal(["central", "central"]);
    });

    const fourth = {
      ...mesh,
      sites: [
        ...mesh.sites,
        { name: "site-d", role: "standard", addresses: ["192.0.2.4"], sources: [], zones: [] } as never,
      ],
    };

    it("puts the files back when Knot refuses them, and tells in Knot's words", async () => {
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
      expect(await readFile(join(folder, "storage/conf/peers.d/10-remotes.conf"), "utf8")).to.include("192.0.2.4");
      knot.release();
      await dying;
    });

    it("waits for a Knot that is away, and loads everything when it is back", async () => {
      const next = await start();
      knot.refusal = new TransientError("Knot's control socket: connect ENOENT");
      expect(await next.pass()).to.equal("failed");
      expect(problems(next)).to.deep.equal(["knot"]);
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
