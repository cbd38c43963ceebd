import { expect } from "chai";

import { ZoneMirror } from "../../../src/agents/operator/zone-mirror";
import { type KnotServer, startKnot } from "../../../harness/knot";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { recordKey } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import type { TsigKey } from "../../../src/dns/tsig-key";
import type { RrsetChange } from "../../../src/records/plan";
import { batchesOf, messageFor } from "../../../src/records/updates";

const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") };
const zone = "large.test";
const text = `@ 300 SOA ns admin 5 86400 3600 604800 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n`;
const name = `www.${zone}`;

/** A records, from a number on. */
const addresses = (count: number, from = 0, ttl = 300): readonly ResourceRecord[] =>
  Array.from({ length: count }, (_, i) => {
    const address = `10.0.${(from + i) >> 8}.${(from + i) & 255}`;
    return { name, class: "IN", ttl, type: "A", address };
  });
const quads = (count: number): readonly ResourceRecord[] =>
  Array.from({ length: count }, (_, i) => {
    return { name, class: "IN", ttl: 300, type: "AAAA", address: `2001:db8::${(i + 1).toString(16)}` };
  });
const alias: readonly ResourceRecord[] = [{ name, class: "IN", ttl: 300, type: "CNAME", target: `ns.${zone}` }];
const sorted = (records: readonly ResourceRecord[]) =>
  records.map((record) => `${record.ttl} ${recordKey(record)}`).sort();

/** The longest RRset of addresses that an answer holds: 16 octets each beside header, question and one name. */
const most = Math.floor((65_535 - 12 - 2 * (name.length + 2) - 512) / 16);

describe("large RRsets at Knot", function () {
  this.timeout(60_000);
  let knot: KnotServer;
  /** What the operator sees of it. */
  let mirror: ZoneMirror;
  const client = new DnsClient({ timeoutMs: 10_000 });
  /** What the name has, by type. */
  let there: ReadonlyMap<string, readonly ResourceRecord[]> = new Map();

  before(async () => {
    knot = await startKnot({ zones: { [zone]: text }, keys: [key] });
    mirror = new ZoneMirror({ zone, dns: client, writer: () => knot.server, key });
  });
  after(() => knot[Symbol.asyncDispose]());

  /** Makes the name have these records, in as many messages as that takes. Returns how many. */
  const become = async (...wanted: readonly (readonly ResourceRecord[])[]): Promise<number> => {
    const after = new Map<string, readonly ResourceRecord[]>(
      wanted.filter(({ length }) => length > 0).map((records) => [records[0]!.type, records]),
    );
    const changes = [...new Set([...there.keys(), ...after.keys()])].map((type): RrsetChange => {
      return { name, type, before: there.get(type) ?? [], after: after.get(type) ?? [] };
    });
    const batches = batchesOf(zone, [changes]);
    for (const batch of batches) {
      await mirror.follow();
      await client.update(knot.server, messageFor(batch, mirror.soa), key);
    }
    there = after;
    const served = (await client.transfer(knot.server, zone, key)).filter((record) => record.name === name);
    expect(sorted(served)).to.deep.equal(sorted(wanted.flat()));
    await mirror.follow();
    expect(sorted([...mirror.at(name).values()].flat()), "by IXFR").to.deep.equal(sorted(wanted.flat()));
    for (const [type, records] of after)
      expect((await client.query(knot.server, name, type)).answers).to.have.length(records.length);
    return batches.length;
  };

  /** Each starts from what the one before left. */
  const steps: readonly (readonly [what: string, wanted: readonly (readonly ResourceRecord[])[], messages: number])[] =
    [
      ["are made, as large as an answer can be", [addresses(most)], 1],
      ["lose one", [addresses(most - 1)], 1],
      ["get one", [addresses(most)], 1],
      ["become others in part", [addresses(most, 1000)], 1],
      ["become others altogether", [addresses(most, 9000)], 1],
      ["get another TTL", [addresses(most, 9000, 60)], 1],
      ["become half of them", [addresses(most / 2, 9000, 60)], 1],
      ["double", [addresses(4000, 9000, 60)], 1],
      ["become an alias", [alias], 1],
      ["get another TTL, the alias", [alias.map((record) => ({ ...record, ttl: 60 }))], 1],
      ["come with another large one in the place of an alias", [addresses(4000), quads(2200)], 2],
      ["become an alias, both of them", [alias], 2],
      ["are made again, both", [addresses(4000), quads(2200)], 2],
      ["go, both", [], 2],
    ];
  for (const [what, wanted, messages] of steps)
    it(`${what}, in ${messages === 1 ? "one message" : `${messages} messages`}`, async () => {
      expect(await become(...wanted)).to.equal(messages);
    });

  it("change under a condition: what somebody else changed meanwhile is refused, and nothing is done", async () => {
    await become(addresses(4000));
    const [batch] = batchesOf(zone, [[{ name, type: "A", before: addresses(4000, 5), after: addresses(4001) }]]);
    let failure: unknown;
    await client.update(knot.server, batch!.update, key).catch((error: unknown) => (failure = error));
    expect(String(failure)).to.contain("NXRRSET");
    await become(addresses(4000));
  });
});
