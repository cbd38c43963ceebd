import { expect } from "chai";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

import { eventually } from "../../../../harness/eventually";
import { KnotPresence } from "../../../../src/agents/sidecar/knot-presence";

describe("the watch on whether Knot is there", () => {
  const connections = new Set<Socket>();
  let taken: number;
  let servers: Server[];
  let ended: number;
  let over: AbortController;
  let running: Promise<void> | undefined;

  beforeEach(() => {
    [taken, ended, servers, over, running] = [0, 0, [], new AbortController(), undefined];
  });
  afterEach(async () => {
    over.abort();
    await running;
    for (const server of servers) end(server);
  });

  async function serve(port = 0): Promise<Server> {
    const server = createServer((socket) => {
      taken += 1;
      connections.add(socket);
      socket.on("error", () => undefined);
    });
    servers.push(server);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  }

  function dropAll(): void {
    for (const socket of connections) socket.destroy();
    connections.clear();
  }

  function end(server: Server): void {
    server.close();
    dropAll();
  }

  function watch(port: number): KnotPresence {
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
    const knot = { address: "127.0.0.1", port };
    const presence = new KnotPresence({ knot, ended: () => (ended += 1), pause });
    running = presence.run(over.signal);
    return presence;
  }

  it("counts each end once, and none before Knot was there", async () => {
    const first = await serve();
    const { port } = first.address() as AddressInfo;
    end(first);
    await once(first, "close");
    const presence = watch(port);
    const second = await serve(port);
    for (const [times, server] of [
      [1, second],
      [2, undefined],
    ] as const) {
      const knot = server ?? (await serve(port));
      const before = times - 1;
      await eventually(5, () => {
        expect(connections.size).to.equal(1);
      });
      expect(presence.ends).to.equal(before);
      end(knot);
      await eventually(5, () => {
        expect([presence.ends, ended]).to.deep.equal([times, times]);
      });
    }
  });

  it("takes no connection that Knot ends for the end of Knot", async () => {
    const server = await serve();
    const presence = watch((server.address() as AddressInfo).port);
    for (const count of [1, 2, 3]) {
      await eventually(5, () => {
        expect(taken).to.equal(count);
      });
      dropAll();
    }
    await eventually(5, () => {
      expect(taken).to.equal(4);
    });
    expect([presence.ends, ended]).to.deep.equal([0, 0]);
  });
});
