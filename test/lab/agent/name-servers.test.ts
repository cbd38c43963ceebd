import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";

import { editedProgram } from "../../../harness/edited-program";
import { eventually } from "../../../harness/eventually";
import { knotBinaries, startKnot, type KnotServer } from "../../../harness/knot";
import { type OtherServer, startBindFromRoot, startUnboundFromRoot } from "../../../harness/other-servers/server";
import { run } from "../../../harness/tools/run";
import { Lab } from "../../../lab";
import type { LabSite } from "../../../lab/site";
import { Parents } from "../../../src/preflight/parents";
import { exchangeUdp } from "../../../src/dns/client/sockets";
import { isUnreachable } from "../../../src/dns/errors";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import { queryMessage } from "../../../src/dns/request";
import { rcodes } from "../../../src/dns/types";
import type { DelegationRecords } from "../../../src/mesh/name-servers";
import type { ParentState } from "../../../src/mesh/parent";

/** A key's life in seconds, so that a roll-over is over while somebody looks. */
const secondsForKeys = [
  ["signature: 28 * day", "signature: 600"],
  ["refresh: 14 * day", "refresh: 200"],
  ["keyTtl: hour", "keyTtl: 1"],
  ["propagation: hour", "propagation: 3"],
  ["parentCheck: hour", "parentCheck: 1"],
  ["parentDelay: day", "parentDelay: 3"],
].map(([from = "", to = ""]) => ({ file: "src/knot/config/site-runtime.ts", from, to }));

/** TTL of what the zones begin with, in seconds, and so of their NS records. */
const ttl = 2;
const [parent, child, other] = ["corp.example", "sub.corp.example", "other.example"];
/** Name servers of the third zone beside the mesh's: one that the list has, and one that somebody wrote. */
const [provider, stranger] = ["ns1.provider.test", "ns.stranger.test"];
const content = (ns: string): string =>
  `$TTL ${ttl}\n@ SOA ${ns}. h.invalid. 1 60 10 3600 ${ttl}\n@ NS ${ns}.\n* A 192.0.2.1\n`;

/** Steps of a mesh's life, each on what the one before left, under the eyes of two resolvers that begin at a root. */
describe("name servers that follow, as validating resolvers see them", function () {
  this.timeout(90_000);
  const stack = new AsyncDisposableStack();
  const host = (n: number) => `ns${n}.${parent}`;
  let lab: Lab;
  let root: KnotServer;
  const resolvers: OtherServer[] = [];
  let asked = 0;
  const wrong: string[] = [];
  const ended = new AbortController();
  let asking: Promise<void> | undefined;

  before(async () => {
    lab = stack.use(
      await Lab.create({ sites: 3, port: 53, agentProgram: await editedProgram("agent", secondsForKeys) }),
    );
    lab.list.forEach((site, i) => Object.assign(site, { nameServer: host(i + 1) }));
    lab.list[1]!.zones.push({ name: parent, zoneFile: content(host(2)), dnssec: true });
    lab.list[0]!.zones.push({ name: child, zoneFile: content(host(1)), dnssec: true });
    const more = `@ NS ${stranger}.\n`;
    const nameServers = ["all", provider];
    lab.list[2]!.zones.push({ name: other, zoneFile: content(host(3)) + more, dnssec: true, nameServers });
    lab.plan.nameServers = "all";
    await lab.upAll();
    const { port } = lab.site("site-a").server;
    const address = `${lab.network.prefix}.200.1`;
    root = stack.use(
      await startKnot({
        ...{ address, port },
        extraConfig: () => "zone:\n  - domain: .\n    file: root\n",
        files: { root: `$TTL ${ttl}\n. SOA root. h. 1 60 10 3600 1\n. NS root.\nroot. A ${address}\n` },
      }),
    );
  });
  after(async () => {
    ended.abort();
    await asking;
    await stack.disposeAsync();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed")
      console.error(lab.logs().slice(-6000), ...resolvers.map((each) => each.log().slice(-4000)), wrong);
  });

  const said = async (owner: LabSite, zone: string) =>
    (await owner.status()).nameServers?.find((each) => each.zone === zone);

  async function resolve({ server }: OtherServer, name: string, type = "A"): Promise<Message> {
    asked += 1;
    const question = { ...queryMessage({ id: asked % 65_536, name, type }), flags: { ...noFlags, rd: true, ad: true } };
    const message = encodeMessage(question);
    const ask = () => exchangeUdp({ server, message, timeoutMs: 5000, receive: decodeMessage });
    // As the C library does, once more: what a resolver fails to find out it says by SERVFAIL, which is taken at once.
    return ask().catch((error: unknown) => (isUnreachable(error) ? ask() : Promise.reject(error as Error)));
  }

  /** Asks for names that nobody asked for before, so that no answer comes from the cache. */
  async function look(resolver: OtherServer, zone: string): Promise<void> {
    const name = `x${asked}.${zone}`;
    const at = `${resolver.name}, ${name}`;
    const answer = await resolve(resolver, name).catch((error: unknown) => String(error));
    if (typeof answer === "string") wrong.push(`${at}: ${answer}`);
    else if (answer.rcode !== rcodes.NOERROR || answer.answers.length === 0 || !answer.flags.ad)
      wrong.push(`${at}: rcode ${answer.rcode}, ${answer.answers.length} answers, ad ${answer.flags.ad}`);
  }

  async function askOnAndOn(): Promise<void> {
    while (!ended.signal.aborted) {
      await Promise.all(resolvers.flatMap((resolver) => [parent, child].map((zone) => look(resolver, zone))));
      await delay(100, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  }

  /** What somebody does at the registry: the parent gets what the mesh says that it should have. */
  async function register({ servers, glue, ds = [] }: DelegationRecords): Promise<void> {
    const set = (...record: string[]) => root.knotc("zone-set", ".", ...record);
    await root.knotc("zone-begin", ".");
    await root.knotc("zone-unset", ".", `${parent}.`).catch(() => undefined);
    for (let i = 1; i <= 5; i++) await root.knotc("zone-unset", ".", `${host(i)}.`).catch(() => undefined);
    for (const server of servers) await set(`${parent}.`, String(ttl), "NS", `${server}.`);
    for (const each of glue) {
      const [name = "", address = ""] = each.split(" ");
      await set(`${name}.`, String(ttl), "A", address);
    }
    for (const each of ds) await set(`${parent}.`, String(ttl), "DS", ...each.split(" "));
    await root.knotc("zone-commit", ".");
  }

  /** What `mesh status` says of the zone above. */
  async function atRegistry(records: DelegationRecords): Promise<ParentState | undefined> {
    const [resolver] = resolvers;
    if (resolver === undefined) return undefined;
    return (await new Parents([resolver.server]).look([{ zone: parent, records }])).states.get(parent);
  }

  /**
   * Waits until the mesh says these of the zone above, registers it, and finds every server with every zone. Returns what
   * was registered, and what `mesh status` said that it takes.
   */
  async function delegated(
    servers: Readonly<Record<string, string>>,
  ): Promise<DelegationRecords & { readonly changes: readonly string[] | undefined }> {
    const glue = Object.entries(servers).map(([name, address]) => `${name} ${address}`);
    const names = Object.keys(servers);
    const records = await eventually(40, async () => {
      const found = await said(lab.site("site-b"), parent);
      expect({ servers: found?.parent?.servers, glue: found?.parent?.glue }).to.deep.equal({ servers: names, glue });
      expect((await said(lab.site("site-a"), child))?.servers).to.deep.equal(names);
      const stored = await lab.site("site-b").control.zoneRead(parent, { owner: child, type: "NS" });
      expect(stored.map(({ data }) => data).sort()).to.deep.equal(names.map((name) => `${name}.`));
      return found!.parent!;
    });
    const before = await atRegistry(records);
    await register(records);
    if (before !== undefined) expect(await atRegistry(records)).to.deep.include({ kind: "same", parent: "" });
    const { dns, server } = lab.site("site-a");
    for (const address of Object.values(servers))
      for (const zone of [parent, child]) await dns.querySoa({ ...server, address }, zone);
    return { ...records, changes: before?.changes };
  }

  /** The third zone has sites, by their numbers, and these as its name servers. */
  const besides = (count: number, ...others: string[]) =>
    eventually(40, async () => {
      const stored = await lab.site("site-c").control.zoneRead(other, { owner: other, type: "NS" });
      const names = Array.from({ length: count }, (_, i) => host(i + 1));
      expect(stored.map(({ data }) => data).sort()).to.deep.equal(
        [...names, ...others].map((name) => `${name}.`).sort(),
      );
      expect((await said(lab.site("site-c"), other))?.kept).to.deep.equal([stranger]);
    });

  const addressesOf = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [host(i + 1), lab.address(i)]));

  it("begin with all sites, and the zone below is secure by what the one above has of it", async () => {
    const { ds = [] } = await delegated(addressesOf(3));
    expect(ds).to.have.length(1);
    await besides(3, provider, stranger);
    const asksParent = async (site: string, zone: string) =>
      (await lab.site(site).control.zoneRead(zone, { owner: zone, type: "CSYNC" })).map(({ data }) => data);
    expect(await asksParent("site-b", parent)).to.deep.equal(["0 1 A NS AAAA"]);
    expect(await asksParent("site-a", child)).to.deep.equal([]);
    const options = { root: root.server, anchors: { [parent]: ds } };
    for (const start of [startBindFromRoot, startUnboundFromRoot]) resolvers.push(stack.use(await start(options)));
    await eventually(20, async () => {
      wrong.length = 0;
      for (const resolver of resolvers) await look(resolver, child);
      expect(wrong).to.deep.equal([]);
    });
    asking = askOnAndOn();
  });

  it("say, where their names are, which keys a zone of another parent has, so that this can be proven", async () => {
    const keysAt = async (site: string, zone: string, owner: string) => {
      const reads = ["CDS", "CDNSKEY"].map((type) => lab.site(site).control.zoneRead(zone, { owner, type }));
      return (await Promise.all(reads)).map((records) => records.map(({ data }) => data));
    };
    const signal = (zone: string) => `_dsboot.${zone}._signal.${host(2)}`;
    await eventually(20, async () => {
      const keys = await keysAt("site-c", other, other);
      expect(keys.flat()).to.have.length(2);
      expect(await keysAt("site-b", parent, signal(other))).to.deep.equal(keys);
    });
    for (const zone of [parent, child]) expect(await keysAt("site-b", parent, signal(zone))).to.deep.equal([[], []]);
    for (const resolver of resolvers) {
      const { answers, flags } = await resolve(resolver, signal(other), "CDS");
      expect([answers.length, flags.ad]).to.deep.equal([1, true]);
    }
  });

  it("take in a site that joins", async () => {
    const { name } = lab.add({ nameServer: host(4), zones: [] });
    await lab.up();
    await (await lab.upSite(name)).ready();
    const { changes } = await delegated(addressesOf(4));
    expect(changes).to.deep.equal([`add NS ${host(4)}.`, `add ${host(4)}. A ${lab.address(3)}`]);
    await besides(4, provider, stranger);
    for (const resolver of resolvers) {
      const { answers } = await resolve(resolver, parent, "NS");
      expect(answers.flatMap((record) => (record.type === "NS" ? [record.target] : []))).to.include(host(4));
    }
  });

  it("follow a site to another address", async () => {
    const [site, next] = [lab.site("site-c"), lab.address(12)];
    await site.stop();
    lab.list[2]!.addresses = [next];
    site.moveTo(next);
    await lab.up();
    await site.mount(lab.mesh);
    await site.start();
    await site.ready();
    const { changes } = await delegated({ ...addressesOf(4), [host(3)]: next });
    expect(changes).to.deep.equal([`add ${host(3)}. A ${next}`, `take out ${host(3)}. A ${lab.address(2)}`]);
  });

  it("let a site go once nobody is sent to it", async () => {
    lab.list[3]!.retired = "2020-01-01";
    await lab.up();
    const left = { ...addressesOf(3), [host(3)]: lab.address(12) };
    expect((await delegated(left)).changes).to.deep.equal([`take out NS ${host(4)}.`]);
    // As the guide says: for as long as caches have NS records.
    await delay(2 * ttl * 1000);
    const gone = lab.list.splice(3);
    await lab.up();
    for (const { name } of gone) await lab.drop(name);
    await delegated(left);
  });

  it("have servers outside the mesh as long as the list has them, and keep what somebody wrote", async () => {
    await besides(3, provider, stranger);
    const { dns, server } = lab.site("site-a");
    const { answers } = await dns.query(server, other, "NS");
    expect(answers.flatMap((record) => (record.type === "NS" ? [record.target] : []))).to.include(provider);
    const listed = lab.list[2]!.zones.find((zone) => typeof zone !== "string" && zone.name === other);
    Object.assign(listed as object, { nameServers: "all" });
    await lab.up();
    await besides(3, stranger);
  });

  it("carry a key-signing key of the zone below over, without a hand", async () => {
    const owner = lab.site("site-a");
    const keysOf = async () => (await owner.status()).dnssec?.find((each) => each.zone === child);
    const before = (await keysOf())?.ds ?? [];
    const isKeySigning = (key: string): boolean => key.startsWith("257");
    await run(knotBinaries().knotc, ["-s", owner.path("run", "knot.sock"), "-b", "zone-key-rollover", child, "ksk"]);
    await eventually(60, async () => {
      const now = await keysOf();
      expect(now?.dnskeys.filter(isKeySigning)).to.have.length(1);
      expect(now?.ds).to.have.length(1).and.not.to.deep.equal(before);
    });
    const stored = await lab.site("site-b").control.zoneRead(parent, { owner: child, type: "DS" });
    expect(stored).to.have.length(1);
  });

  it("gave not one wrong answer, and none that could not be validated, in all of it", () => {
    expect(wrong).to.deep.equal([]);
    expect(asked).to.be.greaterThan(200);
  });
});
