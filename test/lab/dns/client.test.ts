import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import type { ResourceRecord } from "../../../src/dns/record";
import { signMessage, verifyMessage } from "../../../src/dns/tsig";
import { DnsClient } from "../../../src/dns/client/dns-client";
import type { TsigKey } from "../../../src/dns/tsig-key";
import { eventually } from "../../../harness/eventually";
import { freePort } from "../../../harness/free-port";
import { knotBinaries } from "../../../harness/knot";
import { failureOf } from "./failure";
import { startOwnServer } from "../../../harness/dns/own-server";

const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") };

const soa: ResourceRecord = {
  name: "example",
  class: "IN",
  ttl: 60,
  type: "SOA",
  mname: "ns.example",
  rname: "admin.example",
  serial: 7,
  refresh: 60,
  retry: 10,
  expire: 3600,
  minimum: 60,
};

const respond = (request: Buffer, change: Partial<Message> = {}): Message => {
  const { id, questions, flags } = decodeMessage(request);
  return {
    id,
    flags: { ...noFlags, opcode: flags.opcode, qr: true, aa: true },
    rcode: 0,
    questions,
    answers: [soa],
    authorities: [],
    additionals: [],
    ...change,
  };
};

const answer = (request: Buffer, change: Partial<Message> = {}) => encodeMessage(respond(request, change));

const seconds = () => Math.floor(Date.now() / 1000);

function signedAnswer(request: Buffer, change: Partial<Message> = {}, signer = key): Buffer {
  const { mac } = verifyMessage({ message: request, keys: [key], now: seconds() });
  return signMessage({ message: answer(request, change), key: signer, now: seconds(), requestMac: mac }).bytes;
}

describe("DNS client", () => {
  it("asks once more when a datagram is lost, from another port", async () => {
    let lost = 0;
    await using own = await startOwnServer({ udp: (request) => (lost++ === 0 ? [] : [answer(request)]) });
    const client = new DnsClient({ timeoutMs: 100 });
    expect((await client.querySoa(own.server, "example")).serial).to.equal(7);
    expect(client.counters).to.deep.equal({ udpQueries: 2, tcpQueries: 0, transfers: 0, notifies: 0 });
    expect(new Set(own.sources).size).to.equal(2);
  });

  it("gives up after the second silence", async () => {
    await using own = await startOwnServer({});
    const client = new DnsClient({ timeoutMs: 50 });
    expect(await failureOf(client.querySoa(own.server, "example"))).to.deep.equal({ kind: "timeout", afterMs: 50 });
    expect(client.counters.udpQueries).to.equal(2);
  });

  it("waits for the right answer when others come first (RFC 5452)", async () => {
    await using own = await startOwnServer({
      udp: (request) => [
        Buffer.from("no message"),
        answer(request, { id: decodeMessage(request).id ^ 1 }),
        answer(request, { questions: [{ name: "other", type: "SOA", class: "IN" }] }),
        request,
        answer(request),
      ],
    });
    const client = new DnsClient();
    expect((await client.querySoa(own.server, "example")).serial).to.equal(7);
    expect(client.counters.udpQueries).to.equal(1);
  });

  it("is not kept waiting by a server that keeps sending the wrong thing", async () => {
    await using own = await startOwnServer({ udp: () => Array<Buffer>(50).fill(Buffer.from("no message")) });
    expect((await failureOf(new DnsClient({ timeoutMs: 50 }).querySoa(own.server, "example")))?.kind).to.equal(
      "timeout",
    );
  });

  it("asks over TCP when the answer is truncated, and wants a whole one there", async () => {
    const truncated = { flags: { ...noFlags, qr: true, aa: true, tc: true }, answers: [] };
    await using own = await startOwnServer({
      udp: (request) => [signedAnswer(request, truncated)],
      tcp: (request) => ({ messages: [signedAnswer(request)] }),
    });
    const client = new DnsClient();
    expect((await client.querySoa(own.server, "example", key)).serial).to.equal(7);
    expect(client.counters).to.deep.include({ udpQueries: 1, tcpQueries: 1 });
    await eventually(2, () => {
      expect(own.connections()).to.equal(0);
    });
    await using never = await startOwnServer({
      udp: (request) => [answer(request, truncated)],
      tcp: (request) => ({ messages: [answer(request, truncated)] }),
    });
    expect(await failureOf(client.querySoa(never.server, "example"))).to.deep.equal({ kind: "truncated" });
  });

  it("asks over TCP when the answer is cut inside a record, or is a bare header (RFC 2181 section 9)", async () => {
    const tc = { flags: { ...noFlags, qr: true, aa: true, tc: true } };
    const cuts: readonly ((request: Buffer) => Buffer)[] = [
      (request) => answer(request, tc).subarray(0, -5),
      (request) => answer(request, { ...tc, questions: [], answers: [] }),
      (request) => answer(request, tc).subarray(0, 12),
    ];
    for (const cut of cuts) {
      await using own = await startOwnServer({
        udp: (request) => [cut(request)],
        tcp: (request) => ({ messages: [answer(request)] }),
      });
      const client = new DnsClient({ timeoutMs: 1000 });
      expect((await client.querySoa(own.server, "example")).serial).to.equal(7);
      expect(client.counters).to.deep.include({ udpQueries: 1, tcpQueries: 1 });
    }
  });

  it("does not take a cut answer to somebody else for one to us", async () => {
    const tc = { flags: { ...noFlags, qr: true, aa: true, tc: true } };
    await using own = await startOwnServer({
      udp: (request) => [
        answer(request, { ...tc, id: decodeMessage(request).id ^ 1 }).subarray(0, -5),
        answer(request, { ...tc, questions: [{ name: "other", type: "SOA", class: "IN" }] }),
        answer(request).subarray(0, -5),
        answer(request),
      ],
    });
    const client = new DnsClient();
    expect((await client.querySoa(own.server, "example")).serial).to.equal(7);
    expect(client.counters).to.deep.include({ udpQueries: 1, tcpQueries: 0 });
  });

  it("does not believe an unsigned answer to a signed question", async () => {
    await using own = await startOwnServer({ udp: (request) => [answer(request)] });
    expect(await failureOf(new DnsClient().querySoa(own.server, "example", key))).to.deep.equal({ kind: "unsigned" });
    expect(await failureOf(new DnsClient().notify(own.server, "example", 7, key))).to.deep.equal({ kind: "unsigned" });
  });

  it("does not take an answer for an authority's that is none", async () => {
    const flags = { ...noFlags, qr: true };
    await using own = await startOwnServer({ udp: (request) => [answer(request, { flags })] });
    expect(await failureOf(new DnsClient().querySoa(own.server, "example"))).to.deep.equal({
      kind: "notAuthoritative",
    });
  });

  it("names a server that isn't there", async () => {
    const server = { address: "127.0.0.1", port: await freePort() };
    const client = new DnsClient();
    const gone = { kind: "unreachable", code: "ECONNREFUSED" };
    expect(await failureOf(client.querySoa(server, "example"))).to.deep.equal(gone);
    expect(await failureOf(client.transfer(server, "example", key))).to.deep.equal(gone);
  });

  it("names a server that no datagram may go to", async () => {
    // The kernel refuses already to connect a socket to it, as it does to an address without a route.
    const server = { address: "255.255.255.255", port: 53 };
    const denied = { kind: "unreachable", code: "EACCES" };
    expect(await failureOf(new DnsClient().querySoa(server, "example"))).to.deep.equal(denied);
  });

  it("asks from the address that it is told to", async () => {
    await using own = await startOwnServer({
      udp: (request) => [answer(request)],
      tcp: (request) => ({ messages: [signedAnswer(request, { answers: [soa, soa] })] }),
    });
    const from = (localAddress: string) => ({ ...own.server, localAddress });
    expect((await new DnsClient().querySoa(from("127.0.0.9"), "example")).serial).to.equal(7);
    expect(await new DnsClient().transfer(from("127.0.0.9"), "example", key)).to.have.length(1);
    expect((await failureOf(new DnsClient().querySoa(from("192.0.2.1"), "example")))?.kind).to.equal("unreachable");
    expect((await failureOf(new DnsClient().transfer(from("192.0.2.1"), "example", key)))?.kind).to.equal(
      "unreachable",
    );
  });

  it("ends what is under way when it is aborted, and starts nothing afterwards", async () => {
    await using own = await startOwnServer({});
    const stop = new AbortController();
    const client = new DnsClient({ signal: stop.signal });
    const running = [
      failureOf(client.querySoa(own.server, "example")),
      failureOf(client.transfer(own.server, "example", key)),
    ];
    await eventually(2, () => {
      expect([own.sources.length, own.connections()]).to.deep.equal([1, 1]);
    });
    stop.abort();
    expect(await Promise.all(running)).to.deep.equal([{ kind: "aborted" }, { kind: "aborted" }]);
    expect(await failureOf(client.querySoa(own.server, "example"))).to.deep.equal({ kind: "aborted" });
    await eventually(2, () => {
      expect(own.connections()).to.equal(0);
    });
    expect(own.sources).to.have.length(1);
  });

  it("refuses a transfer that ends early, stalls, or takes too long, and closes the connection", async () => {
    const half = (request: Buffer) => [signedAnswer(request)];
    await using early = await startOwnServer({ tcp: (request) => ({ messages: half(request), end: true }) });
    expect((await failureOf(new DnsClient().transfer(early.server, "example", key)))?.kind).to.equal("incomplete");
    await using stalls = await startOwnServer({ tcp: (request) => ({ messages: half(request) }) });
    const idle = new DnsClient({ timeoutMs: 80 });
    const late = { kind: "timeout", afterMs: 80 };
    expect(await failureOf(idle.transfer(stalls.server, "example", key))).to.deep.equal(late);
    const slow = new DnsClient({ transferMs: 80 });
    expect(await failureOf(slow.transfer(stalls.server, "example", key))).to.deep.equal(late);
    const hasty = new DnsClient({ timeoutMs: 5000, transferSilenceMs: 80 });
    expect(await failureOf(hasty.transfer(stalls.server, "example", key))).to.deep.equal(late);
    const patient = new DnsClient({ timeoutMs: 40, transferSilenceMs: 5000, transferMs: 80 });
    expect(await failureOf(patient.transfer(stalls.server, "example", key))).to.deep.equal(late);
    await eventually(2, () => {
      expect(stalls.connections()).to.equal(0);
    });
  });

  it("refuses a transfer beyond its limits, or of another zone", async () => {
    await using own = await startOwnServer({
      tcp: (request) => ({ messages: [signedAnswer(request, { answers: [soa, soa] })] }),
    });
    const limited = new DnsClient({ limits: { octets: 100 } });
    expect(await failureOf(limited.transfer(own.server, "example", key))).to.deep.equal({
      kind: "tooLarge",
      limit: "octets",
    });
    expect((await failureOf(new DnsClient().transfer(own.server, "other", key)))?.kind).to.equal("outOfOrder");
  });

  it("names zone and server in its errors, and no secret", async () => {
    await using own = await startOwnServer({ udp: (request) => [answer(request)] });
    try {
      await new DnsClient().querySoa(own.server, "example", key);
      expect.fail("an unsigned answer was believed");
    } catch (error) {
      expect(String(error)).to.contain('"example"').and.to.contain("127.0.0.1").and.not.to.contain(key.secret);
    }
  });
});

describe("kdig and our signatures", () => {
  const complaint = /;; (?:WARNING|ERROR): .*/;

  async function digAt(signer: TsigKey): Promise<string> {
    await using own = await startOwnServer({ udp: (request) => [signedAnswer(request, {}, signer)] });
    const folder = await mkdtemp(join(tmpdir(), "mesh-kdig-"));
    try {
      const keyFile = join(folder, "key");
      await writeFile(keyFile, `${key.algorithm}:${key.name}:${key.secret}\n`, { mode: 0o600 });
      const target = [`@${own.server.address}`, "-p", String(own.server.port)];
      const args = ["-k", keyFile, ...target, "example", "SOA", "+time=2", "+retry=0"];
      const { stdout, stderr } = await promisify(execFile)(knotBinaries().kdig, args).catch(outputOf);
      return stdout + stderr;
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  it("accept each other: its query verifies here, our response there", async () => {
    const output = await digAt(key);
    expect(output).to.contain("status: NOERROR").and.to.contain("ns.example. admin.example. 7 60 10 3600 60");
    expect(output).not.to.match(complaint);
  });

  it("differ when we sign with another secret, so that the acceptance means something", async () => {
    const output = await digAt({ ...key, secret: Buffer.alloc(32, 2).toString("base64") });
    expect(complaint.exec(output)?.[0]).to.match(/verif|signature/i);
  });
});

/** What a program printed that ended with an error. */
function outputOf(error: unknown): { stdout: string; stderr: string } {
  if (error instanceof Error && "stdout" in error && "stderr" in error)
    return { stdout: String(error.stdout), stderr: String(error.stderr) };
  throw error;
}
