import { expect } from "chai";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { type Identity, issue, makeAuthority, writeIdentity } from "../../../harness/certificates";
import { secondsForKeys } from "../../../harness/dnssec/seconds-for-keys";
import { editedProgram } from "../../../harness/edited-program";
import { eventually } from "../../../harness/eventually";
import { knotBinaries, startKnot } from "../../../harness/knot";
import { ResolverProcess } from "../../../harness/resolver/resolver-process";
import { run } from "../../../harness/tools/run";
import { checkListed, promtoolComplaints, readMetrics } from "../../../harness/metrics";
import { Lab } from "../../../lab";
import { versionOf } from "../../../src/agents/resolver/configuration";
import { WorkerControl } from "../../../src/agents/resolver/worker-control";
import { Workers } from "../../../src/agents/resolver/workers";
import { systemClock } from "../../../src/base/clock";
import { programMetrics, resolverMetrics } from "../../../src/contract/metrics";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { exchangeUdp } from "../../../src/dns/client/sockets";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import { queryMessage } from "../../../src/dns/request";
import { rcodes } from "../../../src/dns/types";

const content = "$TTL 2\n@ SOA ns h.invalid. 1 60 10 3600 1\n@ NS ns\nns A 192.0.2.53\n* A 192.0.2.1\n";
const [signed, plain] = ["signed.example", "plain.example"];

/** Steps of a resolver's life, each on what the one before left. */
describe("the resolver of a site, with Knot Resolver", function () {
  this.timeout(60_000);
  const stack = new AsyncDisposableStack();
  const authority = makeAuthority();
  let lab: Lab;
  let resolver: ResolverProcess;
  let control: WorkerControl;
  let asked = 0;
  const wrong: string[] = [];
  const ended = new AbortController();
  let asking: Promise<void> | undefined;

  before(async () => {
    const agentProgram = await editedProgram("agent", secondsForKeys);
    lab = stack.use(await Lab.create({ sites: 2, port: 53, agentProgram }));
    lab.list[0]!.zones = [{ name: plain, zoneFile: content }];
    lab.list[1]!.zones = [{ name: signed, zoneFile: content, dnssec: true }];
    await lab.upAll();
    const { prefix } = lab.network;
    const upstream = stack.use(
      await startKnot({
        ...{ address: `${prefix}.200.1`, port: 53 },
        extraConfig: () => "zone:\n  - domain: .\n    file: root\n",
        files: { root: "$TTL 60\n. SOA a. b. 1 60 10 3600 1\n. NS a.\n*.outside A 192.0.2.9\n" },
      }),
    );
    resolver = stack.use(
      new ResolverProcess({
        ...{ site: lab.site("site-a"), folder: join(lab.folder, "resolver") },
        ...{ address: `${prefix}.201.1`, httpPort: 8053, upstreams: [upstream.server.address] },
        tlsFolder: join(lab.folder, "resolver-tls"),
      }),
    );
    control = new WorkerControl(join(lab.folder, "resolver"));
    await certify(authority);
    resolver.start();
  });
  after(async () => {
    ended.abort();
    await asking;
    await stack.disposeAsync();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(resolver.log().slice(-8000), wrong);
  });

  const certify = (by: Identity) =>
    writeIdentity(join(lab.folder, "resolver-tls"), issue({ ca: by, name: "resolver.test" }), [by]);

  async function ask(name: string): Promise<Message> {
    const question = {
      ...queryMessage({ id: ++asked % 65_536, name, type: "A" }),
      flags: { ...noFlags, rd: true, ad: true },
    };
    return exchangeUdp({
      server: resolver.server,
      message: encodeMessage(question),
      timeoutMs: 3000,
      receive: decodeMessage,
    });
  }

  /** Asks for a name below that nobody asked for before, so that no answer comes from the cache. */
  async function answer(zone: string): Promise<object> {
    const { rcode, answers, flags } = await ask(`x${asked}.${zone}`);
    return { rcode, answers: answers.filter(({ type }) => type === "A").length, ad: flags.ad };
  }

  const fresh = { rcode: rcodes.NOERROR, answers: 1, ad: false };
  const validated = { ...fresh, ad: true };
  const configuration = () => readFile(join(lab.folder, "resolver", "kresd.conf"), "utf8");

  const anchors = async () =>
    [...(await configuration()).matchAll(/signed\.example\. 3600 IN DNSKEY 257 [^\\]*/g)].map(([text]) => text);

  async function askOnAndOn(): Promise<void> {
    while (!ended.signal.aborted) {
      // As the C library does, once more: a datagram may be lost with the process that had it.
      const given = await answer(signed)
        .catch(() => answer(signed))
        .catch(String);
      if (JSON.stringify(given) !== JSON.stringify(validated)) wrong.push(JSON.stringify(given));
      await delay(50, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  }

  it("answers names of the mesh, validated where they are signed, and others by its upstream", async () => {
    await eventually(30, async () => expect(await resolver.readiness()).to.equal("ok\n"));
    await eventually(10, async () => expect(await answer(signed)).to.deep.equal(validated));
    expect(await answer(plain)).to.deep.equal(fresh);
    expect(await answer("outside")).to.deep.equal(fresh);
    expect((await ask("site-b.dns.internal")).answers).to.have.length(1);
  });

  it("has metrics of each of its processes, as they are listed, of which promtool has nothing to complain", async () => {
    const text = await resolver.metrics();
    expect(await promtoolComplaints(text)).to.equal("");
    const found = readMetrics(text);
    const listed = { ...programMetrics, ...resolverMetrics };
    expect([...checkListed(found, listed, "resolver")].sort()).to.deep.equal(Object.keys(listed).sort());
    const value = (name: string, labels = "") => found.get(name)?.values.get(labels);
    expect([value("dns_mesh_resolver_ready"), value("dns_mesh_resolver_mesh_followed")]).to.deep.equal([1, 1]);
    // The directory is one.
    expect(value("dns_mesh_resolver_zones")).to.equal(3);
    expect(value("dns_mesh_resolver_zones_without_keys")).to.equal(0);
    const sum = (name: string, label: string): number =>
      [...(found.get(name)?.values ?? [])].reduce(
        (all, [labels, each]) => all + (labels.includes(label) ? each : 0),
        0,
      );
    expect(sum("dns_mesh_resolver_answers_total", 'result="noerror"')).to.be.at.least(3);
    expect(sum("dns_mesh_resolver_questions_total", 'transport="udp"')).to.be.at.least(3);
    expect(sum("dns_mesh_resolver_worker_up", "worker")).to.equal(2);
  });

  it("answers over TLS, and by a new certificate as soon as there is one", async () => {
    const over = (ca: string) => {
      const server = { ...resolver.server, port: 853, tls: { ca, serverName: "resolver.test" } };
      return new DnsClient({ timeoutMs: 2000, recursive: true }).query(server, `y${++asked}.${signed}`, "A");
    };
    expect((await over(authority.cert)).answers).to.have.length(1);
    const other = makeAuthority();
    await certify(other);
    await eventually(10, async () => expect((await over(other.cert)).answers).to.have.length(1));
  });

  it("answers by another site as long as the site's own Knot is away, after a new start of its agent too", async () => {
    asking = askOnAndOn();
    const local = lab.site("site-a");
    await local.stop();
    await eventually(10, async () => expect(await answer(plain)).to.deep.equal(fresh));
    await resolver.stopAgent();
    resolver.startAgent();
    await eventually(10, async () => expect(await resolver.readiness()).to.equal("ok\n"));
    expect(await answer(signed)).to.deep.equal(validated);
    await local.start();
    await local.ready();
  });

  it("trusts a new key-signing key before it signs, and the old one no longer than it is there", async () => {
    const owner = lab.site("site-b");
    const before = await anchors();
    expect(before).to.have.length(1);
    const knotc = (...args: string[]) => run(knotBinaries().knotc, ["-s", owner.path("run", "knot.sock"), ...args]);
    await knotc("-b", "zone-key-rollover", signed, "ksk");
    await eventually(20, async () =>
      expect(await anchors())
        .to.have.length(2)
        .and.to.include(before[0]),
    );
    await eventually(30, async () => {
      await knotc("zone-ksk-submitted", signed).catch(() => undefined);
      expect(await anchors())
        .to.have.length(1)
        .and.not.to.include(before[0]);
    });
    expect(await answer(signed)).to.deep.equal(validated);
  });

  it("takes in a zone that is added", async () => {
    lab.list[1]!.zones.push({ name: "new.example", zoneFile: content, dnssec: true });
    await lab.up();
    await lab.upSite("site-b");
    await eventually(20, async () => expect(await answer("new.example")).to.deep.equal(validated));
  });

  it("answers on, and is ready, while its agent cannot use what it is given", async () => {
    await resolver.stopAgent();
    resolver.startAgent({ DNS_MESH_PACKET: join(lab.folder, "nowhere.json") });
    await eventually(10, async () => {
      expect(resolver.log()).to.contain("nowhere.json is missing");
      expect(await resolver.readiness()).to.equal("ok\n");
    });
    expect(await answer(signed)).to.deep.equal(validated);
    await resolver.stopAgent();
    resolver.startAgent();
  });

  it("answers nothing of a signed zone that its keys do not prove, until the agent has put them right", async () => {
    ended.abort();
    await asking;
    await resolver.stopAgent();
    const file = join(lab.folder, "resolver", "kresd.conf");
    const text = await configuration();
    const [key = ""] = await anchors();
    const other = key.replace(/(?<=257 3 \d+ )./, (first) => (first === "A" ? "B" : "A"));
    await writeFile(file, text.replaceAll(key, other).replaceAll(versionOf(text) ?? "", "edited"));
    const workers = new Workers({ control, clock: systemClock, log: console });
    expect(await workers.bring("edited", new AbortController().signal)).to.equal(true);
    // What was validated before stays until it expires.
    const failed = { rcode: rcodes.SERVFAIL, answers: 0, ad: false };
    await eventually(10, async () => expect(await answer(signed)).to.deep.equal(failed));
    expect(await answer(plain)).to.deep.equal(fresh);
    resolver.startAgent();
    await eventually(10, async () => expect(await answer(signed)).to.deep.equal(validated));
  });

  it("is not ready while a process hangs, which is ended for its agent and starts anew with the same configuration", async () => {
    const version = versionOf(await configuration());
    expect(version).to.match(/^[0-9a-f]{32}$/);
    await eventually(10, async () => expect(await control.state(0)).to.deep.equal({ kind: "answers", version }));
    const [pid] = await readdir(join(lab.folder, "resolver", "0", "control"));
    process.kill(Number(pid), "SIGSTOP");
    expect(await control.state(0)).to.deep.equal({ kind: "silent" });
    expect(await resolver.readiness()).to.equal("waits for: process 0 of Knot Resolver, which hangs\n");
    await control.restart(0);
    await eventually(10, async () => expect(await control.state(0)).to.deep.equal({ kind: "answers", version }));
    expect(await readdir(join(lab.folder, "resolver", "0", "control"))).not.to.include(pid);
    await eventually(10, async () => expect(await resolver.readiness()).to.equal("ok\n"));
  });

  it("gave not one wrong answer in all of it", () => {
    expect(wrong).to.deep.equal([]);
    expect(asked).to.be.greaterThan(100);
  });
});
