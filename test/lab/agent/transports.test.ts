import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectPlainly } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

import { decodeMessage, encodeMessage } from "../../../src/dns/message";
import { transferMessage } from "../../../src/dns/request";
import { signMessage } from "../../../src/dns/tsig";
import { rcodes } from "../../../src/dns/types";
import { DnsClient, type DnsServer } from "../../../src/dns/client/dns-client";
import { exchangeTcp } from "../../../src/dns/client/sockets";
import type { TsigKey } from "../../../src/dns/tsig-key";
import type { Transport } from "../../../src/mesh/model";
import { serverName } from "../../../src/mesh/welcome";
import { Capture } from "../../../harness/capture";
import { issue, makeAuthority, type Identity } from "../../../harness/certificates";
import { eventually } from "../../../harness/eventually";
import { freePort } from "../../../harness/free-port";
import { knotBinaries } from "../../../harness/knot";
import { Lab, type LabSite } from "../../../lab";
import { run } from "../../../harness/tools/run";

const directoryZone = "dns.internal";
const zone = "site-a.example";
const nameOf = (site: string) => serverName(site, directoryZone);

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("transfers over TLS", function () {
  this.timeout(60_000);
  let lab: Lab;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "transports-"));
    lab = await Lab.create(3);
    await lab.upAll();
    await lab.converged(30);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const ca = () => lab.authorities[0]!;
  const meshKey = () => lab.ring.accepted[0]!;
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const keyFile = (key: TsigKey) => file("tsig", `${key.algorithm}:${key.name}:${key.secret}\n`);
  const changed = async (value: string, at = zone) => {
    const { missing } = await lab.change(at, { name: `x.${at}`, type: "TXT", value }, 20);
    expect(missing).to.deep.equal([]);
  };

  /** What the real kdig says of a transfer, and what the server logged of it. */
  async function ask(how: readonly string[], key?: TsigKey): Promise<{ said: string; logged: string }> {
    const site = lab.site("site-a");
    const before = site.log().length;
    const signed = key === undefined ? [] : ["-k", await keyFile(key)];
    const said = await run(knotBinaries().kdig, [
      ...[`@${site.address}`, ...how, ...signed, "+retry=0", "+time=2"],
      ...[zone, "AXFR"],
    ]).catch(String);
    const logged = () => site.log().slice(before);
    await eventually(5, () => {
      expect(logged()).to.match(/ACL, /);
      return Promise.resolve();
    });
    return { said, logged: logged() };
  }

  /** kdig's options for TLS with a certificate of ours. */
  async function overTls(identity?: Identity, authority = ca()): Promise<readonly string[]> {
    const roots = await file("ca.pem", authority.cert);
    const own =
      identity === undefined
        ? []
        : [
            `+tls-certfile=${await file("own.crt", identity.cert)}`,
            `+tls-keyfile=${await file("own.key", identity.key)}`,
          ];
    const { port } = lab.site("site-a").secureServer;
    return ["-p", String(port), `+tls-ca=${roots}`, `+tls-hostname=${nameOf("site-a")}`, ...own];
  }

  const right = () => issue({ ca: ca(), name: nameOf("site-b") });

  it("are how every zone travels", () => {
    for (const site of lab.sites.values()) {
      const lines = site.log().split("\n");
      expect(lines.filter((line) => /AXFR, incoming.* TLS.*finished/.test(line))).to.not.be.empty;
      const plain = lines.filter((line) => /XFR, (incoming|outgoing)/.test(line) && !/ TLS/.test(line));
      for (const line of plain) expect(line, "only the agent reads its own Knot").to.contain("key local.");
    }
  });

  it("are handed on by the agent, whose socket holds no small piece back, and go on without it", async () => {
    const site = lab.site("site-c");
    const sources = (from: number) =>
      [
        ...site
          .log()
          .slice(from)
          .matchAll(/\[site-a\.example\.\] IXFR, incoming, remote (\S+) TLS/g),
      ].map(([, to]) => to);
    const relay = site.path("run", "to", "peer-site-a");
    let before = site.log().length;
    await changed("by way of the agent");
    expect(sources(before)).to.include(relay);
    await site.stopAgent();
    try {
      before = site.log().length;
      await changed("without the agent");
      const { address, port } = lab.site("site-a").secureServer;
      expect(sources(before)).to.include(`${address}@${port}`).and.not.include(relay);
    } finally {
      site.startAgent();
    }
    await site.ready();
    await eventually(20, async () => {
      const socket = connectPlainly(relay);
      await once(socket, "connect").finally(() => socket.destroy());
    });
    before = site.log().length;
    await changed("by way of the next agent");
    expect(sources(before)).to.include(relay);
  });

  it("are tried at no address of a server that is away for long, and go on when it is back", async function () {
    this.timeout(240_000);
    const [site, away] = [lab.site("site-c"), lab.site("site-b")];
    const relay = site.path("run", "to", "peer-site-b");
    const direct = `${away.address}@${away.secureServer.port}`;
    const addresses = async (): Promise<string | undefined> => {
      const text = await readFile(site.path("storage", "conf", "peers.d", "10-remotes.conf"), "utf8");
      return /id: peer-site-b\n +address: (.*)/.exec(text)?.[1];
    };
    /** How often Knot was configured anew since the server was found away, once; others may have been found just before. */
    const reloads = (from: number): number => {
      const [, ...removals] = site.log().slice(from).split(`"removed":["${direct}"]`);
      expect(removals).to.have.length(1);
      return removals.join().split("configuration reloaded").length - 1;
    };
    const tries = (from: number) => {
      const log = site.log().slice(from);
      const of = (to: string) => log.split("\n").filter((line) => line.includes(`address ${to}, failed`)).length;
      return { relay: of(relay), direct: of(direct) };
    };
    const zoneAway = "site-b.example";
    // Site-a's may have been the first, half a minute before.
    await eventually(50, async () => {
      await site.control.zoneRefresh([zoneAway]);
      expect(await addresses()).to.equal(`[${relay}, ${direct}]`);
    });
    await away.stopKnot();
    try {
      let before = site.log().length;
      // Half a minute after the last change, and after the first failure; and then a busy agent's next look.
      await eventually(90, async () => {
        await site.control.zoneRefresh([zoneAway]);
        expect(await addresses()).to.equal(`[${relay}]`);
      });
      const found = before;
      await eventually(10, () => {
        expect(reloads(found)).to.equal(1);
        return Promise.resolve();
      });
      expect(tries(before).direct, "until then").to.be.greaterThan(0);
      // The next agent knows it from the saved state.
      await site.stopAgent();
      site.startAgent();
      await site.ready();
      expect(await addresses()).to.equal(`[${relay}]`);
      before = site.log().length;
      await eventually(20, async () => {
        await site.control.zoneRefresh([zoneAway]);
        expect(tries(before).relay).to.be.greaterThan(2);
      });
      expect(tries(before).direct).to.equal(0);
      expect(await addresses()).to.equal(`[${relay}]`);
    } finally {
      away.startKnot();
    }
    await away.ready();
    await changed("after a time away", zoneAway);
    await eventually(40, async () => {
      // It may have the change from another site, and then Knot has no reason to ask this one.
      await site.control.zoneRefresh([zoneAway]);
      expect(await addresses()).to.equal(`[${relay}, ${direct}]`);
    });
  });

  it("come about with a site's certificate and a key of the ring", async () => {
    const { said, logged } = await ask(await overTls(right()), meshKey());
    expect(said).to.contain("SOA").and.contain("NS");
    expect(logged).to.match(/AXFR, outgoing, remote \S+ TLS, key mesh-1\., finished/);
  });

  const strangers: readonly [string, () => Identity | undefined][] = [
    ["another authority", () => issue({ ca: makeAuthority(), name: nameOf("site-b") })],
    ["the name of nobody in the mesh", () => issue({ ca: ca(), name: nameOf("site-z") })],
    ["an end that has passed", () => issue({ ca: ca(), name: nameOf("site-b"), expired: true })],
    ["a beginning that is to come", () => issue({ ca: ca(), name: nameOf("site-b"), early: true })],
    ["nothing at all", () => undefined],
  ];
  for (const [what, identity] of strangers) {
    it(`are refused, and that is logged, with the mesh's key and a certificate of ${what}`, async () => {
      const { said, logged } = await ask(await overTls(identity()), meshKey());
      expect(said).to.contain("NOTAUTH").and.not.contain("hostmaster");
      expect(logged).to.match(/ACL, denied, action transfer, remote \S+ TLS, key mesh-1\./);
    });
  }

  const keys: readonly [string, () => TsigKey | undefined, RegExp][] = [
    ["a wrong secret", () => ({ ...meshKey(), secret: Buffer.alloc(32).toString("base64") }), /failed 'BADSIG'/],
    ["an unknown key", () => ({ ...meshKey(), name: "stranger" }), /ACL, denied, .*key stranger/],
    ["no key", () => undefined, /ACL, denied, action transfer, remote \S+ TLS cert-key/],
  ];
  for (const [what, key, logged] of keys) {
    it(`are refused, and that is logged, with a site's certificate and ${what}`, async () => {
      const answer = await ask(await overTls(right()), key());
      expect(answer.said)
        .to.match(/NOTAUTH|BADSIG/)
        .and.not.contain("hostmaster");
      expect(answer.logged).to.match(logged);
    });
  }

  it("are refused over plain TCP, also with the mesh's key", async () => {
    const { said, logged } = await ask(["-p", String(lab.site("site-a").server.port), "+tcp"], meshKey());
    expect(said).to.contain("NOTAUTH").and.not.contain("hostmaster");
    expect(logged).to.match(/ACL, denied, action transfer, remote \S+ TCP, key mesh-1\./);
  });

  /** Our own client with a site's certificate. */
  const source = (site: LabSite, identity: Identity) => ({
    ...site.secureServer,
    tls: { ca: ca().cert, cert: identity.cert, key: identity.key, serverName: nameOf(site.name) },
  });

  it("are refused with a clock that is ten minutes off", async () => {
    const site = lab.site("site-a");
    const before = site.log().length;
    const late = new DnsClient({ timeoutMs: 2000, now: () => Date.now() - 600_000 });
    const failure = await late.transfer(source(site, right()), zone, meshKey()).catch(String);
    expect(failure).to.match(/clock|BADTIME|badTime/i);
    await eventually(5, () => {
      expect(site.log().slice(before)).to.contain("verification failed 'BADTIME'");
      return Promise.resolve();
    });
  });

  it("are refused to whoever sends a site's signed request again without being that site, or too late", async () => {
    const site = lab.site("site-a");
    const now = Math.floor(Date.now() / 1000);
    const signed = (at: number) =>
      signMessage({ message: encodeMessage(transferMessage({ id: 7, zone })), key: meshKey(), now: at }).bytes;
    const send = (server: DnsServer, message: Uint8Array) =>
      exchangeTcp({ server, message, timeoutMs: 2000, receive: (bytes) => decodeMessage(bytes) });
    const heard = signed(now);
    const whole = source(site, right());
    const { ca: roots, serverName: host } = whole.tls;
    expect((await send(whole, heard)).rcode).to.equal(rcodes.NOERROR);
    for (const server of [site.server, { ...site.secureServer, tls: { ca: roots, serverName: host } }])
      expect((await send(server, heard)).rcode).to.equal(rcodes.NOTAUTH);
    expect((await send(whole, signed(now - 301))).rcode).to.equal(rcodes.NOTAUTH);
  });

  for (const [what, identity] of [
    ["another authority", () => issue({ ca: makeAuthority(), name: nameOf("site-b") })],
    ["another site's name", () => issue({ ca: ca(), name: nameOf("site-c") })],
    ["an end that has passed", () => issue({ ca: ca(), name: nameOf("site-b"), expired: true })],
  ] as const) {
    it(`are not taken from a server with a certificate of ${what}, which is logged`, async () => {
      const impostor = lab.site("site-b");
      const site = lab.site("site-c");
      await impostor.stopAgent();
      try {
        const { cert, key } = identity();
        await writeFile(impostor.path("storage", "tls", "site.pem"), cert + key);
        await impostor.control.reload();
        // Knot resumes sessions in which the server has shown its certificate before.
        await site.stopKnot();
        const before = site.log().length;
        site.startKnot();
        await eventually(10, async () => {
          await site.control.zoneRefresh(["site-b.example"]);
          expect(site.log().slice(before)).to.match(/\[site-b\.example\.\] refresh, .*failed \(invalid certificate\)/);
        });
        expect((await site.soa("site-b.example")).serial).to.be.greaterThan(0);
      } finally {
        await impostor.certify();
        impostor.startAgent();
      }
    });
  }

  it("go on after that with the right certificate, without a restart", async () => {
    await lab.site("site-b").ready();
    await changed("after the impostor", "site-b.example");
  });

  /** Fingerprint of the certificate that a site was given. */
  const given = async (site: LabSite): Promise<string> =>
    new X509Certificate(await readFile(site.path("etc", "tls", "tls.crt"))).fingerprint256;

  /** Fingerprint of the certificate that a site shows. */
  const shown = ({ secureServer: { address: host, port } }: LabSite): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ["dot"] }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on("error", reject);
    });

  it("show a renewed certificate without a restart", async () => {
    const site = lab.site("site-a");
    const [before, pid] = [await shown(site), site.pids.knot];
    await site.certify();
    await eventually(10, async () => {
      expect(await shown(site))
        .to.equal(await given(site))
        .and.not.equal(before);
    });
    expect(site.pids.knot).to.equal(pid);
    await changed("renewed");
  });

  it("never give up a good certificate for one that cannot be right, and report it", async () => {
    const site = lab.site("site-a");
    const before = await shown(site);
    const problems = async (pattern: RegExp) =>
      eventually(10, async () => {
        expect(JSON.stringify((await site.status()).problems)).to.match(pattern);
      });
    await site.certify({ identity: issue({ ca: makeAuthority(), name: nameOf("site-a") }) });
    await problems(/was issued by none of the authorities/);
    await site.certify({ identity: issue({ ca: ca(), name: nameOf("site-b") }) });
    await problems(/is not for site-a\.dns\.internal/);
    expect(await shown(site)).to.equal(before);
    await site.certify({ identity: issue({ ca: ca(), name: nameOf("site-a"), days: 0.002 }) });
    await problems(/"certificate".*was not renewed/);
    expect((await site.http("GET", "/metrics")).text).to.contain('dns_mesh_agent_problem{kind="certificate"} 1');
    await site.certify();
    await problems(/^\[\]$/);
  });

  it("survive a change of the authority, both trusted in between, and then refuse the old one", async () => {
    const [old, young] = [ca(), makeAuthority("the next authority")];
    const sites = [...lab.sites.values()];
    const certificates = async (authorities: readonly Identity[], signer: Identity) => {
      for (const site of sites) {
        await site.certify({ authorities, identity: site.issue({ ca: signer }) });
      }
      const roots = authorities.map(({ cert }) => cert).join("");
      for (const site of sites)
        await eventually(10, async () => {
          expect(await readFile(site.path("storage", "tls", "roots.pem"), "utf8")).to.equal(roots);
          expect(await shown(site)).to.equal(await given(site));
          expect((await site.status()).problems, site.name).to.deep.equal([]);
        });
    };
    await certificates([old, young], old);
    await changed("both trusted");
    await certificates([old, young], young);
    await changed("the new one signs");
    await certificates([young], young);
    await changed("the old one is gone");
    const { said, logged } = await ask(await overTls(right(), young), meshKey());
    expect(said).to.contain("NOTAUTH").and.not.contain("hostmaster");
    expect(logged).to.contain("ACL, denied, action transfer");
    await certificates([old], old);
    await changed("and back");
  });

  it("shut a site out as soon as the directory has it no longer, whatever it holds", async () => {
    const removed = issue({ ca: ca(), name: nameOf("site-c") });
    expect((await ask(await overTls(removed), meshKey())).said).to.contain("hostmaster");
    await lab.drop("site-c");
    lab.plan.remove("site-c");
    await lab.up();
    await eventually(20, async () => {
      const { said, logged } = await ask(await overTls(removed), meshKey());
      expect(said).to.contain("NOTAUTH");
      expect(logged).to.contain("ACL, denied, action transfer");
    });
  });
});

describe("somebody who listens between sites", function () {
  this.timeout(60_000);

  /** Brings a mesh up and changes a record while somebody listens to all but questions and answers over UDP. */
  async function listen(transport: Transport) {
    await using lab = await Lab.create({ sites: 2, transport });
    await lab.upAll();
    await lab.converged(30);
    const { server, secureServer } = lab.site("site-a");
    await using capture = await Capture.start({
      tcp: [server.port, secureServer.port],
      udp: [secureServer.port],
      end: await freePort(),
    });
    const marker = "nobody-else-may-read-this";
    const { missing } = await lab.change(zone, { name: `hidden-name.${zone}`, type: "TXT", value: marker }, 20);
    expect(missing, lab.logs()).to.deep.equal([]);
    const { octets, count } = await capture.stop();
    const read = ["hidden-name", marker].map((text) => octets.includes(text));
    const of = (kind: "tls" | "quic") =>
      count(kind, [`${kind === "tls" ? "tcp" : "udp"}.port==${secureServer.port},${kind}`]);
    return { read, frames: { tls: await of("tls"), quic: await of("quic") }, log: lab.site("site-b").log() };
  }

  it("reads no name and no data with TLS", async () => {
    const { read, frames, log } = await listen("tls");
    expect(log).to.match(/XFR, incoming, remote \S+ TLS/);
    expect(frames.tls).to.be.greaterThan(3);
    expect(read).to.deep.equal([false, false]);
  });

  it("reads no name and no data with QUIC", async () => {
    const { read, frames, log } = await listen("quic");
    expect(log).to.match(/XFR, incoming, remote \S+ QUIC/);
    expect(frames.quic).to.be.greaterThan(3);
    expect(read).to.deep.equal([false, false]);
  });

  it("reads all of it with plain TCP, which shows that the others are worth something", async () => {
    const { read, log } = await listen("tcp");
    expect(log).to.match(/XFR, incoming, remote \S+ TCP/);
    expect(read).to.deep.equal([true, true]);
  });
});
