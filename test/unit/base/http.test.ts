import { expect } from "chai";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

import { streamHttp } from "../../../src/base/http-exchange";
import { HttpServer } from "../../../src/base/http-server";
import { eventually } from "../../../harness/eventually";

describe("HTTP server of a program", () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  const open = (port: number) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    socket.resume();
    sockets.push(socket);
    return socket;
  };
  const closed = (all: readonly Socket[]) => all.filter((socket) => socket.closed).length;

  const start = async (limits: ConstructorParameters<typeof HttpServer>[1] = {}) => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    const server = new HttpServer(
      {
        "GET /live": () => ({ status: 200, body: "live\n" }),
        "GET /loop": () => ({ status: 200, body: loop }),
        "GET /throws": () => {
          throw new Error("it went wrong");
        },
      },
      limits,
    );
    const port = await server.listen("127.0.0.1", 0);
    return {
      port,
      get: (path: string) => fetch(`http://127.0.0.1:${port}${path}`),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };

  it("answers 500 for what cannot be made or written, and goes on", async () => {
    await using server = await start();
    expect([(await server.get("/loop")).status, (await server.get("/throws")).status]).to.deep.equal([500, 500]);
    expect(await (await server.get("/live")).text()).to.equal("live\n");
  });

  it("closes connections on which no request comes", async () => {
    await using server = await start({ headersMs: 50 });
    const idle = Array.from({ length: 3 }, () => open(server.port));
    const half = open(server.port);
    half.write("GET /live HTTP/1.1\r\nHost: x\r\n");
    await eventually(8, () => {
      expect(closed([...idle, half])).to.equal(4);
    });
    expect((await server.get("/live")).status).to.equal(200);
  });

  it("lets no address take more than its share of the connections", async () => {
    await using server = await start({ perAddress: 3 });
    const many = Array.from({ length: 10 }, () => open(server.port));
    await eventually(8, () => {
      expect(closed(many)).to.equal(7);
    });
    for (const socket of many) socket.destroy();
    await eventually(8, async () => {
      expect((await server.get("/live")).status).to.equal(200);
    });
  });
});

describe("a stream over HTTP", () => {
  const serve = async () => {
    const state = { requests: 0, closed: 0 };
    const server = createServer((request, response) => {
      state.requests += 1;
      request.socket.on("close", () => (state.closed += 1));
      response.writeHead(200);
      response.write("one\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return Object.assign(state, {
      url: `http://127.0.0.1:${port}/`,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
  };
  const stream = (url: string, signal: AbortSignal, onLine: (line: string) => void = () => undefined) =>
    streamHttp({ method: "GET", url, timeoutMs: 60_000, onLine, signal }).then(
      () => "ended",
      () => "failed",
    );

  it("does not begin when its signal was given before", async () => {
    await using server = await serve();
    expect(await stream(server.url, AbortSignal.abort())).to.equal("failed");
    expect(server.requests).to.equal(0);
  });

  it("ends when its signal is given", async () => {
    await using server = await serve();
    const stop = new AbortController();
    const end = stream(server.url, stop.signal, () => {
      stop.abort();
    });
    expect(await end).to.equal("failed");
    await eventually(8, () => {
      expect(server.closed).to.equal(1);
    });
  });
});
