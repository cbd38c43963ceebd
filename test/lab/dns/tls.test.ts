import { expect } from "chai";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DnsClient, type DnsServer, type DnsTls } from "../../../src/dns/client/dns-client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { type Identity, issue, type IssueOptions, makeAuthority, tlsFiles } from "../../../harness/certificates";
import { freePort } from "../../../harness/free-port";
import { type KnotPlace, type KnotServer, startKnot } from "../../../harness/knot";
import { startBindPrimary } from "../../../harness/other-servers/server";
import { failureOf } from "./failure";

const key: TsigKey = { name: "mesh-1", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") };
const otherKey: TsigKey = { ...key, secret: Buffer.alloc(32, 9).toString("base64") };
const zone = "secret.test";
const hosts = 3000;
const text = `$ORIGIN ${zone}.
@ 60 SOA ns admin 1 60 60 3600 60
@ 60 NS ns
ns 60 A 192.0.2.1
${Array.from({ length: hosts }, (_, i) => `h${i} 60 A 10.0.${i >> 8}.${i & 255}\n`).join("")}`;

const ca = makeAuthority("mesh");
const stranger = makeAuthority("somebody else");
const serverName = "site-a.dns.internal";
const own = "site-b.dns.internal";
const identity = (changes: Partial<IssueOptions> = {}): Identity => issue({ ca, name: own, ...changes });
const ours = identity();
const trust = (mine?: Identity, changes: Partial<DnsTls> = {}): DnsTls => ({
  ca: ca.cert,
  ...mine,
  serverName,
  ...changes,
});

function knotConf(place: KnotPlace, tlsPort: number): string {
  const path = (file: string) => `"${join(place.storage, "tls", file)}"`;
  return `server:
    listen: ${place.address}@${place.port}
    listen-tls: ${place.address}@${tlsPort}
    rundir: ${place.rundir}
    cert-file: ${path(tlsFiles.cert)}
    key-file: ${path(tlsFiles.key)}
    ca-file: ${path(tlsFiles.ca)}
log:
  - target: stdout
    any: debug
database:
    storage: ${join(place.storage, "db")}
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
acl:
  - id: mesh
    key: ${key.name}
    cert-hostname: ${own}
    protocol: tls
    action: [transfer, update]
template:
  - id: default
    storage: ${place.storage}
    file: zones/%s.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    acl: mesh
zone:
  - domain: ${zone}
`;
}

interface TlsKnot extends AsyncDisposable {
  readonly knot: KnotServer;
  at(tls?: DnsTls): DnsServer;
}

async function startTlsKnot(certificate: Identity, roots: readonly Identity[] = [ca]): Promise<TlsKnot> {
  const tlsPort = await freePort();
  const knot = await startKnot({
    zones: { [zone]: text },
    config: (place) => {
      const folder = join(place.storage, "tls");
      mkdirSync(folder);
      writeFileSync(join(folder, tlsFiles.cert), certificate.cert);
      writeFileSync(join(folder, tlsFiles.key), certificate.key);
      writeFileSync(join(folder, tlsFiles.ca), roots.map(({ cert }) => cert).join(""));
      return knotConf(place, tlsPort);
    },
  });
  const { address } = knot;
  return {
    knot,
    at: (tls) => ({ address, port: tls === undefined ? knot.port : tlsPort, ...(tls && { tls }) }),
    [Symbol.asyncDispose]: () => knot[Symbol.asyncDispose](),
  };
}

const server = (changes: Partial<IssueOptions> = {}) => startTlsKnot(issue({ ca, name: serverName, ...changes }));
const client = new DnsClient();

describe("DNS over TLS with Knot", () => {
  let right: TlsKnot;
  before(async () => (right = await server()));
  after(() => right[Symbol.asyncDispose]());

  it("asks, updates and transfers, whole and what changed, without a datagram", async () => {
    const counted = new DnsClient();
    const at = right.at(trust(ours));
    expect((await counted.querySoa(at, zone, key)).serial).to.equal(1);
    expect(await counted.transfer(at, zone, key)).to.have.length(hosts + 3);
    const added = { name: `new.${zone}`, class: "IN", ttl: 60, type: "A", address: "192.0.2.9" } as const;
    await counted.update(at, { zone, prerequisites: [], changes: [{ kind: "add", record: added }] }, key);
    const since = await counted.transferIncremental(at, { zone, serial: 1 }, key);
    expect(JSON.stringify(since)).to.contain("192.0.2.9").and.not.contain("h2999");
    expect(counted.counters).to.deep.equal({ udpQueries: 0, tcpQueries: 2, transfers: 2, notifies: 0 });
  });

  it("leaves the connections of others alone after an update, which Knot would not", async () => {
    const at = right.at(trust(ours));
    for (let i = 0; i < 100; i++) {
      const { serial } = await client.querySoa(at, zone, key);
      const record = { name: `n${i}.${zone}`, class: "IN", ttl: 60, type: "A", address: "192.0.2.9" } as const;
      await client.update(at, { zone, prerequisites: [], changes: [{ kind: "add", record }] }, key);
      await client.transferIncremental(at, { zone, serial }, key);
    }
  }).timeout(30_000);

  const refused: readonly (readonly [string, Identity | undefined])[] = [
    ["no certificate", undefined],
    ["one of another authority", identity({ ca: stranger })],
    ["one for another name", identity({ name: "site-x.dns.internal" })],
    ["one that has expired", identity({ expired: true })],
    ["one that is not valid yet", identity({ early: true })],
  ];
  for (const [what, mine] of refused)
    it(`is refused with ${what}, though the key is right`, async () => {
      const failure = await failureOf(client.transfer(right.at(trust(mine)), zone, key));
      expect(failure).to.deep.equal({ kind: "unsigned", rcode: "NOTAUTH" });
    });

  it("is refused with the right certificate and a wrong key or clock, and without TLS", async () => {
    const wrongKey = await failureOf(client.transfer(right.at(trust(ours)), zone, otherKey));
    expect(wrongKey).to.deep.equal({ kind: "badSignature", by: "peer" });
    const late = new DnsClient({ now: () => Date.now() - 1_000_000 });
    const skewed = await failureOf(late.transfer(right.at(trust(ours)), zone, key));
    expect(skewed).to.deep.include({ kind: "badTime", by: "peer" });
    const plain = await failureOf(client.transfer(right.at(), zone, key));
    expect(plain).to.deep.equal({ kind: "unsigned", rcode: "NOTAUTH" });
  });

  it("refuses a server of another authority, and one for another name, before anything is asked", async () => {
    const other = await failureOf(client.transfer(right.at(trust(ours, { ca: stranger.cert })), zone, key));
    expect(other).to.deep.include({ kind: "untrusted", by: "us", reason: "authority" });
    const named = await failureOf(
      client.transfer(right.at(trust(ours, { serverName: "site-c.dns.internal" })), zone, key),
    );
    expect(named).to.deep.include({ kind: "untrusted", by: "us", reason: "name" });
  });

  it("takes a server of either root during a roll-over", async () => {
    const both = stranger.cert + ca.cert;
    expect((await client.querySoa(right.at(trust(ours, { ca: both })), zone, key)).type).to.equal("SOA");
  });

  for (const [reason, changes] of [
    ["expired", { expired: true }],
    ["notYetValid", { early: true }],
    ["authority", { ca: stranger }],
  ] as const)
    it(`refuses a server's certificate: ${reason}`, async () => {
      await using wrong = await server(changes);
      const failure = await failureOf(client.transfer(wrong.at(trust(ours)), zone, key));
      expect(failure).to.deep.include({ kind: "untrusted", by: "us", reason });
    });
});

describe("DNS over TLS with BIND", () => {
  it("transfers and updates with the right certificate, and is hung up on with another (it sends no alert)", async () => {
    await using bind = await startBindPrimary({
      zones: { [zone]: text },
      key,
      identity: issue({ ca, name: serverName }),
      ca,
    });
    const at = (mine?: Identity, changes: Partial<DnsTls> = {}): DnsServer => {
      return { address: "127.0.0.1", port: bind.tlsPort, tls: trust(mine, changes) };
    };
    expect(await client.transfer(at(ours), zone, key)).to.have.length(hosts + 3);
    const added = { name: `new.${zone}`, class: "IN", ttl: 60, type: "A", address: "192.0.2.9" } as const;
    await client.update(at(ours), { zone, prerequisites: [], changes: [{ kind: "add", record: added }] }, key);
    expect(JSON.stringify(await client.transferIncremental(at(ours), { zone, serial: 1 }, key))).to.contain(
      "192.0.2.9",
    );
    for (const mine of [undefined, identity({ ca: stranger }), identity({ expired: true })]) {
      const failure = await failureOf(client.transfer(at(mine), zone, key));
      expect(failure).to.deep.include({ kind: "incomplete" });
      expect(JSON.stringify(failure)).to.contain("may refuse our certificate");
    }
    const named = await failureOf(client.transfer(at(ours, { serverName: "other.dns.internal" }), zone, key));
    expect(named).to.deep.include({ kind: "untrusted", by: "us", reason: "name" });
    expect(await failureOf(client.transfer({ ...bind.server }, zone, key))).to.deep.equal({ kind: "refused" });
  }).timeout(30_000);
});
