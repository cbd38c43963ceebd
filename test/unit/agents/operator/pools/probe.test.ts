import { expect } from "chai";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createWeb, type RequestListener } from "node:http";
import { createServer as createSecureWeb } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { issue, makeAuthority } from "../../../../../harness/certificates";
import { probe } from "../../../../../src/agents/operator/pools/probe";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../../../src/dns/message";
import type { ResourceRecord } from "../../../../../src/dns/record";
import type { Check, Question } from "../../../../../src/pools/model";

const pace = { intervalMs: 1000, timeoutMs: 2000, rise: 2, fall: 2 };
const web: Question = { kind: "http", path: "/healthz" };
const never = new AbortController().signal;

async function listening<S extends Server>(server: S): Promise<{ server: S; port: number } & AsyncDisposable> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    [Symbol.asyncDispose]: async () => {
      if ("closeAllConnections" in server) (server as unknown as { closeAllConnections(): void }).closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function at(port: number, question: Question, more: Partial<Check> = {}): Check {
  return { address: "127.0.0.1", port, ...pace, ...question, ...more } as Check;
}

/** A port that nobody listens at. */
async function closedPort(): Promise<number> {
  await using target = await listening(createServer());
  return target.port;
}

describe("a probe", () => {
  describe("over TCP", () => {
    it("is good where a connection is made", async () => {
      await using target = await listening(createServer((socket) => socket.on("error", () => undefined)));
      expect(await probe(at(target.port, { kind: "tcp" }), never)).to.be.true;
    });

    it("is bad where it is refused", async () => {
      expect(await probe(at(await closedPort(), { kind: "tcp" }), never)).to.be.false;
    });

    it("leaves no connection behind", async () => {
      const server = createServer();
      const closed = new Promise((resolve) => {
        server.on("connection", (socket) => socket.on("error", () => undefined).on("close", resolve));
      });
      await using target = await listening(server);
      await probe(at(target.port, { kind: "tcp" }), never);
      await closed;
    });
  });

  describe("of a DNS server", () => {
    const asked: Question = { kind: "dns", name: "health.example", recordType: "A" };
    const address: ResourceRecord = { name: "health.example", class: "IN", ttl: 1, type: "A", address: "192.0.2.1" };

    /** A server that answers each question as is said, or not at all. */
    async function answering(answer: (query: Message) => Partial<Message> | undefined) {
      const socket = createSocket("udp4");
      socket.on("message", (octets, from) => {
        const query = decodeMessage(octets);
        const said = answer(query);
        if (said === undefined) return;
        const message = { ...query, flags: { ...query.flags, qr: true }, ...said };
        socket.send(encodeMessage(message), from.port, from.address);
      });
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      return {
        port: socket.address().port,
        [Symbol.asyncDispose]: () =>
          new Promise<void>((resolve) =>
            socket.close(() => {
              resolve();
            }),
          ),
      };
    }

    for (const [what, isGood, answer] of [
      ["has a record of the type", true, { answers: [address] }],
      [
        "has it behind an alias",
        true,
        {
          answers: [
            { name: "health.example", class: "IN", ttl: 1, type: "CNAME", target: "x" } as ResourceRecord,
            { ...address, name: "x" },
          ],
        },
      ],
      ["has none", false, { answers: [] }],
      ["is a failure", false, { rcode: 2, answers: [address] }],
      ["has more than fits", true, { flags: { ...noFlags, qr: true, tc: true } }],
    ] as const)
      it(`is ${isGood ? "good" : "bad"} where the answer ${what}`, async () => {
        await using server = await answering(() => answer);
        expect(await probe(at(server.port, asked), never)).to.equal(isGood);
      });

    it("asks once, with recursion wanted, for the name and the type", async () => {
      const queries: Message[] = [];
      await using server = await answering((query) => {
        queries.push(query);
        return { answers: [address] };
      });
      await probe(at(server.port, asked), never);
      expect(queries.map(({ questions, flags }) => [questions, flags.rd])).to.deep.equal([
        [[{ name: "health.example", type: "A", class: "IN" }], true],
      ]);
    });

    it("takes no answer to another question, and is bad where no other comes in time", async () => {
      await using server = await answering(({ id }) => ({ id: id ^ 1, answers: [address] }));
      expect(await probe(at(server.port, asked, { timeoutMs: 100 }), never)).to.be.false;
      await using silent = await answering(() => undefined);
      expect(await probe(at(silent.port, asked, { timeoutMs: 100 }), never)).to.be.false;
    });

    it("is bad at once where nobody listens, and ends with its signal", async () => {
      const server = await answering(() => undefined);
      await server[Symbol.asyncDispose]();
      expect(await probe(at(server.port, asked, { timeoutMs: 60_000 }), never)).to.be.false;
      await using silent = await answering(() => undefined);
      const ending = new AbortController();
      const probed = probe(at(silent.port, asked, { timeoutMs: 60_000 }), ending.signal);
      ending.abort();
      expect(await probed).to.be.false;
    });
  });

  describe("over HTTP", () => {
    const answering = (listener: RequestListener) => listening(createWeb(listener));
    const cases: readonly [status: number, wanted: number | undefined, isGood: boolean][] = [
      [200, undefined, true],
      [204, undefined, true],
      [302, undefined, true],
      [400, undefined, false],
      [503, undefined, false],
      [200, 204, false],
      [503, 503, true],
    ];
    for (const [status, wanted, isGood] of cases)
      it(`is ${isGood ? "good" : "bad"} for ${status} where ${wanted ?? "any of 200 to 399"} is wanted`, async () => {
        await using target = await answering((_, response) => response.writeHead(status, { location: "/x" }).end());
        const question: Question = wanted === undefined ? web : { ...web, status: wanted };
        expect(await probe(at(target.port, question), never)).to.equal(isGood);
      });

    it("asks once for the path of the host, and follows no redirect", async () => {
      const asked: string[] = [];
      await using target = await answering(({ method, url, headers }, response) => {
        asked.push(`${method ?? ""} ${headers.host ?? ""} ${url ?? ""}`);
        response.writeHead(301, { location: "/elsewhere" }).end();
      });
      await probe(at(target.port, { ...web, host: "shop.example" }), never);
      await probe(at(target.port, web), never);
      expect(asked).to.deep.equal(["GET shop.example /healthz", `GET 127.0.0.1:${target.port} /healthz`]);
    });

    it("is bad where no answer comes in time", async () => {
      await using target = await answering(() => undefined);
      expect(await probe(at(target.port, web, { timeoutMs: 100 }), never)).to.be.false;
    });

    it("does not wait for the end of an answer", async () => {
      await using target = await answering((_, response) => response.writeHead(200).write("for ever"));
      expect(await probe(at(target.port, web), never)).to.be.true;
    });

    it("is bad where something else than HTTP answers", async () => {
      await using target = await listening(
        createServer((socket) =>
          socket
            .on("error", () => undefined)
            .resume()
            .end("SSH-2.0\r\n"),
        ),
      );
      expect(await probe(at(target.port, web), never)).to.be.false;
    });

    for (const [what, isGood, said] of [
      ["comes in pieces", true, ["HTTP/1.1 2", "00 OK\r\nx: y\r", "\n\r\n"]],
      ["has no headers and no reason", true, ["HTTP/1.0 204\r\n\r\n"]],
      ["follows interim ones", true, ["HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"]],
      ["is bad behind an interim one", false, ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Away\r\n\r\n"]],
      ["is an interim one alone", false, ["HTTP/1.1 100 Continue\r\n\r\n"]],
      ["ends within its headers", false, ["HTTP/1.1 200 OK\r\nx: y\r\n"]],
      ["has headers without end", false, ["HTTP/1.1 200 OK\r\nx: ", "y".repeat(20_000)]],
      ["is of another version", false, ["HTTP/2 200 OK\r\n\r\n"]],
    ] as const)
      it(`is ${isGood ? "good" : "bad"} where the answer ${what}`, async () => {
        await using target = await listening(
          createServer((socket) => {
            socket.on("error", () => undefined).resume();
            void (async () => {
              for (const part of said) {
                socket.write(part);
                await new Promise(setImmediate);
              }
              socket.end();
            })();
          }),
        );
        expect(await probe(at(target.port, web), never)).to.equal(isGood);
      });

    it("is bad where nobody listens, and ends with its signal", async () => {
      expect(await probe(at(await closedPort(), web), never)).to.be.false;
      await using target = await answering(() => undefined);
      const ending = new AbortController();
      const probing = probe(at(target.port, web, { timeoutMs: 60_000 }), ending.signal);
      ending.abort();
      expect(await probing).to.be.false;
      expect(await probe(at(target.port, web), ending.signal)).to.be.false;
    });
  });

  it("over HTTPS takes any certificate, and names the host that it wants", async () => {
    const authority = makeAuthority();
    const { cert, key } = issue({ ca: authority, name: "other.example" });
    let wanted: unknown;
    const server = createSecureWeb({ cert, key }, ({ socket, headers }, response) => {
      wanted = ["servername" in socket && socket.servername, headers.host];
      response.end();
    });
    await using target = await listening(server);
    const question: Question = { kind: "https", path: "/", host: "shop.example" };
    expect(await probe(at(target.port, question), never)).to.be.true;
    expect(wanted).to.deep.equal(["shop.example", "shop.example"]);
    expect(await probe(at(target.port, { kind: "https", path: "/" }), never)).to.be.true;
    expect(await probe(at(target.port, { kind: "http", path: "/" }), never)).to.be.false;
  });
});
