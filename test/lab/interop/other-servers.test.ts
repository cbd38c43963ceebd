import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

import { recordKey } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { DnsClient, type DnsServer } from "../../../src/dns/client/dns-client";
import { renderCatalog } from "../../../src/mesh/catalog";
import type { TsigKey } from "../../../src/dns/tsig-key";
import type { Reader as KeptReader } from "../../../src/keyring/reader";
import { type Identity, makeAuthority } from "../../../harness/certificates";
import { Reader } from "../../../harness/docs/reader";
import { settingsSet, siteConfigOf } from "../../../harness/docs/site-settings";
import { eventually } from "../../../harness/eventually";
import { freePort } from "../../../harness/free-port";
import { knotBinaries } from "../../../harness/knot";
import { Lab, type LabSite } from "../../../lab";
import {
  type ConsumerOptions,
  type OtherServer,
  startBind,
  startBindSecondary,
  startNsd,
  startPowerDns,
} from "../../../harness/other-servers/server";
import { run } from "../../../harness/tools/run";

const richZone = "rich.example";
const richText = `$ORIGIN ${richZone}.
$TTL 300
@ SOA site-c.dns.internal. hostmaster 1 300 30 3628800 60
@ NS site-c.dns.internal.
@ MX 10 mail
@ CAA 0 issue "ca.example"
mail 60 A 192.0.2.25
mail 60 AAAA 2001:db8::25
* 60 TXT "any" "thing \\"quoted\\" \\255"
a\\.b 60 CNAME mail
_dns._udp SRV 1 2 53 mail
web HTTPS 1 . alpn=h2 port=8443
odd TYPE65280 \\# 4 01020304
many 60 TXT ${Array.from({ length: 40 }, (_, i) => `"${String(i).padStart(100, "x")}"`).join(" ")}
`;

/** Records without their order, with their TTLs. */
const sorted = (records: readonly ResourceRecord[]) =>
  records.map((each) => `${recordKey(each)} ${each.ttl}`).sort((one, other) => (one < other ? -1 : 1));

/** Steps of a mesh's life with two servers beside it that are not in its list, in order. */
const readerKey: TsigKey = {
  name: "other-servers",
  algorithm: "hmac-sha256",
  secret: randomBytes(32).toString("base64"),
};

const keyOf = (name: string): TsigKey => ({ ...readerKey, name, secret: randomBytes(32).toString("base64") });
/** One that takes every zone, and one that takes a single one; both are told of changes. */
const [toldKey, providerKey] = [keyOf("told"), keyOf("provider")];
/** One that takes every zone over TLS alone. */
const tlsKey = keyOf("over-tls");
/** One that takes the zone of the guide to hidden primaries. */
const shopKey = keyOf("shop");

describe("BIND, NSD and PowerDNS beside a mesh", function () {
  this.timeout(60_000);
  let lab: Lab;
  let others: OtherServer[] = [];
  /** Ports of a BIND, an NSD and a PowerDNS that are told. */
  let toldAt: readonly number[] = [];
  const client = new DnsClient({ timeoutMs: 500 });
  const guide = new Reader({ folder: "." });
  let isTold = false;
  /** Of the guide to hidden primaries: the zone in the list, and the questions at the end. */
  let [shopZone, shopCheck] = ["", ""];

  const port = () => lab.site("site-a").server.port;
  const key = () => readerKey;
  const start = (signing: TsigKey) => {
    const options = { mesh: lab.mesh, key: signing, port: port() };
    return Promise.all([startBind(options), startNsd(options)]);
  };

  before(async () => {
    toldAt = await Promise.all(Array.from({ length: 3 }, () => freePort("127.0.0.1")));
    guide.open("docs/guides/hidden-primary.md#setting-it-up");
    const shop = settingsSet(
      guide.next("sh", [
        ["198.51.100.53", `127.0.0.1@${toldAt[0]}`],
        ["198.51.100.54", `127.0.0.1@${toldAt[2]}`],
      ]),
      { "the-secret": shopKey.secret },
    );
    shopZone = guide.next("yaml");
    expect(guide.next("sh")).to.equal("pulumi up -s shared\npulumi up -s site-a\n");
    shopCheck = guide.next("sh");
    guide.close();
    const [shopReader] = siteConfigOf(shop, "site-a").readers;
    expect(shopReader).to.include({ name: shopKey.name, secret: shopKey.secret });
    const notify = toldAt.map((at) => `127.0.0.1@${at}`);
    guide.open("docs/guides/other-servers.md#transfers-over-tls");
    const set = settingsSet(guide.next("sh", [["192.0.2.53/32", "127.0.0.0/8"]]))["readers"] as readonly object[];
    guide.close();
    const [overTls] = siteConfigOf({ readers: [{ ...tlsKey, ...set[0] }] }, "site-a").readers;
    const readers: KeptReader[] = [
      readerKey,
      { ...toldKey, notify },
      { ...providerKey, zones: [richZone], notify: ["127.0.0.1@9"] },
      { ...overTls!, notify },
      shopReader!,
    ];
    lab = await Lab.create({ sites: 5, readers });
    lab.list[2]!.zones.push({ name: richZone, zoneFile: richText });
    lab.list[3]!.zones.push({ name: "signed.example", dnssec: true });
    await lab.upAll();
    await lab.converged(30);
    others = await start(key());
  });
  after(async () => {
    await Promise.all(others.map((other) => other[Symbol.asyncDispose]()));
    await lab[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state !== "failed") return;
    for (const other of others) console.error(`--- ${other.name}\n${other.log()}`);
    console.error(lab.logs());
  });

  const sites = () => [...lab.sites.values()];
  const calm = () =>
    eventually(20, async () => {
      for (const site of sites()) expect((await site.status()).problems, site.name).to.deep.equal([]);
    });

  /** What a server answers for each name and type that a zone has. */
  async function answersOf(other: OtherServer, records: readonly ResourceRecord[]): Promise<ResourceRecord[]> {
    const questions = new Map(
      records.map((each) => {
        const type = each.type === "OTHER" ? each.typeName : each.type;
        return [`${each.name} ${type}`, { name: each.name, type }];
      }),
    );
    const found: ResourceRecord[] = [];
    for (const { name, type } of questions.values()) {
      const { answers, flags } = await client.query(other.server, name, type);
      expect(flags.aa, `${other.name}: ${name} ${type}`).to.equal(true);
      found.push(...answers);
    }
    return found;
  }

  /** Waits until both answer every zone as the sites do. */
  async function alike(seconds: number): Promise<void> {
    const serials = await lab.converged(seconds);
    const { server } = lab.site("site-b");
    for (const zone of serials.keys())
      for (const other of others)
        await eventually(seconds, async () => {
          // A zone that was put together in two steps may be at the first when all sites are alike.
          const records = await client.transfer(server, zone, key());
          const { serial } = await client.querySoa(server, zone);
          expect((await client.querySoa(other.server, zone)).serial, `${other.name}: ${zone}`).to.equal(serial);
          expect(sorted(await answersOf(other, records)), `${other.name}: ${zone}`).to.deep.equal(sorted(records));
        });
  }

  /** Waits until both say that a zone is none of theirs. */
  const forgotten = (zone: string) =>
    eventually(20, async () => {
      for (const other of others)
        expect(await client.querySoa(other.server, zone).catch(String), other.name).to.match(/REFUSED/);
    });

  /** Sends NOTIFY as the guide says, and what came back. */
  async function tell({ server, folder }: OtherServer, zone: string): Promise<string> {
    const { algorithm, name, secret } = key();
    const file = join(folder, "mesh.key");
    await writeFile(file, `${algorithm}:${name}:${secret}\n`, { mode: 0o600 });
    const args = [`@${server.address}`, "-p", String(server.port), zone, "NOTIFY", "-k", file, "+time=1", "+retry=0"];
    return run(knotBinaries().kdig, args);
  }

  async function changeRecords(site: LabSite, zone: string, changes: readonly string[][]): Promise<void> {
    const knotc = (...args: string[]) => run(knotBinaries().knotc, ["-s", site.path("run", "knot.sock"), ...args]);
    await knotc("zone-begin", zone);
    for (const [command = "", ...rest] of changes) await knotc(command, zone, ...rest);
    await knotc("zone-commit", zone);
  }

  it("take every member of the catalog and answer each zone as the sites do", async () => {
    await alike(20);
    await calm();
  });

  it("took all of it with a reader's key, NSD a member from its owner", () => {
    const [bind, nsd] = others.map((other) => other.log());
    for (const zone of lab.zones()) {
      expect(bind).to.match(new RegExp(`zone ${zone}/IN: transferred serial \\d+: TSIG '${key().name}'`));
      expect(nsd).to.match(new RegExp(`zone ${zone}\\.? .*TSIG verified with key ${key().name}`));
    }
    for (const owner of lab.list.slice(2))
      expect(nsd).to.match(new RegExp(`zone ${owner.name}\\.example\\.? .*from ${owner.addresses[0]}@`));
  });

  /** Changes a zone twice, and waits until servers that look by themselves once an hour have that: they are told of it. */
  async function followAtOnce(options: Pick<ConsumerOptions, "key" | "port" | "roots">): Promise<void> {
    const [bindAt = 0, nsdAt = 0] = toldAt;
    const all = { mesh: lab.mesh, ...options, refresh: 3600 };
    await using stack = new AsyncDisposableStack();
    const told = await Promise.all([startBind({ ...all, listen: bindAt }), startNsd({ ...all, listen: nsdAt })]);
    for (const each of told) stack.use(each);
    const have = (serial: number): Promise<void> =>
      eventually(20, async () => {
        for (const each of told)
          expect((await client.querySoa(each.server, richZone)).serial, each.name).to.equal(serial);
      });
    await have((await lab.site("site-c").soa(richZone)).serial);
    for (const value of ["192.0.2.80", "192.0.2.81"]) {
      const changes = [
        ["zone-unset", "told"],
        ["zone-set", "told", "60", "A", value],
      ];
      await changeRecords(lab.site("site-c"), richZone, changes.slice(isTold ? 0 : 1));
      isTold = true;
      await have((await lab.site("site-c").soa(richZone)).serial);
    }
  }

  it("have a change at once when they are told of it, without a look of their own", () =>
    followAtOnce({ key: toldKey, port: port() }));

  it("are not all: a PowerDNS has the zones that it is given, and their changes when it is told of them", async () => {
    const [, , listen = 0] = toldAt;
    await using powerDns = await startPowerDns({
      zones: [richZone, "signed.example"],
      key: toldKey,
      from: [lab.site("site-a").server],
      listen,
    });
    const { server } = lab.site("site-b");
    const same = (zone: string): Promise<void> =>
      eventually(20, async () => {
        const records = await client.transfer(server, zone, key());
        const { serial } = await client.querySoa(server, zone);
        expect((await client.querySoa(powerDns.server, zone)).serial, zone).to.equal(serial);
        // Signatures and proofs it answers only beside what they are for.
        const asked = records.filter((each) => each.type !== "OTHER" || !["RRSIG", "NSEC"].includes(each.typeName));
        expect(sorted(await answersOf(powerDns, asked)), zone).to.deep.equal(sorted(asked));
      });
    for (const zone of [richZone, "signed.example"]) await same(zone);
    const { address, port: at } = powerDns.server;
    const asked = [`@${address}`, "-p", String(at)];
    expect(await run(knotBinaries().kdig, [...asked, "signed.example", "SOA", "+dnssec"])).to.match(/RRSIG\s+SOA/);
    for (const value of ["192.0.2.82", "192.0.2.83"]) {
      await changeRecords(lab.site("site-c"), richZone, [["zone-set", "powerdns", "60", "A", value]]);
      await lab.converged(20, { zones: [richZone] });
      await same(richZone);
    }
    expect(powerDns.log()).to.match(
      new RegExp(`Received secure NOTIFY for ${richZone} .* with TSIG key '${toldKey.name}'`),
    );
    const unsigned = [...asked, richZone, "NOTIFY", "+time=1", "+retry=0"];
    expect(await run(knotBinaries().kdig, unsigned).catch(String)).to.match(/REFUSED/);
  });

  it("may be a provider's, which resolvers ask alone: the NS records are theirs, and the owner tells them of changes", async () => {
    const [entry] = parse(shopZone) as [{ zones: { name: string; zoneFile: string }[] }];
    const { zones } = lab.list[0]!;
    zones.push(...entry.zones);
    await lab.up();
    await lab.upSite("site-a");
    const zone = "shop.example";
    const owner = lab.site("site-a");
    const options = { zones: [zone], key: shopKey, from: [owner.server] };
    await using stack = new AsyncDisposableStack();
    const [bindAt = 0, , powerDnsAt = 0] = toldAt;
    await eventually(20, () => owner.soa(zone));
    const bind = stack.use(await startBindSecondary({ ...options, listen: bindAt }));
    const powerDns = stack.use(await startPowerDns({ ...options, listen: powerDnsAt }));
    const ask = async (name: string): Promise<void> => {
      for (const { server, name: provider } of [bind, powerDns])
        await eventually(20, async () => {
          const { flags, answers } = await client.query(server, `${name}.${zone}`, "A");
          expect([flags.aa, answers.length], `${provider}: ${name}`).to.deep.equal([true, 1]);
        });
    };
    await ask("www");
    for (const { server } of [bind, powerDns]) {
      const kdig = ({ address, port: at }: DnsServer) => `${knotBinaries().kdig} @${address} -p ${at} `;
      const check = shopCheck
        .replaceAll("dig @192.0.2.1 ", kdig(owner.server))
        .replaceAll("dig @198.51.100.53 ", kdig(server));
      const [ours, theirs, ...names] = (await run("sh", ["-c", check])).trim().split("\n");
      expect(theirs).to.equal(ours);
      expect(names.sort()).to.deep.equal(["ns1.provider.example.", "ns2.provider.example."]);
    }
    await changeRecords(owner, zone, [["zone-set", "new", "60", "A", "203.0.113.81"]]);
    await ask("new");
    expect(bind.log()).to.match(new RegExp(`key ${shopKey.name}: received notify for zone '${zone}'`));
    zones.pop();
    await lab.up();
    await lab.upSite("site-a");
  });

  /** A file with the roots that somebody trusts. */
  async function rootsOf(name: string, roots: readonly Identity[]): Promise<string> {
    const path = join(lab.folder, name);
    await writeFile(path, roots.map(({ cert }) => cert).join(""));
    return path;
  }

  it("take zones over TLS from whom their roots vouch for, as differences, with a key and no certificate", async () => {
    const roots = await rootsOf("roots.pem", lab.authorities);
    await followAtOnce({ key: tlsKey, port: lab.site("site-a").secureServer.port, roots });
    const taken = new RegExp(
      `\\[${richZone}\\.\\] IXFR, outgoing, remote \\S+ TLS, key ${tlsKey.name}\\., finished`,
      "g",
    );
    expect(lab.logs().match(taken)).to.have.length.of.at.least(2);
  });

  it("get nothing over TCP with a key that is for TLS, and nothing over TLS without one", async () => {
    const file = join(lab.folder, "over-tls.key");
    await writeFile(file, `${tlsKey.algorithm}:${tlsKey.name}:${tlsKey.secret}\n`, { mode: 0o600 });
    const { server, secureServer } = lab.site("site-a");
    const transfer = ({ address, port: at }: DnsServer, ...args: readonly string[]): Promise<string> => {
      const limits = ["+time=2", "+retry=0"];
      return run(knotBinaries().kdig, [`@${address}`, "-p", String(at), richZone, "AXFR", ...limits, ...args]).catch(
        String,
      );
    };
    expect(await transfer(secureServer, "+tls", "-k", file)).to.contain(`told.${richZone}.`);
    expect(await transfer(secureServer, "+tls")).to.match(/NOTAUTH|REFUSED/);
    expect(await transfer(server, "-k", file)).to.match(/NOTAUTH|REFUSED/);
  });

  it("take nothing over TLS below another root", async () => {
    const roots = await rootsOf("other-roots.pem", [makeAuthority("another mesh")]);
    const options = { mesh: lab.mesh, key: tlsKey, port: lab.site("site-a").secureServer.port, roots };
    await using bind = await startBind(options);
    await using nsd = await startNsd(options);
    await eventually(20, () => {
      expect(bind.log()).to.match(/TLS peer certificate verification failed/);
      expect(nsd.log()).to.match(/certificate verify failed/);
    });
    for (const wrong of [bind, nsd])
      for (const zone of lab.zones())
        expect(await client.querySoa(wrong.server, zone).catch(String), wrong.name).to.match(/SERVFAIL|REFUSED/);
  });

  it("take the zones that are named for them, at their owner, and no others", async () => {
    const taken = async (site: string, zone: string): Promise<string> =>
      client
        .transfer(lab.site(site).server, zone, providerKey)
        .then((records) => (records.length > 0 ? "taken" : ""), String);
    expect(await taken("site-c", richZone)).to.equal("taken");
    for (const [site, zone] of [
      ["site-c", "site-c.example"],
      ["site-c", lab.mesh.catalogZone],
      ["site-a", richZone],
    ] as const)
      expect(await taken(site, zone), `${site}: ${zone}`).to.match(/NOTAUTH|REFUSED/);
  });

  it("get nothing without the key, or with a wrong one", async () => {
    for (const site of sites())
      for (const zone of [lab.mesh.catalogZone, "site-c.example"]) {
        const { address } = site.server;
        const said = await run(knotBinaries().kdig, [`@${address}`, "-p", String(port()), zone, "AXFR"]).catch(String);
        expect(said, site.name).to.match(/NOTAUTH|REFUSED/);
      }
    const [bind, nsd] = await start({ ...key(), secret: Buffer.alloc(32).toString("base64") });
    await using stack = new AsyncDisposableStack();
    for (const wrong of [bind, nsd]) stack.use(wrong);
    await eventually(20, () => {
      expect(bind.log()).to.match(
        /zone catalog\.internal\.dns\/IN: refresh: failure trying primary .*: tsig indicates error/,
      );
      expect(nsd.log()).to.match(/zone catalog\.internal\.dns, from .*: bad tsig signature/);
    });
    for (const wrong of [bind, nsd])
      for (const zone of lab.zones())
        expect(await client.querySoa(wrong.server, zone).catch(String), wrong.name).to.match(/SERVFAIL|REFUSED/);
  });

  it("follow a zone that is added, records that change, and a zone that goes", async () => {
    lab.list[4]!.zones.push("added.example");
    await lab.up();
    await lab.upSite("site-e");
    await lab.converged(20);
    // BIND asked before the catalog sites had the zone, and would ask again after a minute: the retry time is that of a SOA.
    for (const other of others)
      await eventually(20, async () => {
        expect(await tell(other, "added.example"), other.name).to.match(/NOERROR/);
      });
    await alike(20);

    await changeRecords(lab.site("site-c"), richZone, [
      ["zone-set", "new", "60", "A", "192.0.2.77"],
      ["zone-unset", "mail", "AAAA"],
    ]);
    await alike(20);
    for (const other of others) {
      const ask = async (name: string, type: string) =>
        (await client.query(other.server, `${name}.${richZone}`, type)).answers;
      expect(await ask("new", "A")).to.have.length(1);
      expect(await ask("mail", "AAAA")).to.have.length(0);
    }

    lab.list[4]!.zones.pop();
    await lab.up();
    await lab.upSite("site-e");
    await forgotten("added.example");
    await alike(20);
    await calm();
  });

  it("obey an emptied catalog, as no site does, and come back with it", async () => {
    const catalog = renderCatalog({ ...lab.mesh, sites: lab.mesh.sites.map((site) => ({ ...site, zones: [] })) });
    await lab.site("site-a").mountCentral(lab.mesh, { catalog });
    await forgotten("site-c.example");
    for (const site of sites()) expect((await site.soa("site-c.example")).serial, site.name).to.be.greaterThan(0);
    await lab.up();
    await alike(20);
    await calm();
  });

  it("are not missed by the mesh when they end, and catch up when they are back", async () => {
    await Promise.all(others.map((other) => other.stop()));
    await changeRecords(lab.site("site-c"), richZone, [["zone-set", "meanwhile", "60", "A", "192.0.2.78"]]);
    await lab.converged(10);
    await calm();
    await Promise.all(others.map((other) => other.start()));
    await alike(20);
    await calm();
  });

  it("answer every zone while all sites are away, also after a restart", async () => {
    const serials = await lab.converged(5);
    const [, nsd] = others;
    // NSD, unlike BIND, writes nothing when it ends.
    await eventually(10, async () => {
      for (const [zone, serial] of serials)
        expect(await readFile(join(nsd!.folder, `${zone}.zone`), "utf8")).to.match(new RegExp(`SOA[^)]*\\s${serial} `));
    });
    await Promise.all(sites().map((site) => site.stop()));
    for (const other of others) {
      await other.stop();
      await other.start();
      await eventually(10, async () => {
        for (const [zone, serial] of serials)
          expect((await client.querySoa(other.server, zone)).serial, `${other.name}: ${zone}`).to.equal(serial);
      });
    }
  });
});
