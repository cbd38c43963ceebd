import { expect } from "chai";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

import { freePort } from "../../../../harness/free-port";
import { SilentServer } from "../../../../harness/silent-server";
import { answering } from "../../../../src/agents/sidecar/first-look";

describe("the look at other servers before Knot starts", () => {
  const host = "127.0.0.1";
  const patience = { connectMs: 1000, answerMs: 100 };
  let servers: Server[];
  let silent: SilentServer | undefined;

  beforeEach(() => {
    servers = [];
    silent = undefined;
  });
  afterEach(async () => {
    for (const server of servers) server.close();
    await silent?.[Symbol.asyncDispose]();
  });

  async function speaking(): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("anything");
    });
    servers.push(server);
    server.listen(0, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  async function saysNothing(): Promise<number> {
    const port = await freePort();
    silent = await SilentServer.start(host, [port]);
    return port;
  }

  const look = (ports: readonly number[], known: readonly number[] = ports) => {
    const targets = ports.map((port) => ({ socket: `/to/${port}`, addresses: [host], port, speaks: "dns" as const }));
    return answering(
      targets,
      known.map((port) => `${host}@${port}`),
      patience,
    );
  };

  it("leaves those that answer, of those that Knot had", async () => {
    const [one, other] = [await speaking(), await speaking()];
    const ports = [one, await saysNothing(), await freePort(), other];
    expect(await look(ports)).to.deep.equal([`${host}@${one}`, `${host}@${other}`]);
    expect(await look(ports, [one])).to.deep.equal([`${host}@${one}`]);
  });

  it("takes out one that takes connections and says nothing, also where there is no other", async () => {
    expect(await look([await saysNothing()])).to.deep.equal([]);
  });

  it("changes nothing where no server can be reached, and looks at none that Knot had not", async () => {
    const ports = [await freePort(), await freePort()];
    expect(await look(ports)).to.deep.equal(ports.map((port) => `${host}@${port}`));
    const port = await saysNothing();
    expect(await look([port], [])).to.deep.equal([]);
    expect(silent?.taken).to.equal(0);
  });
});
