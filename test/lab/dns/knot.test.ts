import { expect } from "chai";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { decodeMessage, encodeMessage } from "../../../src/dns/message";
import { transferMessage } from "../../../src/dns/request";
import { DnsClient, type DnsServer } from "../../../src/dns/client/dns-client";
import { exchangeTcp } from "../../../src/dns/client/sockets";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { eventually } from "../../../harness/eventually";
import { knotBinaries, type KnotServer, startKnot } from "../../../harness/knot";
import { failureOf } from "./failure";

const algorithms = ["hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;
const keys = algorithms.map((algorithm, i): TsigKey => {
  return { name: `mesh-${i}`, algorithm, secret: Buffer.alloc(32, i + 1).toString("base64") };
});
const [key] = keys as [TsigKey, TsigKey, TsigKey];
const hosts = 12_000;

const soa = (serial: number) => `@ 300 SOA ns admin ${serial} 86400 3600 604800 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n`;
const big = soa(5) + Array.from({ length: hosts }, (_, i) => `h${i} 300 A 10.0.${i >> 8}.${i & 255}\n`).join("");
const odd = `${soa(1)}a\\.b 60 TXT "one" "t\\"wo\\255" ""
mail 60 MX 10 mail
srv 60 SRV 1 2 53 ns
d 60 DNAME other.test.
six 60 AAAA 2001:db8::1
ca 60 CAA 0 issue "ca.test"
x 60 TYPE65280 \\# 3 010203
ds 60 DS 1 13 2 ${"ab".repeat(32)}
`;

describe("Knot", () => {
  let knot: KnotServer;
  const client = new DnsClient();

  before(async () => {
    knot = await startKnot({ zones: { "big.test": big, "odd.test": odd }, keys });
  });
  after(() => knot[Symbol.asyncDispose]());

  for (const each of keys)
    it(`accepts our signature and signs so that we accept it, ${each.algorithm}`, async () => {
      expect(await client.querySoa(knot.server, "odd.test", each)).to.deep.include({ type: "SOA", serial: 1 });
      expect(await client.transfer(knot.server, "odd.test", each)).to.have.length(11);
    });

  it("hands over a zone of many messages, each record once and the SOA first", async () => {
    const records = await client.transfer(knot.server, "big.test", key);
    expect(records).to.have.length(hosts + 3);
    expect(records[0]).to.deep.include({ type: "SOA", serial: 5, name: "big.test" });
    const addresses = new Map(records.map((each) => [each.name, each.type === "A" ? each.address : ""]));
    expect(addresses.get("h11999.big.test")).to.equal("10.0.46.223");
    expect(addresses.size).to.equal(hosts + 2);
  });

  it("hands over all sorts of records", async () => {
    const records = await client.transfer(knot.server, "odd.test", key);
    const at = (name: string) => records.find((each) => each.name === `${name}.odd.test`);
    expect(at("a\\.b")).to.deep.include({ type: "TXT", strings: ["one", 't"wo\xff', ""] });
    expect(at("mail")).to.deep.include({ preference: 10, exchange: "mail.odd.test" });
    expect(at("srv")).to.deep.include({ priority: 1, weight: 2, port: 53, target: "ns.odd.test" });
    expect(at("d")).to.deep.include({ type: "DNAME", target: "other.test" });
    expect(at("six")).to.deep.include({ address: "2001:db8::1" });
    expect(at("ca")).to.deep.include({ flags: 0, tag: "issue", value: "ca.test" });
    expect(at("x")).to.deep.include({ typeName: "TYPE65280", rdata: Uint8Array.of(1, 2, 3) });
    expect(at("ds")).to.deep.include({ type: "OTHER", typeName: "DS" });
  });

  it("refuses a wrong secret, an unknown key and no key at all", async () => {
    const wrong = { ...key, secret: Buffer.alloc(32, 99).toString("base64") };
    expect(await failureOf(client.transfer(knot.server, "odd.test", wrong))).to.deep.equal({
      kind: "badSignature",
      by: "peer",
    });
    const unknown = await failureOf(client.transfer(knot.server, "odd.test", { ...key, name: "unknown" }));
    expect(unknown).to.deep.equal({ kind: "unsigned", rcode: "NOTAUTH" });
    const answer = await exchangeTcp({
      server: knot.server,
      message: encodeMessage(transferMessage({ id: 1, zone: "odd.test" })),
      timeoutMs: 2000,
      receive: decodeMessage,
    });
    expect([answer.rcode, answer.answers.length]).to.deep.equal([9, 0]);
  });

  it("reports to a client whose clock is wrong by how much", async () => {
    const late = new DnsClient({ now: () => Date.now() - 1_000_000 });
    const failure = await failureOf(late.querySoa(knot.server, "odd.test", key));
    expect(failure).to.deep.include({ kind: "badTime", by: "peer" });
    expect((failure as { skewSeconds: number }).skewSeconds).to.be.within(998, 1002);
  });

  it("has no zones but its own", async () => {
    expect(await failureOf(client.querySoa(knot.server, "other.test"))).to.deep.equal({ kind: "refused" });
    const signed = await failureOf(client.querySoa(knot.server, "other.test", key));
    expect(signed).to.deep.equal({ kind: "unsigned", rcode: "REFUSED" });
    expect(await failureOf(client.querySoa(knot.server, "none.odd.test"))).to.deep.equal({ kind: "absent" });
    expect(await failureOf(client.querySoa(knot.server, "mail.odd.test"))).to.deep.equal({ kind: "absent" });
    const notify = await failureOf(client.notify(knot.server, "other.test", 1, key));
    expect(notify).to.deep.equal({ kind: "unsigned", rcode: "NOTAUTH" });
  });

  it("answers over TCP what is too large for UDP", async () => {
    const strings = Array.from({ length: 10 }, (_, i) => `"${String(i).repeat(250)}"`).join(" ");
    await using wide = await startKnot({ zones: { "wide.test": `${soa(1)}@ 60 TXT ${strings}\n` }, keys });
    const asking = new DnsClient();
    for (const each of [undefined, key]) {
      const answer = await asking.query(wide.server, "wide.test", "TXT", each);
      expect(answer.answers[0]).to.deep.include({ type: "TXT" });
    }
    expect(asking.counters).to.deep.include({ udpQueries: 2, tcpQueries: 2 });
  });

  it("transfers a zone at our NOTIFY, and not at one with a wrong key", async () => {
    await using secondary = await startSecondary(knot.server);
    await eventually(5, () => client.querySoa(secondary.server, "odd.test"));
    await knot.knotc("zone-begin", "odd.test");
    await knot.knotc("zone-set", "odd.test", "new", "60", "A", "192.0.2.9");
    await knot.knotc("zone-commit", "odd.test");
    const { serial } = await client.querySoa(knot.server, "odd.test");
    expect(serial).to.equal(2);
    const wrong = { ...key, secret: Buffer.alloc(32, 99).toString("base64") };
    expect((await failureOf(client.notify(secondary.server, "odd.test", serial, wrong)))?.kind).to.equal(
      "badSignature",
    );
    expect((await client.querySoa(secondary.server, "odd.test")).serial).to.equal(1);
    await client.notify(secondary.server, "odd.test", serial, key);
    await eventually(5, async () => {
      expect((await client.querySoa(secondary.server, "odd.test")).serial).to.equal(2);
    });
    await client.notify(secondary.server, "odd.test", undefined, key);
  });
});

/** A secondary of odd.test that is told of nothing. */
function startSecondary(primary: DnsServer): Promise<KnotServer> {
  return startKnot({
    keys,
    extraConfig: () => `remote:
  - id: primary
    address: ${primary.address}@${primary.port}
    key: ${key.name}
zone:
  - domain: odd.test
    master: primary
    zonefile-load: none
`,
  });
}

describe("kdig", () => {
  it("and we get the same of Knot with the same key", async () => {
    await using knot = await startKnot({ zones: { "odd.test": odd }, keys });
    const keyFile = join(knot.storage, "key");
    await writeFile(keyFile, `${key.algorithm}:${key.name}:${key.secret}\n`, { mode: 0o600 });
    const { stdout } = await promisify(execFile)(knotBinaries().kdig, [
      "-k",
      keyFile,
      `@${knot.address}`,
      "-p",
      String(knot.port),
      ...["odd.test", "AXFR", "+noall", "+answer"],
    ]);
    const theirs = stdout.split("\n").filter((line) => /^\S+\s+\d+\s+(?:IN\s+)?\S/.test(line));
    const ours = await new DnsClient().transfer(knot.server, "odd.test", key);
    expect(theirs.slice(0, -1).map((line) => line.split(/\s+/)[0])).to.deep.equal(
      ours.map((record) => `${record.name}.`),
    );
  });
});
