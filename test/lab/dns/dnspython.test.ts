import { expect } from "chai";

import { DnsError } from "../../../src/dns/errors";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import type { RecordData, ResourceRecord } from "../../../src/dns/record";
import { queryMessage } from "../../../src/dns/request";
import { signMessage, verifyMessage } from "../../../src/dns/tsig";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { askOracle, serveOracle } from "./oracle";

const secret = Buffer.from("a secret that only these tests know").toString("base64");
const algorithms = ["hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;
const key: TsigKey = { name: "mesh.key", algorithm: "hmac-sha256", secret };

const data: RecordData[] = [
  { type: "A", address: "192.0.2.1" },
  { type: "AAAA", address: "2001:db8::1" },
  { type: "NS", target: "ns.example" },
  { type: "CNAME", target: "a\\.b.\\000\\255.example" },
  { type: "DNAME", target: "www.example" },
  { type: "PTR", target: "" },
  {
    type: "SOA",
    mname: "ns.example",
    rname: "a\\.b.example",
    serial: 0xffffffff,
    refresh: 1,
    retry: 2,
    expire: 3,
    minimum: 4,
  },
  { type: "TXT", strings: ["", 'quote " and \\', "\xff\x00", "x".repeat(255)] },
  { type: "MX", preference: 10, exchange: "mail.example" },
  { type: "SRV", priority: 1, weight: 2, port: 53, target: "ns.example" },
  { type: "CAA", flags: 128, tag: "issue", value: "ca.example; a=b" },
  { type: "OTHER", typeName: "TYPE65280", rdata: Uint8Array.of(0, 1, 2) },
  { type: "OTHER", typeName: "DS", rdata: new Uint8Array(36).fill(2) },
  { type: "OTHER", typeName: "RP", rdata: new Uint8Array(Buffer.from("\x01a\x07example\x00\x01b\x00", "latin1")) },
];

const answers = data.map((each, i): ResourceRecord => ({
  name: `n${i}.www.example`,
  class: "IN",
  ttl: 60 + i,
  ...each,
}));

const response: Message = {
  id: 0x1234,
  flags: { ...noFlags, qr: true, aa: true },
  rcode: 0,
  questions: [{ name: "example", type: "ANY", class: "IN" }],
  answers,
  authorities: [],
  additionals: [],
};

const failureKind = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof DnsError) return error.failure.kind;
    throw error;
  }
  return "none";
};

describe("dnspython", () => {
  it("reads what we write, and we read what it writes of it", async () => {
    const written = [response, { ...queryMessage({ id: 1, name: "a\\032b.example", type: "TYPE65280" }) }];
    const back = (await askOracle({
      do: "again",
      messages: written.map((each) => encodeMessage(each).toString("hex")),
    })) as string[];
    expect(back.map((wire) => decodeMessage(Buffer.from(wire, "hex")))).to.deep.equal(written);
  });

  for (const algorithm of algorithms) {
    it(`accepts our signatures on a query and its response, ${algorithm}`, async () => {
      const ours = { ...key, algorithm };
      const now = Math.floor(Date.now() / 1000);
      const query = signMessage({
        message: encodeMessage(queryMessage({ id: 0x1234, name: "example", type: "ANY" })),
        key: ours,
        now,
      });
      const signed = signMessage({ message: encodeMessage(response), key: ours, now, requestMac: query.mac });
      const told = (await askOracle({
        do: "check",
        key: ours,
        query: query.bytes.toString("hex"),
        response: signed.bytes.toString("hex"),
      })) as { signed: boolean[]; answer: string[] };
      expect(told.signed).to.deep.equal([true, true]);
      expect(told.answer).to.have.length(answers.length);
      expect(told.answer[0]).to.equal("n0.www.example. 60 IN A 192.0.2.1");
    });

    it(`makes signatures that we accept, ${algorithm}`, async () => {
      const ours = { ...key, algorithm };
      const message = encodeMessage(response).toString("hex");
      const told = (await askOracle({ do: "sign", key: ours, message })) as { message: string; mac: string };
      const now = Math.floor(Date.now() / 1000);
      const verified = verifyMessage({ message: Buffer.from(told.message, "hex"), keys: [key, ours], now });
      expect(verified.mac.toString("hex")).to.equal(told.mac);
    });
  }

  for (const signEvery of [1, 2, 7, 100]) {
    it(`is understood when it signs every ${signEvery}. message of a transfer`, async () => {
      await using oracle = await serveOracle({ key, messages: 205, signEvery, signLast: true });
      const records = await new DnsClient().transfer(oracle.server, "example", key);
      expect(records).to.have.length(204);
      expect(records[0]).to.deep.include({ type: "SOA", serial: 7, name: "example" });
      expect(records.at(-1)).to.deep.include({ name: "h202.example" });
    });
  }

  for (const signEvery of [1, 7, 100])
    it(`is understood when it signs every ${signEvery}. message of an incremental transfer`, async () => {
      await using oracle = await serveOracle({ key, messages: 206, signEvery, signLast: true });
      const answer = await new DnsClient().transferIncremental(oracle.server, { zone: "example", serial: 7 }, key);
      if (answer.kind !== "incremental") throw new Error(`not incremental but ${answer.kind}`);
      const shape = answer.changes.map((each) => [
        ...[each.from.serial, each.deleted.length],
        ...[each.to.serial, each.added.length],
      ]);
      expect(shape).to.deep.equal([
        [7, 100, 8, 0],
        [8, 0, 9, 100],
      ]);
    });

  it("is refused when it signs too seldom, or not in the end", async () => {
    await using seldom = await serveOracle({ key, messages: 205, signEvery: 101, signLast: true });
    expect(await failureKind(new DnsClient().transfer(seldom.server, "example", key))).to.equal("unsigned");
    await using open = await serveOracle({ key, messages: 50, signEvery: 30, signLast: false });
    expect(await failureKind(new DnsClient().transfer(open.server, "example", key))).to.equal("unsigned");
  });
});
