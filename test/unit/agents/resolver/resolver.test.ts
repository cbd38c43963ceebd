import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { versionOf } from "../../../../src/agents/resolver/configuration";
import { Resolver, type ResolverOptions } from "../../../../src/agents/resolver/resolver";
import { UserError } from "../../../../src/base/errors";
import { resolverFiles } from "../../../../src/contract/resolver";
import type { DnsServer } from "../../../../src/dns/client/dns-client";
import { DnsError } from "../../../../src/dns/errors";
import { type Message, noFlags } from "../../../../src/dns/message";
import { queryMessage } from "../../../../src/dns/request";
import type { TsigKey } from "../../../../src/dns/tsig-key";
import { rcodes } from "../../../../src/dns/types";
import type { Held } from "../../../../src/mesh/view";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { OperatorStage } from "../operator/operator-stage";

const [first, second] = [
  { address: "10.0.0.1", port: 53 },
  { address: "10.0.0.2", port: 53 },
];
const [zone, directory] = ["a.example", "dns.internal"];

/** What a server says: keys by octets that stand for them, or an RCODE. */
function answer(name: string, type: string, given: readonly number[] | number): Message {
  const [octets, rcode] = typeof given === "number" ? [[], given] : [given, rcodes.NOERROR];
  const rdata = octets.map((octet) => Buffer.from([1, 1, 3, 13, octet, octet]));
  return {
    ...queryMessage({ id: 1, name, type }),
    rcode,
    flags: { ...noFlags, qr: true, aa: rcode === rcodes.NOERROR },
    answers: rdata.map((each) => ({ name, ttl: 60, type: "OTHER", typeName: type, rdata: each }) as never),
  };
}

describe("the resolver's agent", () => {
  let stage: OperatorStage;
  let folder: string;
  let resolver: Resolver;
  let held: readonly Held[];
  let key: TsigKey | Error;
  /** What a pod says of a zone's keys, by octets that stand for them. */
  let keysAt: (server: DnsServer, name: string, by: TsigKey | undefined) => readonly number[] | number;
  /** Versions that the processes were brought to, and whether they take them. */
  let brought: string[];
  let areBrought: boolean;

  beforeEach(async () => {
    stage = new OperatorStage();
    folder = await mkdtemp(join(tmpdir(), "dns-mesh-"));
    [held, key, brought, areBrought] = [[], keyOf("first"), [], true];
    keysAt = (_, name) => (name === zone ? [1] : []);
    resolver = newResolver();
    await resolver.open();
  });
  afterEach(() => rm(folder, { recursive: true }));

  const keyOf = (name: string): TsigKey => ({ name, algorithm: "hmac-sha256", secret: "" });

  function newResolver(): Resolver {
    const packet = welcomePacket(stage.mesh, "a", "CA");
    const current = { packet, writer: first, agent: first, pods: [first, second], remotePort: 53 };
    const client = stage.writer.client();
    return new Resolver({
      options: { folder, listen: ["127.0.0.1@53"], upstreams: [], unvalidatedUpstreams: [], ...times } as never,
      inputs: { current, look: () => Promise.resolve(false) },
      readKey: () => (key instanceof Error ? Promise.reject(key) : Promise.resolve(key)),
      dns: {
        ...client,
        query: async (...[server, name, type, by]) => {
          if (type !== "DNSKEY" && type !== "CDS") return client.query(server, name, type);
          const given = keysAt(server, name, by);
          return answer(name, type, type === "CDS" && typeof given !== "number" ? [] : given);
        },
      },
      agents: { status: () => Promise.resolve({ ...stage.followed(), held } as never) },
      workers: {
        bring: (version) => {
          brought.push(version);
          return Promise.resolve(areBrought);
        },
      },
      log: stage.log,
      clock: stage.clock,
    });
  }
  const times: Pick<ResolverOptions, "cacheMiB" | "keysMs" | "lookMs"> = { cacheMiB: 64, keysMs: 60_000, lookMs: 2000 };

  const configuration = () => readFile(resolverFiles(folder).configuration, "utf8");
  const version = async () => versionOf(await configuration());
  const isTrusted = async (octet: number) =>
    (await configuration()).includes(`DNSKEY 257 3 13 ${Buffer.from([octet, octet]).toString("base64")}`);
  const warnings = () => stage.lines.filter((line) => line.startsWith("warn"));

  /** Lists these zones for site a. */
  function relist(...names: readonly string[]): void {
    const sites = stage.mesh.sites.map((site) =>
      site.name === "a" ? { ...site, zones: names.map((name) => ({ ...site.zones[0]!, name })) } : site,
    );
    stage.publish({ ...stage.mesh, sites });
  }

  async function look(afterMs = 0): Promise<void> {
    await stage.clock.advance(afterMs);
    await resolver.look(new AbortController().signal);
  }

  it("brings the processes to what is written at each look, so that one that lacks it gets it from a new agent too", async () => {
    areBrought = false;
    await look();
    const written = await version();
    expect(written).to.be.a("string");
    stage.writer.refusing.add(directory);
    resolver = newResolver();
    await resolver.open();
    await look();
    expect(brought).to.deep.equal([written, written]);
    expect(stage.lines.join()).not.to.contain("has another configuration");
  });

  it("asks the next pod for a zone that the first one does not have, and logs nothing then", async () => {
    keysAt = (server, name) => (name !== zone ? [] : server.address === first.address ? rcodes.REFUSED : [7]);
    await look();
    expect(await isTrusted(7)).to.equal(true);
    expect(warnings()).to.deep.equal([]);
  });

  it("logs once that the keys of a known zone cannot be asked for, keeps them, and asks for it again", async () => {
    await look();
    keysAt = (_, name) => (name === zone ? rcodes.SERVFAIL : []);
    for (let looks = 0; looks < 4; looks++) await look(60_000);
    expect(warnings()).to.have.length(1);
    expect(warnings()[0]).to.contain("those that were known stay").and.to.contain(zone).and.to.contain("rcode 2");
    expect(await isTrusted(1)).to.equal(true);
    keysAt = (_, name) => (name === zone ? [1, 2] : []);
    await look(10_000);
    expect(await isTrusted(2)).to.equal(true);
  });

  it("logs each zone once that is not answered yet, and many that are in one line", async () => {
    keysAt = () => rcodes.REFUSED;
    await look();
    await look(2000);
    expect(warnings()).to.have.length(4);
    expect(warnings().join()).to.contain(`not answered {"zone":"${zone}"`);
    keysAt = () => [1];
    await look(2000);
    keysAt = () => rcodes.REFUSED;
    await look(60_000);
    expect(warnings()).to.have.length(5);
    expect(warnings()[4]).to.contain('"zones":4').and.to.contain("those that were known stay");
  });

  it("does not ask on at a server that is away, whatever another question came to", async () => {
    const asked: string[] = [];
    relist(...Array.from({ length: 30 }, (_, i) => `z${i}.example`));
    keysAt = (server, name) => {
      asked.push(`${server.address} ${name}`);
      if (name === directory) throw new DnsError({ kind: "timeout", afterMs: 1500 });
      return rcodes.SERVFAIL;
    };
    await look();
    expect(warnings().join()).to.contain("the site's Knot cannot be asked");
    // Those that were under way.
    expect(new Set(asked.map((each) => each.split(" ")[1])).size).to.be.lessThan(10);
    asked.length = 0;
    await look(2000);
    expect(asked[0]).to.contain(second.address);
  });

  it("says that its key is not known any more, and goes on by another one as soon as the file has it", async () => {
    await look();
    keysAt = (_, name, by) => {
      if (by?.name !== "second") throw new DnsError({ kind: "badKey", by: "peer", key: "first" });
      return name === zone ? [3] : [];
    };
    await look(60_000);
    await look(60_000);
    expect(warnings()).to.have.length(1);
    expect(warnings()[0]).to.contain("BADKEY");
    expect(resolver.waitsFor).to.contain("BADKEY");
    key = new UserError("key.json is missing");
    await look(2000);
    key = keyOf("second");
    await look(2000);
    expect(resolver.waitsFor).to.equal(undefined);
    expect(await isTrusted(3)).to.equal(true);
  });

  it("gathers changes for some seconds, but for keys that are new or others, and another certificate", async () => {
    await look();
    const before = await version();
    // Nobody knows its keys yet.
    keysAt = (_, name) => (name === zone ? [1] : name === "new.example" ? rcodes.REFUSED : []);
    relist(zone, "new.example");
    await look(2000);
    expect(await version()).to.equal(before);
    keysAt = (_, name) => (name === zone ? [1] : []);
    await look(2000);
    const known = await version();
    expect(known).not.to.equal(before);
    keysAt = (_, name) => (name === zone ? [1, 2] : []);
    await look(16_000);
    expect(await version()).to.equal(known);
    await look(60_000);
    expect(await isTrusted(2)).to.equal(true);
  });

  it("says why it does not follow the mesh while the site's agent holds something back", async () => {
    held = [{ kind: "sites", names: ["b"], reason: "b is gone" } as unknown as Held];
    await look();
    expect(resolver.waitsFor).to.equal("b is gone");
    expect(brought).to.deep.equal([]);
    held = [];
    await look(2000);
    expect(resolver.waitsFor).to.equal(undefined);
    expect(brought).to.have.length(1);
  });

  it("takes a file that is not of its own making for another configuration", async () => {
    await writeFile(resolverFiles(folder).configuration, "log_level('notice')\n");
    resolver = newResolver();
    await resolver.open();
    await look();
    expect(brought).to.deep.equal([await version()]);
  });
});
