import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import { recordKey } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { encodeServiceBinding } from "../../../src/dns/rdata/service-types";
import { type Change, type Prerequisite, updateMessage } from "../../../src/dns/update";
import type { ZoneChange } from "../../../src/dns/incremental";
import { ZoneCopy } from "../../../src/dns/zone-copy";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { knotBinaries, type KnotServer, startKnot } from "../../../harness/knot";
import { failureOf } from "./failure";
import { startOwnServer } from "../../../harness/dns/own-server";

const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") };
const zone = "u.test";
const text = `@ 300 SOA ns admin 5 86400 3600 604800 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n`;

const a = (name: string, last: number, ttl = 60): ResourceRecord => ({
  name: name === "" ? zone : `${name}.${zone}`,
  class: "IN",
  ttl,
  type: "A",
  address: `192.0.2.${last}`,
});

const binding = { priority: 1, target: "", parameters: [{ key: "port", port: 8443 } as const] };
const https: ResourceRecord = {
  name: `web.${zone}`,
  class: "IN",
  ttl: 60,
  type: "OTHER",
  typeName: "HTTPS",
  rdata: encodeServiceBinding(binding),
};

const followed = (zone: readonly ResourceRecord[], changes: readonly ZoneChange[]): readonly ResourceRecord[] => {
  const copy = new ZoneCopy();
  copy.load(zone);
  copy.apply(changes);
  return copy.records();
};
const sorted = (records: readonly ResourceRecord[]) =>
  records.map((each) => `${recordKey(each)} ${each.ttl}`).sort((one, other) => (one < other ? -1 : 1));

/** Runs knsupdate on commands and ends when it does, whatever it says of the answer. */
async function knsupdate(commands: readonly string[]): Promise<void> {
  const child = spawn(knotBinaries().knsupdate, ["-t", "1", "-r", "0"], { stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.end(`${commands.join("\n")}\n`);
  await once(child, "exit");
}

describe("DNS UPDATE at Knot", () => {
  let knot: KnotServer;
  const client = new DnsClient();
  const update = (changes: readonly Change[], prerequisites: readonly Prerequisite[] = []) =>
    client.update(knot.server, { zone, changes, prerequisites }, key);
  const transfer = () => client.transfer(knot.server, zone, key);

  beforeEach(async () => {
    knot = await startKnot({ zones: { [zone]: text }, keys: [key] });
  });
  afterEach(() => knot[Symbol.asyncDispose]());

  it("adds, replaces and deletes what it says", async () => {
    await update([
      { kind: "add", record: a("one", 1) },
      { kind: "add", record: a("one", 2) },
      { kind: "add", record: a("two", 3) },
      { kind: "add", record: https },
    ]);
    await update([
      { kind: "deleteRecord", record: a("one", 1, 999) },
      { kind: "deleteRrset", name: `two.${zone}`, type: "A" },
      { kind: "add", record: a("two", 4) },
      { kind: "deleteName", name: `none.${zone}` },
    ]);
    const names = (await transfer()).filter((each) => /^(?:one|two|web)\./.test(each.name));
    expect(sorted(names)).to.deep.equal(sorted([a("one", 2), a("two", 4), https]));
    await update([{ kind: "deleteName", name: `one.${zone}` }]);
    expect((await transfer()).some((each) => each.name === `one.${zone}`)).to.equal(false);
  });

  it("changes nothing when a prerequisite is not met, and names which kind", async () => {
    await update([{ kind: "add", record: a("one", 1) }]);
    const before = await transfer();
    const [name, type] = [`one.${zone}`, "A"];
    const none = `none.${zone}`;
    const unmet: [Prerequisite, string][] = [
      [{ kind: "nameInUse", name: none }, "NXDOMAIN"],
      [{ kind: "nameNotInUse", name }, "YXDOMAIN"],
      [{ kind: "rrsetExists", name, type: "TXT" }, "NXRRSET"],
      [{ kind: "rrsetAbsent", name, type }, "YXRRSET"],
      [{ kind: "rrsetIs", records: [a("one", 1), a("one", 2)] }, "NXRRSET"],
    ];
    for (const [prerequisite, rcode] of unmet)
      expect(await failureOf(update([{ kind: "add", record: a("new", 9) }], [prerequisite]))).to.deep.equal({
        kind: "rcode",
        rcode,
      });
    expect(sorted(await transfer())).to.deep.equal(sorted(before));
    const met: Prerequisite[] = [
      { kind: "nameInUse", name },
      { kind: "nameNotInUse", name: none },
      { kind: "rrsetExists", name, type },
      { kind: "rrsetAbsent", name, type: "TXT" },
      { kind: "rrsetIs", records: [a("one", 1, 5)] },
    ];
    await update([{ kind: "add", record: a("new", 9) }], met);
    expect((await transfer()).some((each) => each.name === `new.${zone}`)).to.equal(true);
  });

  it("is refused for a zone that is not there, and with a wrong key", async () => {
    const elsewhere = client.update(knot.server, { zone: "other.test", changes: [] }, key);
    expect(await failureOf(elsewhere)).to.deep.equal({ kind: "unsigned", rcode: "NOTAUTH" });
    const wrong = { ...key, secret: Buffer.alloc(32, 2).toString("base64") };
    expect(await failureOf(client.update(knot.server, { zone, changes: [] }, wrong))).to.deep.equal({
      kind: "badSignature",
      by: "peer",
    });
  });

  it("is followed by IXFR, whose changes make the zone what AXFR says", async () => {
    const first = await transfer();
    await update([
      { kind: "add", record: a("one", 1) },
      { kind: "add", record: https },
    ]);
    await update([
      { kind: "deleteRecord", record: a("one", 1) },
      { kind: "add", record: a("one", 2) },
    ]);
    await update([{ kind: "deleteName", name: `web.${zone}` }]);
    const answer = await client.transferIncremental(knot.server, { zone, serial: 5 }, key);
    if (answer.kind !== "incremental") throw new Error(`not incremental but ${answer.kind}`);
    expect(answer.changes.map(({ from, to }) => [from.serial, to.serial])).to.deep.equal([
      [5, 6],
      [6, 7],
      [7, 8],
    ]);
    expect(sorted(followed(first, answer.changes))).to.deep.equal(sorted(await transfer()));
    const late = await client.transferIncremental(knot.server, { zone, serial: 7 }, key);
    expect(late).to.deep.include({ kind: "incremental" }).and.to.have.property("changes").with.length(1);
    expect(client.counters.transfers).to.be.greaterThan(2);
  });

  it("is not behind what we have, and gives the whole zone when the journal does not reach back", async () => {
    const current = await client.transferIncremental(knot.server, { zone, serial: 5 }, key);
    expect(current).to.deep.include({ kind: "upToDate" });
    const ahead = await client.transferIncremental(knot.server, { zone, serial: 50 }, key);
    expect(ahead).to.deep.include({ kind: "upToDate" });
    await update([{ kind: "add", record: a("one", 1) }]);
    const full = await client.transferIncremental(knot.server, { zone, serial: 3 }, key);
    if (full.kind !== "full") throw new Error(`not full but ${full.kind}`);
    expect(sorted(full.records)).to.deep.equal(sorted(await transfer()));
  });

  it("moves a large change in many messages by IXFR", async () => {
    const first = await transfer();
    const many = Array.from({ length: 1500 }, (_, i) => a(`h${i}`, i % 256));
    await update(many.map((record) => ({ kind: "add", record })));
    await update(many.slice(0, 700).map((record) => ({ kind: "deleteRecord", record })));
    const answer = await client.transferIncremental(knot.server, { zone, serial: 5 }, key);
    if (answer.kind !== "incremental") throw new Error(`not incremental but ${answer.kind}`);
    expect(sorted(followed(first, answer.changes))).to.deep.equal(sorted(await transfer()));
    expect(await failureOf(client.transferIncremental(knot.server, { zone, serial: 5 }, { ...key, name: "x" })))
      .to.have.property("kind")
      .that.equals("unsigned");
  });
});

describe("knsupdate", () => {
  /** The first message that knsupdate sends when it is given these commands. */
  async function sentBy(commands: readonly string[]): Promise<Message> {
    const requests: Buffer[] = [];
    const answer = (request: Buffer) => {
      requests.push(request);
      const { id, questions, flags } = decodeMessage(request);
      const empty = { rcode: 0, answers: [], authorities: [], additionals: [] };
      return encodeMessage({ id, questions, flags: { ...noFlags, opcode: flags.opcode, qr: true }, ...empty });
    };
    await using own = await startOwnServer({ udp: (request) => [answer(request)] });
    await knsupdate([`server ${own.server.address} ${own.server.port}`, `zone ${zone}`, ...commands, "send", "quit"]);
    return decodeMessage(requests[0]!);
  }

  it("writes the same message as we do, for each change and prerequisite", async () => {
    const theirs = await sentBy([
      `prereq yxdomain one.${zone}`,
      `prereq nxdomain two.${zone}`,
      `prereq yxrrset one.${zone} A`,
      `prereq nxrrset one.${zone} TXT`,
      `prereq yxrrset one.${zone} A 192.0.2.1`,
      `update add one.${zone} 60 A 192.0.2.2`,
      `update add web.${zone} 60 HTTPS 1 . port=8443`,
      `update delete one.${zone} A 192.0.2.1`,
      `update delete two.${zone} TXT`,
      `update delete three.${zone}`,
    ]);
    const name = `one.${zone}`;
    const ours = updateMessage({
      id: theirs.id,
      zone,
      prerequisites: [
        { kind: "nameInUse", name },
        { kind: "nameNotInUse", name: `two.${zone}` },
        { kind: "rrsetExists", name, type: "A" },
        { kind: "rrsetAbsent", name, type: "TXT" },
        { kind: "rrsetIs", records: [a("one", 1)] },
      ],
      changes: [
        { kind: "add", record: a("one", 2) },
        { kind: "add", record: https },
        { kind: "deleteRecord", record: a("one", 1) },
        { kind: "deleteRrset", name: `two.${zone}`, type: "TXT" },
        { kind: "deleteName", name: `three.${zone}` },
      ],
    });
    expect(theirs.questions).to.deep.equal(ours.questions);
    expect(theirs.flags).to.deep.equal(ours.flags);
    expect(theirs.answers).to.have.deep.members([...ours.answers]);
    expect(theirs.authorities).to.have.deep.members([...ours.authorities]);
  });

  it("and we make the same zone of the same changes", async () => {
    await using knot = await startKnot({ zones: { "u.test": text, "v.test": text }, keys: [key] });
    const commands = join(knot.storage, "key");
    await writeFile(commands, `${key.algorithm}:${key.name}:${key.secret}\n`, { mode: 0o600 });
    const child = spawn(knotBinaries().knsupdate, ["-v", "-k", commands], { stdio: ["pipe", "ignore", "inherit"] });
    child.stdin.end(`server ${knot.address} ${knot.port}
zone v.test
update add one.v.test 60 A 192.0.2.1
update add one.v.test 60 A 192.0.2.2
update add web.v.test 60 HTTPS 1 . port=8443
update delete ns.v.test
update delete one.v.test A 192.0.2.1
send
quit
`);
    expect(await once(child, "exit")).to.deep.equal([0, null]);
    const client = new DnsClient();
    const changes: Change[] = [
      { kind: "add", record: a("one", 1) },
      { kind: "add", record: a("one", 2) },
      { kind: "add", record: https },
      { kind: "deleteName", name: "ns.u.test" },
      { kind: "deleteRecord", record: a("one", 1) },
    ];
    await client.update(knot.server, { zone: "u.test", changes }, key);
    const ours = JSON.stringify(await client.transfer(knot.server, "u.test", key));
    const theirs = JSON.stringify(await client.transfer(knot.server, "v.test", key));
    expect(ours).to.contain('"HTTPS"');
    expect(ours.replaceAll("u.test", "v.test")).to.equal(theirs);
  });
});
