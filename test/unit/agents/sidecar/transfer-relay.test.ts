import { expect } from "chai";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { TransferRelay } from "../../../../src/agents/sidecar/transfer-relay";
import { eventually } from "../../../../harness/eventually";
import { freePort } from "../../../../harness/free-port";

describe("connections of Knot's to other servers", () => {
  let folder: string;
  let relay: TransferRelay;
  let now: number;
  let warned: string[];
  const servers: Server[] = [];
  /** Of each connection that a server took, its port. */
  const taken: (number | undefined)[] = [];
  const connectionsTo = (port: number): number => taken.filter((each) => each === port).length;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "relay-"));
    [now, warned] = [1_000_000, []];
    taken.length = 0;
    const warn = (text: string) => warned.push(text);
    relay = new TransferRelay({ now: () => now, log: { warn, info: warn, error: warn, debug: warn } as never });
  });
  afterEach(async () => {
    await relay[Symbol.asyncDispose]();
    for (const server of servers.splice(0)) server.close();
    await rm(folder, { recursive: true });
  });

  const socketOf = (name: string) => join(folder, "to", name);

  /** A server that says its name, and then what it was told; it ends when it was told the end. */
  async function echo(name: string, address = "127.0.0.1", port = 0): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      taken.push(socket.localPort);
      socket.on("error", () => undefined);
      socket.write(`${name}:`);
      socket.pipe(socket);
    });
    servers.push(server);
    server.listen(port, address);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  /** What is read until the other end ends, or that it broke off. */
  async function read(socket: Socket): Promise<string> {
    let text = "";
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    const broken = new Promise<string>((resolve) => {
      socket.once("error", () => {
        resolve(`${text}broken`);
      });
    });
    const ended = new Promise<string>((resolve) => {
      socket.once("close", () => {
        resolve(text);
      });
    });
    return Promise.race([broken, ended]);
  }

  async function say(name: string, text: string): Promise<string> {
    const socket = connect({ path: socketOf(name), allowHalfOpen: true });
    const answer = read(socket);
    socket.end(text);
    return answer;
  }

  it("are handed on, octet for octet, until either end ends them", async () => {
    const port = await echo("a");
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port }]);
    expect(await say("peer-a", "question")).to.equal("a:question");
    const long = "x".repeat(3_000_000);
    expect(await say("peer-a", long)).to.equal(`a:${long}`);
    expect(relay.behind(socketOf("peer-a"))).to.equal(`127.0.0.1@${port}`);
    expect(relay.behind(socketOf("peer-b"))).to.equal(undefined);
  });

  it("go to the next address when one takes none", async () => {
    const port = await echo("a", "127.0.0.2");
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1", "127.0.0.2"], port }]);
    expect(await say("peer-a", "question")).to.equal("a:question");
    expect(relay.behind(socketOf("peer-a"))).to.equal(`127.0.0.2@${port}`);
  });

  it("stay with the address that took the last one, for as long as it does", async () => {
    const port = await echo("a", "127.0.0.2");
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1", "127.0.0.2"], port }]);
    expect(await say("peer-a", "1")).to.equal("a:1");
    await echo("b", "127.0.0.1", port);
    expect(await say("peer-a", "2")).to.equal("a:2");
    servers[0]?.close();
    expect(await say("peer-a", "3")).to.equal("b:3");
  });

  it("are sent away for half a minute after none took them, so that Knot waits for a server that is away only once", async () => {
    const port = await freePort();
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port }]);
    expect(await say("peer-a", "").then((text) => text.replace("broken", ""))).to.equal("");
    await echo("a", "127.0.0.1", port);
    now += 29_000;
    expect(await say("peer-a", "").then((text) => text.replace("broken", ""))).to.equal("");
    now += 2000;
    expect(await say("peer-a", "question")).to.equal("a:question");
  });

  describe("whose servers are away", () => {
    const target = (port: number, addresses = ["127.0.0.1"]) => ({ socket: socketOf("peer-a"), addresses, port });
    /** Has Knot try, until the relay has looked again. */
    const fail = async () => {
      expect((await say("peer-a", "")).replace("broken", "")).to.equal("");
    };

    const at = (port: number, address = "127.0.0.1") => `${address}@${port}`;
    const end = () => new Promise((resolve) => servers.at(-1)?.close(resolve));

    it("say so when an address has failed for half a minute, and no sooner", async () => {
      const port = await echo("a");
      await relay.aim([target(port)]);
      expect(await say("peer-a", "1")).to.equal("a:1");
      await end();
      await fail();
      now += 29_000;
      await fail();
      const before = [at(port)];
      expect(relay.reached(before)).to.equal(before);
      now += 2000;
      expect(relay.reached(before), "time alone tells nothing").to.equal(before);
      await fail();
      expect(relay.reached(before)).to.deep.equal([]);
    });

    it("are not there for Knot before they were reached, as a site that is yet to come", async () => {
      const port = await freePort();
      await relay.aim([target(port)]);
      expect(relay.reached([])).to.deep.equal([]);
      await fail();
      expect(relay.reached([])).to.deep.equal([]);
      await echo("a", "127.0.0.1", port);
      now += 31_000;
      expect(relay.reached([]), "time alone tells nothing").to.deep.equal([]);
      expect(await say("peer-a", "1")).to.equal("a:1");
      expect(relay.reached([])).to.deep.equal([at(port)]);
    });

    it("are looked at once where nobody knows of them, whether or not Knot wants them", async () => {
      const port = await echo("a");
      const other = await freePort();
      await relay.aim([target(port), { ...target(other), socket: socketOf("peer-b") }]);
      await eventually(5, () => {
        expect(relay.reached([])).to.deep.equal([at(port)]);
      });
      expect(connectionsTo(port)).to.equal(1);
    });

    it("are looked at once more in half a minute, when they took no connection at first", async () => {
      const port = await freePort();
      await relay.aim([target(port)]);
      expect(relay.reached([])).to.deep.equal([]);
      await fail();
      await echo("a", "127.0.0.1", port);
      now += 29_000;
      expect(relay.reached([])).to.deep.equal([]);
      now += 2000;
      await eventually(5, () => {
        expect(relay.reached([])).to.deep.equal([at(port)]);
      });
      expect(connectionsTo(port)).to.equal(1);
    });

    it("are not looked at where a predecessor knew of them, until they have another address", async () => {
      const [port, next] = [await echo("a"), await echo("b")];
      await relay.aim([target(port)]);
      expect(relay.reached([at(port)])).to.deep.equal([at(port)]);
      await relay.aim([target(next)]);
      expect(relay.reached([at(port)])).to.deep.equal([]);
      now += 31_000;
      await eventually(5, () => {
        expect(relay.reached([])).to.deep.equal([at(next)]);
      });
      expect([connectionsTo(port), connectionsTo(next)]).to.deep.equal([0, 1]);
    });

    it("say nothing of a failure between two successes", async () => {
      const port = await echo("a");
      await relay.aim([target(port)]);
      expect(await say("peer-a", "1")).to.equal("a:1");
      const before = relay.reached([]);
      expect(before).to.deep.equal([at(port)]);
      await end();
      await fail();
      now += 31_000;
      await echo("b", "127.0.0.1", port);
      expect(await say("peer-a", "2")).to.equal("b:2");
      expect(relay.reached(before)).to.equal(before);
    });

    it("tell each address by itself, and change nothing more than once in half a minute", async () => {
      const port = await echo("a", "127.0.0.2");
      const addresses = ["127.0.0.1", "127.0.0.2"];
      await relay.aim([target(port, addresses)]);
      expect(await say("peer-a", "1")).to.equal("a:1");
      const first = relay.reached([]);
      expect(first).to.deep.equal([at(port, "127.0.0.2")]);
      await echo("b", "127.0.0.1", port);
      await relay.aim([target(port, ["127.0.0.1"])]);
      expect(await say("peer-a", "2")).to.equal("b:2");
      await relay.aim([target(port, addresses)]);
      now += 29_000;
      expect(relay.reached(first)).to.equal(first);
      now += 2000;
      expect(relay.reached(first)).to.deep.equal([at(port), at(port, "127.0.0.2")]);
    });

    it("leave what a predecessor said until they know better, but for servers that are gone", async () => {
      const port = await freePort();
      const before = [at(port), "192.0.2.7@853"];
      expect(relay.reached(before), "nothing is known yet").to.equal(before);
      await relay.aim([target(port)]);
      const next = relay.reached(before);
      expect(next).to.deep.equal([at(port)]);
      now += 31_000;
      await fail();
      expect(relay.reached(next), "one failure").to.equal(next);
      now += 31_000;
      await fail();
      expect(relay.reached(next)).to.deep.equal([]);
    });

    it("are there for Knot, reached or not, where the relay has no socket for them", async () => {
      const blocked = { ...target(53), socket: socketOf("x".repeat(200)) };
      await relay.aim([target(await freePort()), blocked]);
      expect(relay.reached([])).to.deep.equal([at(53)]);
    });

    it("look for them when Knot wants them, so that the first attempt after a return is the last that fails", async () => {
      const port = await freePort();
      await relay.aim([target(port)]);
      await fail();
      await echo("a", "127.0.0.1", port);
      now += 1000;
      await fail();
      await eventually(5, async () => {
        expect(await say("peer-a", "question")).to.equal("a:question");
      });
    });
  });

  it("follow a server to its new address at once, and go nowhere when it is gone", async () => {
    const ports = [await echo("a"), await echo("b"), await freePort()];
    const to = (port = 0) => relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port }]);
    await to(ports[2]);
    expect(await say("peer-a", "").then((text) => text.replace("broken", ""))).to.equal("");
    await to(ports[0]);
    expect(await say("peer-a", "1")).to.equal("a:1");
    await to(ports[1]);
    expect(await say("peer-a", "2")).to.equal("b:2");
    await relay.aim([]);
    await eventually(5, async () => {
      expect(await readdir(join(folder, "to"))).to.deep.equal([]);
    });
    expect(await say("peer-a", "3")).to.equal("broken");
  });

  it("take the place of a predecessor's, whose sockets still lie there", async () => {
    const port = await echo("a");
    const target = { socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port };
    await using former = new TransferRelay({ now: () => now, log: {} as never });
    await former.aim([target]);
    await relay.aim([target]);
    expect(await say("peer-a", "question")).to.equal("a:question");
    expect(warned).to.deep.equal([]);
  });

  it("end with the relay, and a socket that cannot be made is said and left out", async () => {
    const port = await echo("a");
    const at = { addresses: ["127.0.0.1"], port };
    await relay.aim([
      { socket: socketOf("x".repeat(200)), ...at },
      { socket: socketOf("peer-a"), ...at },
    ]);
    expect(warned).to.deep.equal(["transfers go without a relay"]);
    const socket = connect({ path: socketOf("peer-a") });
    const answer = read(socket);
    await once(socket, "data");
    await relay[Symbol.asyncDispose]();
    expect(await answer).to.match(/^a:/);
  });
});
