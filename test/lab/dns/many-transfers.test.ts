import { expect } from "chai";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { issue, makeAuthority } from "../../../harness/certificates";
import { freePort } from "../../../harness/free-port";
import { type KnotServer, startKnot } from "../../../harness/knot";
import type { DnsServer } from "../../../src/dns/client/dns-client";
import { type RawTransfer, TransferConnection } from "../../../src/dns/client/transfer-connection";
import { DnsError } from "../../../src/dns/errors";
import { randomKey } from "../../../src/keyring/fresh-key";

const zones = Array.from({ length: 40 }, (_, i) => `zone-${i}.example`);
const zoneText = (zone: string): string =>
  `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns h 1 3600 60 86400 60\n@ NS ns\nns A 192.0.2.1\n`;
const large = "large.example";
const hosts = Array.from({ length: 5000 }, (_, i) => `host-${i} A 192.0.2.1\n`);
const largeText = `${zoneText(large)}${hosts.join("")}`;
const serverName = "site-a.dns.internal";
const ca = makeAuthority();
const key = randomKey("reader");

/** Shorter than Knot keeps a connection that is idle, after which it would read what it left. */
const timeoutMs = 5000;

describe("many transfers on one connection", function () {
  this.timeout(60_000);
  let knot: KnotServer;
  let secure: number;

  before(async () => {
    secure = await freePort();
    const { cert, key: privateKey } = issue({ ca, name: serverName });
    knot = await startKnot({
      zones: { ...Object.fromEntries(zones.map((zone) => [zone, zoneText(zone)])), [large]: largeText },
      keys: [key],
      files: { "server.crt": cert, "server.key": privateKey },
      extraConfig: ({ storage, address }) => `
server:
  listen-tls: ${address}@${secure}
  cert-file: ${join(storage, "server.crt")}
  key-file: ${join(storage, "server.key")}
`,
    });
  });
  after(() => knot[Symbol.asyncDispose]());

  for (const transport of ["TCP", "TLS"] as const)
    it(`are all answered by Knot over ${transport} that are asked for at once, each by its own zone`, async () => {
      const server =
        transport === "TCP" ? knot.server : { address: knot.address, port: secure, tls: { ca: ca.cert, serverName } };
      using connection = new TransferConnection({ server, key, timeoutMs });
      const copies = await Promise.all(zones.map((zone) => connection.transfer(zone)));
      for (const [i, copy] of copies.entries()) {
        const names = copy === "same" ? [] : copy.records.map(({ name }) => name);
        expect(names)
          .to.include(zones[i])
          .and.include(`ns.${zones[i] ?? ""}`);
      }
      const again = await Promise.all(
        zones.map((zone, i) => {
          const like = copies[i];
          return connection.transfer(zone, like === "same" ? undefined : like);
        }),
      );
      expect(new Set(again)).to.deep.equal(new Set(["same"]));
    });

  it("are taken that came in time, however late this process reads them", async () => {
    const tls = { ca: ca.cert, serverName };
    using connection = new TransferConnection({
      server: { address: knot.address, port: secure, tls },
      ...{ key, timeoutMs: 300 },
    });
    await connection.transfer(zones[0] ?? "");
    const [copy] = await Promise.all([
      connection.transfer(zones[1] ?? ""),
      // Nothing of this process goes on, its clocks least of all, once the request is on its way.
      new Promise<void>((resolve) => {
        setImmediate(() => {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
          resolve();
        });
      }),
    ]);
    expect(copy).not.to.equal("same");
  });

  describe("that are compared with another one", () => {
    const [zone = ""] = zones;
    const signed = issue({ ca, name: serverName });

    /** Stands before Knot, notes what is asked, and hands on what it answers. */
    async function relay(
      kind: "TCP" | "TLS",
      change: (answer: Buffer, client: Socket) => Buffer = (answer) => answer,
    ): Promise<{ readonly server: DnsServer; readonly asked: Buffer[] } & Disposable> {
      const asked: Buffer[] = [];
      const hand = (client: Socket): void => {
        const onward = connect({ host: knot.address, port: knot.port });
        client.on("data", (piece: Buffer) => {
          asked.push(piece);
          onward.write(piece);
        });
        onward.on("data", (piece: Buffer) => client.write(change(piece, client)));
        for (const [one, other] of [
          [client, onward],
          [onward, client],
        ] as const)
          one.on("error", () => undefined).on("close", () => other.destroy());
      };
      const identity = { cert: signed.cert, key: signed.key, ALPNProtocols: ["dot"] };
      const listener = kind === "TCP" ? createServer(hand) : createTlsServer(identity, hand);
      listener.listen(0, "127.0.0.1");
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      return {
        server: { address: "127.0.0.1", port, ...(kind === "TLS" && { tls: { ca: ca.cert, serverName } }) },
        asked,
        [Symbol.dispose]: () => listener.close(),
      };
    }

    it("come whole however their octets are cut, small and large", async () => {
      const likes = await Promise.all([zone, large].map((of) => reference(of)));
      for (const kind of ["TLS", "TCP"] as const) {
        // All but the last octet of each piece at once, and that one with the next turn.
        using stand = await relay(kind, (answer, client) => {
          for (let at = 0; at < answer.length - 1; at += 501)
            client.write(answer.subarray(at, Math.min(at + 501, answer.length - 1)));
          return answer.subarray(answer.length - 1);
        });
        using connection = new TransferConnection({ server: stand.server, key, timeoutMs });
        const [small, whole] = await Promise.all([zone, large].map((of) => connection.transfer(of)));
        const count = (copy: RawTransfer | "same" | undefined) => (copy === "same" ? 0 : copy?.records.length);
        expect([count(small), count(whole)], kind).to.deep.equal(likes.map(({ records }) => records.length));
        const again = await Promise.all([zone, large].map((of, i) => connection.transfer(of, likes[i])));
        expect(again, kind).to.deep.equal(["same", "same"]);
      }
    });

    it("go on over another connection once the server has ended this one", async () => {
      const like = await reference();
      for (const kind of ["TLS", "TCP"] as const) {
        const ended: Promise<unknown>[] = [];
        using stand = await relay(kind, (answer, client) => {
          ended.push(once(client, "close"));
          setImmediate(() => client.end());
          return answer;
        });
        using connection = new TransferConnection({ server: stand.server, key, timeoutMs });
        for (let i = 0; i < 3; i++) {
          expect(await connection.transfer(zone, like), `${kind} ${i}`).to.equal("same");
          await Promise.all(ended);
        }
        expect(ended, kind).to.have.length(3);
      }
    });

    async function transfer(server: DnsServer, like?: RawTransfer, of = zone): Promise<RawTransfer | "same"> {
      using connection = new TransferConnection({ server, key, timeoutMs });
      return await connection.transfer(of, like);
    }
    async function reference(of = zone): Promise<RawTransfer> {
      const copy = await transfer(knot.server, undefined, of);
      if (copy === "same") throw new Error("there was nothing that it could be like");
      return copy;
    }

    it("are asked for by one request where TLS tells servers apart, and by one each where nothing does", async () => {
      for (const [kind, requests] of [
        ["TLS", 1],
        ["TCP", 3],
      ] as const) {
        const like = await reference();
        using stand = await relay(kind);
        for (let i = 0; i < 3; i++) expect(await transfer(stand.server, like)).to.equal("same");
        expect(new Set(stand.asked.map((piece) => piece.toString("hex"))).size, kind).to.equal(requests);
      }
    });

    it("are kept in memory only where they are small", async () => {
      for (const [of, kept] of [
        [zone, 1],
        [large, 0],
      ] as const) {
        const like = await reference(of);
        using stand = await relay("TLS");
        expect(await transfer(stand.server, like, of)).to.equal("same");
        expect(like.requests.get(key)?.answers, of).to.have.length(kept);
      }
    });

    it("are none where an octet of the records or of the signature is another one", async () => {
      const like = await reference();
      using honest = await relay("TLS");
      for (let i = 0; i < 2; i++) expect(await transfer(honest.server, like)).to.equal("same");
      for (const place of [60, -20]) {
        using dishonest = await relay("TLS", (answer) => {
          const other = Buffer.from(answer);
          const at = place < 0 ? other.length + place : place;
          other.writeUInt8((other[at] ?? 0) ^ 1, at);
          return other;
        });
        const outcome = await transfer(dishonest.server, like).catch((error: unknown) => error);
        expect(outcome, String(place)).to.be.instanceOf(DnsError);
      }
    });
  });
});
