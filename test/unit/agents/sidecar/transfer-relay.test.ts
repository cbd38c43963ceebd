import { expect } from "chai";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { takeNotice } from "../../../../src/agents/sidecar/notify/notice";
import { TransferRelay } from "../../../../src/agents/sidecar/transfer-relay";
import { FrameReader, frameMessage } from "../../../../src/dns/framing";
import { decodeMessage, encodeMessage, type Message } from "../../../../src/dns/message";
import { notifyMessage, queryMessage } from "../../../../src/dns/request";
import { signMessage, verifyMessage } from "../../../../src/dns/tsig";
import { opcodes } from "../../../../src/dns/types";
import { randomKey } from "../../../../src/keyring/fresh-key";
import type { RelayTarget } from "../../../../src/knot/config/remotes";
import { eventually } from "../../../../harness/eventually";
import { freePort } from "../../../../harness/free-port";

describe("connections of Knot's to other servers", function () {
  this.timeout(30_000);
  let folder: string;
  let relay: TransferRelay;
  let now: number;
  let warned: string[];
  const servers: Server[] = [];
  /** How long a server may say nothing. */
  const answerMs = 100;
  /** Of each connection that a server took, its port. */
  const taken: (number | undefined)[] = [];
  const connectionsTo = (port: number): number => taken.filter((each) => each === port).length;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "relay-"));
    [now, warned] = [1_000_000, []];
    taken.length = 0;
    const warn = (text: string) => warned.push(text);
    const log = { warn, info: warn, error: warn, debug: warn } as never;
    relay = new TransferRelay({ now: () => now, log, patience: { connectMs: 3000, answerMs } });
  });
  afterEach(async () => {
    await relay[Symbol.asyncDispose]();
    for (const server of servers.splice(0)) server.close();
    await rm(folder, { recursive: true });
  });

  const socketOf = (name: string) => join(folder, "to", name);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, "still waits"));
  /** Where a server is slower than this, or not, on a machine that is busy. */
  const patientMs = 500;
  const relayOf = (ms: number) =>
    new TransferRelay({ now: () => now, log: {} as never, patience: { connectMs: 3000, answerMs: ms } });

  /** A server that does something when it is spoken to. */
  async function serve(heard: (socket: Socket, count: number) => void): Promise<number> {
    let count = 0;
    const server = createServer((socket) => {
      const mine = (count += 1);
      taken.push(socket.localPort);
      socket.on("error", () => undefined);
      socket.once("data", () => {
        heard(socket, mine);
      });
    });
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

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

  /** A server that takes connections and says nothing, as a load balancer without anything behind it, until it is told to. */
  async function silent(
    address = "127.0.0.1",
    port = 0,
  ): Promise<{ readonly port: number; readonly speak: () => void; readonly hush: () => void }> {
    let speaks = false;
    const server = createServer((socket) => {
      taken.push(socket.localPort);
      socket.on("error", () => undefined);
      socket.on("data", () => {
        if (speaks) socket.write("a:");
      });
    });
    servers.push(server);
    server.listen(port, address);
    await once(server, "listening");
    const set = (to: boolean) => () => void (speaks = to);
    return { port: (server.address() as AddressInfo).port, speak: set(true), hush: set(false) };
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
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port, speaks: "dns" }]);
    expect(await say("peer-a", "question")).to.equal("a:question");
    const long = "x".repeat(3_000_000);
    expect(await say("peer-a", long)).to.equal(`a:${long}`);
    expect(relay.behind(socketOf("peer-a"))).to.equal(`127.0.0.1@${port}`);
    expect(relay.behind(socketOf("peer-b"))).to.equal(undefined);
  });

  it("go to the next address when one takes none", async () => {
    const port = await echo("a", "127.0.0.2");
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1", "127.0.0.2"], port, speaks: "dns" }]);
    expect(await say("peer-a", "question")).to.equal("a:question");
    expect(relay.behind(socketOf("peer-a"))).to.equal(`127.0.0.2@${port}`);
  });

  it("stay with the address that took the last one, for as long as it does", async () => {
    const port = await echo("a", "127.0.0.2");
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1", "127.0.0.2"], port, speaks: "dns" }]);
    expect(await say("peer-a", "1")).to.equal("a:1");
    await echo("b", "127.0.0.1", port);
    expect(await say("peer-a", "2")).to.equal("a:2");
    servers[0]?.close();
    expect(await say("peer-a", "3")).to.equal("b:3");
  });

  it("are sent away for five minutes after none took them, unless a look finds it sooner: Knot waits for a server only once", async () => {
    const port = await freePort();
    await relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port, speaks: "dns" }]);
    expect(await say("peer-a", "").then((text) => text.replace("broken", ""))).to.equal("");
    await echo("a", "127.0.0.1", port);
    now += 301_000;
    expect(await say("peer-a", "question")).to.equal("a:question");
  });

  describe("whose servers are away", () => {
    const target = (port: number, addresses = ["127.0.0.1"]) => ({
      ...{ socket: socketOf("peer-a"), addresses, port },
      speaks: "dns" as const,
    });
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
      await eventually(5, () => {
        expect(relay.reached(before)).to.deep.equal([]);
      });
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
      await eventually(5, async () => {
        expect(await say("peer-a", "1")).to.equal("a:1");
      });
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
      await eventually(5, async () => {
        expect(await say("peer-a", "2")).to.equal("b:2");
      });
      expect(relay.reached(before)).to.equal(before);
    });

    it("tell each address by itself", async () => {
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
      now += 1000;
      expect(relay.reached(first)).to.deep.equal([at(port), at(port, "127.0.0.2")]);
    });

    it("are known to Knot soon at first, and ever more rarely while more is found, each half a minute at last", async () => {
      const targets: RelayTarget[] = [];
      let before: readonly string[] = [];
      for (const [n, seconds] of [0, 1, 2, 4, 8, 16, 30, 30].entries()) {
        const socket = socketOf(`peer-${n}`);
        targets.push({ socket, addresses: ["127.0.0.1"], port: await echo(`server-${n}`), speaks: "tls" });
        await relay.aim(targets);
        expect(await say(`peer-${n}`, "1")).to.equal(`server-${n}:1`);
        now += seconds * 1000 - 1;
        if (seconds > 0) expect(relay.reached(before), `server ${n} before its time`).to.equal(before);
        now += 1;
        const next = relay.reached(before);
        expect(next, `server ${n} in time`).to.have.length(n + 1);
        before = next;
      }
    });

    it("are those that speak when it looks anew, for a Knot that starts, and the others when they do", async () => {
      const one = await echo("a");
      const other = await silent();
      other.speak();
      const speaks = "dns";
      await relay.aim([
        { ...target(one), speaks },
        { ...target(other.port), socket: socketOf("peer-b"), speaks },
      ]);
      const all = [at(one), at(other.port)].sort();
      relay.lookAnew();
      await eventually(5, () => {
        expect(relay.answering(all)).to.deep.equal(all);
      });
      other.hush();
      relay.lookAnew();
      expect(relay.answering(all)).to.deep.equal([]);
      await eventually(5, () => {
        expect(relay.answering(all)).to.deep.equal([at(one)]);
      });
      await pause(patientMs);
      expect(relay.answering(all)).to.deep.equal([at(one)]);
      other.speak();
      now += 31_000;
      await eventually(5, () => {
        expect(relay.reached([at(one)])).to.deep.equal(all);
      });
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
      await eventually(5, () => {
        expect(relay.reached(next)).to.deep.equal([]);
      });
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

  describe("whose servers take them and say nothing", () => {
    const target = (port: number, addresses = ["127.0.0.1"]) => ({
      ...{ socket: socketOf("peer-a"), addresses, port },
      speaks: "dns" as const,
    });
    const at = (port: number, address = "127.0.0.1") => `${address}@${port}`;
    /** Says something and keeps the connection open, as Knot does. Resolves when it is ended, to what came. */
    const wait = async () => {
      const socket = connect({ path: socketOf("peer-a") });
      const answer = read(socket);
      socket.write("question");
      return (await answer).replace("broken", "");
    };
    /** The first thing that is said to a question; empty where the connection is ended. */
    const answer = (): [Promise<string>, Socket] => {
      const socket = connect({ path: socketOf("peer-a") });
      socket.on("error", () => undefined).write("question");
      const first = new Promise<string>((resolve) => {
        socket.once("data", (text) => {
          resolve(String(text));
        });
        socket.once("close", () => {
          resolve("");
        });
      });
      return [first, socket];
    };
    const hear = async () => {
      const [first, socket] = answer();
      expect(await first).to.equal("a:");
      socket.destroy();
    };

    it("are ended after the patience, each after its own, and sent away at once from then on", async () => {
      const { port } = await silent();
      await relay.aim([target(port)]);
      const first = wait();
      await eventually(5, () => {
        expect(connectionsTo(port)).to.equal(1);
      });
      await pause(answerMs / 2);
      const others = Promise.all([wait(), wait()]);
      expect(await first).to.equal("");
      expect(await Promise.race([others, pause(2 * answerMs)])).to.deep.equal(["", ""]);
      const looked = connectionsTo(port);
      expect(await Promise.race([wait(), pause(answerMs)])).to.equal("");
      now += 301_000;
      expect(await wait()).to.equal("");
      expect(connectionsTo(port)).to.be.within(looked + 1, looked + 2);
    });

    it("go on as soon as they say something, which the relay finds out when Knot wants them", async () => {
      const { port, speak } = await silent();
      await relay.aim([target(port)]);
      expect(await wait()).to.equal("");
      now += 1000;
      expect(await wait()).to.equal("");
      await new Promise((resolve) => setTimeout(resolve, 5 * answerMs));
      now += 1000;
      expect(await wait(), "a look that found nothing").to.equal("");
      await new Promise((resolve) => setTimeout(resolve, 5 * answerMs));
      speak();
      now += 1000;
      await eventually(5, async () => {
        now += 1000;
        const socket = connect({ path: socketOf("peer-a") });
        socket.on("error", () => undefined).write("question");
        const [answer] = (await Promise.race([once(socket, "data"), once(socket, "close")])) as unknown[];
        socket.destroy();
        expect(String(answer)).to.equal("a:");
      });
    });

    it("are not there for Knot before they say something", async () => {
      const { port, speak } = await silent();
      await relay.aim([target(port)]);
      expect(relay.reached([]), "looked at").to.deep.equal([]);
      expect(await wait()).to.equal("");
      expect(relay.reached([])).to.deep.equal([]);
      speak();
      await eventually(5, () => {
        now += 31_000;
        expect(relay.reached([])).to.deep.equal([at(port)]);
      });
    });

    it("go out after half a minute in which they said nothing", async () => {
      const { port } = await silent();
      await relay.aim([target(port)]);
      const before = [at(port)];
      expect(await wait()).to.equal("");
      now += 31_000;
      expect(relay.reached(before), "time alone tells nothing").to.equal(before);
      expect(await wait()).to.equal("");
      await eventually(5, () => {
        expect(relay.reached(before)).to.deep.equal([]);
      });
    });

    it("are sent away once a look that nobody asked for found that they say nothing", async () => {
      const { port } = await silent();
      await relay.aim([target(port)]);
      relay.reached([]);
      await new Promise((resolve) => setTimeout(resolve, 5 * answerMs));
      const socket = connect({ path: socketOf("peer-a") });
      socket.write("question");
      const still = new Promise((resolve) => setTimeout(resolve, answerMs / 2, "still waits"));
      expect(await Promise.race([read(socket), still])).to.match(/^(broken)?$/);
    });

    it("keep a connection that has not waited as long, and are not away once it has an answer", async () => {
      const port = await serve((socket, count) => {
        if (count === 2) setTimeout(() => socket.write("a:"), patientMs * 0.75);
      });
      await using patient = relayOf(patientMs);
      await patient.aim([target(port)]);
      const first = wait();
      await pause(patientMs / 2);
      const [second, socket] = answer();
      expect(await first).to.equal("");
      expect(await second).to.equal("a:");
      socket.destroy();
      void wait();
      await eventually(5, () => {
        expect(connectionsTo(port)).to.equal(3);
      });
    });

    it("are not away where others had an answer meanwhile: a packet was lost", async () => {
      const port = await serve((socket, count) => {
        if (count > 1) socket.write("a:");
      });
      await using patient = relayOf(patientMs);
      await patient.aim([target(port)]);
      const first = wait();
      await pause(patientMs / 4);
      await hear();
      expect(await first).to.equal("");
      expect(patient.reached([]), "no failure").to.deep.equal([at(port)]);
      await hear();
    });

    it("are not away by a look that was in vain, where others had an answer meanwhile", async () => {
      const port = await serve((socket, count) => {
        if (count > 1) socket.write("a:");
      });
      await using patient = relayOf(patientMs);
      await patient.aim([target(port)]);
      patient.reached([]);
      await pause(patientMs / 4);
      await hear();
      await pause(4 * patientMs);
      await hear();
    });

    it("are waited for as long as they were seen to take", async () => {
      const port = await serve((socket) => setTimeout(() => socket.write("a:"), patientMs * 1.5));
      await using patient = relayOf(patientMs);
      await patient.aim([target(port)]);
      expect(await wait()).to.equal("");
      now += 1000;
      expect(await wait(), "a look").to.equal("");
      await pause(patientMs * 2.5);
      await hear();
      await hear();
    });

    it("are made a second time, beside the first, to whoever else is behind the address", async () => {
      const others: Socket[] = [];
      const ended: string[] = [];
      const port = await serve((socket, count) => {
        others.push(socket);
        socket.once("close", () => ended.push(`${count}`));
        if (count % 2 === 1) return;
        socket.write("b:");
        socket.on("data", (piece) => socket.write(piece));
      });
      const patience = { connectMs: 3000, answerMs: 10_000, secondMs: 50 };
      await using patient = new TransferRelay({ now: () => now, log: {} as never, patience });
      await patient.aim([target(port)]);
      const socket = connect({ path: socketOf("peer-a") });
      const answer = read(socket);
      socket.write("question");
      await eventually(5, () => {
        expect(others, "connections").to.have.length(2);
        expect(ended, "those that are ended").to.deep.equal(["1"]);
      });
      socket.end("more");
      others[1]!.once("end", () => others[1]!.end());
      expect(await answer).to.equal("b:more");
      expect(patient.reached([])).to.deep.equal([at(port)]);
    });

    it("give way to another address", async () => {
      const { port } = await silent();
      await echo("b", "127.0.0.2", port);
      await relay.aim([target(port, ["127.0.0.1", "127.0.0.2"])]);
      expect(await wait()).to.equal("");
      expect(await say("peer-a", "1")).to.equal("b:1");
      expect(relay.behind(socketOf("peer-a"))).to.equal(at(port, "127.0.0.2"));
    });

    it("are no failure while Knot says nothing, or ends the connection by itself", async () => {
      const { port } = await silent();
      await relay.aim([target(port)]);
      const before = [at(port)];
      const mute = connect({ path: socketOf("peer-a") });
      expect(await read(mute)).to.equal("");
      const gone = connect({ path: socketOf("peer-a") });
      gone.write("question");
      await eventually(5, () => {
        expect(connectionsTo(port)).to.equal(2);
      });
      gone.destroy();
      await new Promise((resolve) => setTimeout(resolve, 5 * answerMs));
      for (let i = 0; i < 2; i++) expect(relay.reached(before)).to.equal(before);
      const sent = connectionsTo(port);
      void wait();
      await eventually(5, () => {
        expect(connectionsTo(port), "it is not away").to.equal(sent + 1);
      });
    });

    it("are looked at over TLS by the beginning of a handshake, half a minute after nobody wanted them", async () => {
      const ports = [await echo("a"), (await silent()).port];
      const secure = ports.map((port, i) => ({
        ...target(port),
        socket: socketOf(`peer-${i}`),
        speaks: "tls" as const,
      }));
      await relay.aim(secure);
      expect(relay.reached([])).to.deep.equal([]);
      now += 29_000;
      expect(relay.reached([])).to.deep.equal([]);
      expect(taken, "Knot asks most of them by itself").to.deep.equal([]);
      now += 2000;
      await eventually(5, () => {
        expect(relay.reached([])).to.deep.equal([at(ports[0]!)]);
      });
    });
  });

  describe("by which it tells them of changes", () => {
    const key = randomKey("mesh-1");
    const keys = [key, randomKey("mesh-2")];
    const notifyOf = (serial: number, zone = "a.example") => notifyMessage({ id: serial, zone, serial });
    const targetTo = (port: number) => ({
      ...{ socket: socketOf("tell-a"), addresses: ["127.0.0.1"], port },
      speaks: "dns" as const,
    });
    let teller: TransferRelay;
    /** Serials of what the other server was told. */
    const told: number[] = [];

    beforeEach(() => {
      told.length = 0;
      teller = new TransferRelay({
        ...{ now: () => now, log: {} as never, patience: { connectMs: 3000, answerMs } },
        takeNotice: (message) =>
          takeNotice(message, {
            ring: () => ({ signing: "mesh-1", accepted: keys }),
            central: () => [],
            now: () => 1_800_000_000_000,
          }),
      });
    });
    afterEach(() => teller[Symbol.asyncDispose]());

    /** Another server, which answers, or says nothing. */
    async function listener(answers = () => true): Promise<number> {
      const server = createServer((socket) => {
        const frames = new FrameReader();
        socket.on("error", () => undefined);
        socket.on("data", (chunk: Buffer) => {
          for (const message of frames.push(chunk)) {
            const { flags, id } = decodeMessage(message);
            if (flags.opcode === opcodes.notify) told.push(id);
            if (answers()) socket.write(frameMessage(message));
          }
        });
      });
      servers.push(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return (server.address() as AddressInfo).port;
    }

    /** What Knot gets to a message; undefined when the connection is ended. */
    async function tell(message: Message, by = key): Promise<Message | undefined> {
      const signed = signMessage({ message: encodeMessage(message), key: by, now: 1_800_000_000 });
      const socket = connect({ path: socketOf("tell-a") });
      socket.on("error", () => undefined).write(frameMessage(signed.bytes));
      const [answer] = (await Promise.race([once(socket, "data"), once(socket, "close")])) as [Buffer | boolean];
      socket.destroy();
      if (!Buffer.isBuffer(answer)) return undefined;
      const [whole] = new FrameReader().push(answer);
      verifyMessage({ message: whole!, keys: [by], now: 1_800_000_000, requestMac: signed.mac });
      return decodeMessage(whole!);
    }

    it("are answered in the place of the other server, which is told beside", async () => {
      await teller.aim([targetTo(await listener())]);
      const answer = await tell(notifyOf(1));
      expect(answer).to.deep.include({ id: 1, rcode: 0 });
      expect(answer?.flags).to.deep.include({ qr: true, opcode: opcodes.notify });
      expect(answer?.questions).to.deep.equal([{ name: "a.example", type: "SOA", class: "IN" }]);
      await tell(notifyOf(2), keys[1]);
      await eventually(5, () => {
        expect(told).to.have.members([1, 2]);
      });
    });

    it("are answered as well where the other server says nothing, which is told no more until it does", async () => {
      const port = await listener(() => false);
      await teller.aim([targetTo(port)]);
      expect(await tell(notifyOf(1))).to.deep.include({ id: 1 });
      await pause(5 * answerMs);
      expect(await tell(notifyOf(2))).to.deep.include({ id: 2 });
      now += 1000;
      expect(await tell(notifyOf(3)), "a look").to.deep.include({ id: 3 });
      expect(await tell(notifyOf(4)), "beside the look").to.deep.include({ id: 4 });
      await eventually(5, () => {
        expect(told).to.deep.equal([1, 3]);
      });
    });

    it("are told later, the newest of each zone, to a server that was away, whether or not Knot has more to say", async () => {
      let speaks = true;
      await teller.aim([targetTo(await listener(() => speaks))]);
      await tell(notifyOf(9));
      await eventually(5, () => {
        expect(told).to.deep.equal([9]);
      });
      await pause(answerMs);
      speaks = false;
      await tell(notifyOf(1));
      await pause(5 * answerMs);
      await tell(notifyOf(2));
      await tell(notifyOf(3));
      await tell(notifyOf(4, "b.example"));
      speaks = true;
      now += 29_000;
      teller.reached([]);
      await pause(answerMs);
      expect([...new Set(told)]).to.deep.equal([9, 1]);
      now += 2000;
      teller.reached([]);
      await eventually(5, () => {
        expect([...new Set(told)]).to.have.members([9, 1, 3, 4]);
      });
    });

    it("are told later as well where they came beside a look", async () => {
      let speaks = false;
      await teller.aim([targetTo(await listener(() => speaks))]);
      await tell(notifyOf(1));
      await tell(notifyOf(2, "b.example"));
      await pause(5 * answerMs);
      speaks = true;
      now += 1000;
      await tell(notifyOf(3, "c.example"));
      await eventually(5, () => {
        expect([...new Set(told)]).to.have.members([1, 2, 3]);
      });
    });

    it("go to one server four at a time, and to one that never spoke one at a time", async () => {
      let [open, most] = [0, 0];
      const port = await serve((socket, count) => {
        open += 1;
        most = Math.max(most, open);
        socket.once("close", () => (open -= 1));
        if (count === 1) expect(most).to.equal(1);
        setTimeout(() => socket.write("a:"), answerMs / 4);
      });
      await teller.aim([targetTo(port)]);
      for (let i = 1; i <= 30; i++) await tell(notifyOf(i, `z${i}.example`));
      await eventually(5, () => {
        expect(connectionsTo(port)).to.be.at.least(30);
        expect(most).to.be.within(2, 4);
      });
    });

    it("are none of what is no NOTIFY, or signed by a stranger: Knot goes by itself", async () => {
      await teller.aim([targetTo(await listener())]);
      expect(await tell(queryMessage({ id: 1, name: "a.example", type: "SOA" }))).to.equal(undefined);
      expect(await tell(notifyOf(2), randomKey("mesh-1"))).to.equal(undefined);
      expect(told).to.deep.equal([]);
    });

    it("leave transfers to the two servers", async () => {
      await teller.aim([{ ...targetTo(await echo("a")), socket: socketOf("peer-a"), speaks: "tls" }]);
      expect(await say("peer-a", "question")).to.equal("a:question");
    });
  });

  it("run out at an address that stays when another one changes, and end at one that goes", async () => {
    const port = await echo("a");
    await echo("b", "127.0.0.2", port);
    const to = (...addresses: string[]) => relay.aim([{ socket: socketOf("peer-a"), addresses, port, speaks: "tls" }]);
    await to("127.0.0.1", "127.0.0.2");
    const socket = connect({ path: socketOf("peer-a"), allowHalfOpen: true });
    const all = read(socket);
    socket.write("1");
    await once(socket, "data");
    await to("127.0.0.1", "127.0.0.3");
    socket.end("2");
    expect(await all).to.equal("a:12");
    const other = connect({ path: socketOf("peer-a") });
    const rest = read(other);
    other.write("3");
    await once(other, "data");
    await to("127.0.0.2");
    expect(await rest).to.match(/^a:/);
    expect(await say("peer-a", "4")).to.equal("b:4");
  });

  it("are looked for no more once the server has other addresses, or is gone", async () => {
    const { port } = await silent();
    await echo("b", "127.0.0.2", port);
    const to = (...addresses: string[]) =>
      relay.aim([{ socket: socketOf("peer-a"), addresses, port, speaks: "dns" as const }]);
    for (const next of [["127.0.0.1"], []]) {
      await to("127.0.0.1", "127.0.0.2");
      relay.reached([]);
      taken.length = 0;
      await (next.length > 0 ? to(...next) : relay.aim([]));
      await pause(5 * answerMs);
      expect(taken.length).to.be.at.most(1);
      expect(relay.reached([])).to.deep.equal([]);
    }
  });

  it("follow a server to its new address at once, and go nowhere when it is gone", async () => {
    const ports = [await echo("a"), await echo("b"), await freePort()];
    const to = (port = 0) => relay.aim([{ socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port, speaks: "dns" }]);
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
    const target = { socket: socketOf("peer-a"), addresses: ["127.0.0.1"], port, speaks: "dns" as const };
    await using former = new TransferRelay({ now: () => now, log: {} as never });
    await former.aim([target]);
    await relay.aim([target]);
    expect(await say("peer-a", "question")).to.equal("a:question");
    expect(warned).to.deep.equal([]);
  });

  it("end with the relay, and a socket that cannot be made is said and left out", async () => {
    const port = await echo("a");
    const at = { addresses: ["127.0.0.1"], port, speaks: "dns" as const };
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
