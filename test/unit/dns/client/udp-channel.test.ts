import { expect } from "chai";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

import { DnsClient } from "../../../../src/dns/client/dns-client";
import type { DnsError } from "../../../../src/dns/errors";
import { UdpChannel } from "../../../../src/dns/client/udp-channel";

/** A message with an id and one octet of content. */
const message = (id: number, content: number) => Buffer.of(id >> 8, id & 255, content);

describe("a UDP channel", () => {
  const servers: Socket[] = [];
  let channel: UdpChannel;
  let ports: number[];

  /** A server that answers what `reply` gives, and notes where questions come from. */
  async function serve(reply: (asked: Buffer, send: (answer: Buffer) => void, from: RemoteInfo) => void) {
    const socket = createSocket("udp4");
    servers.push(socket);
    socket.on("message", (asked, from) => {
      ports.push(from.port);
      reply(
        asked,
        (answer) => {
          socket.send(answer, from.port, from.address);
        },
        from,
      );
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return { address: "127.0.0.1", port: socket.address().port };
  }

  const ask = (server: { address: string; port: number }, id: number, timeoutMs = 500) =>
    channel.exchange({ server, message: message(id, 0), timeoutMs, receive: (answer) => answer[2] });
  const kindOf = (work: Promise<unknown>) =>
    work.then(
      () => "none",
      (error: unknown) => (error as DnsError).failure.kind,
    );

  beforeEach(() => {
    ports = [];
    channel = new UdpChannel();
  });
  afterEach(() => {
    channel.close();
    for (const socket of servers.splice(0)) socket.close();
  });

  it("asks many servers from one port, and gives each answer to who asked for it", async () => {
    const echo = (content: number) =>
      serve((asked, send) => {
        send(message(asked.readUInt16BE(0), content));
      });
    const [one, two] = [await echo(1), await echo(2)];
    expect(await Promise.all([ask(one, 7), ask(two, 7), ask(one, 8)])).to.deep.equal([1, 2, 1]);
    expect(new Set(ports).size).to.equal(1);
  });

  it("gives nobody an answer with another id, or from another server", async () => {
    const other = await serve(() => undefined);
    const wrongId = await serve((asked, send) => {
      send(message(asked.readUInt16BE(0) + 1, 9));
    });
    const silent = await serve((asked, _, from) => {
      servers[0]?.send(message(asked.readUInt16BE(0), 9), from.port, from.address);
    });
    expect(other.port).to.not.equal(silent.port);
    expect(await Promise.all([kindOf(ask(wrongId, 1, 60)), kindOf(ask(silent, 2, 60))])).to.deep.equal([
      "timeout",
      "timeout",
    ]);
  });

  it("takes answers that came in time, however late this process reads them", async () => {
    const count = 200;
    let asked = 0;
    const server = await serve((question, send) => {
      send(message(question.readUInt16BE(0), 1));
      if (++asked < count) return;
      // Nothing of this process goes on, its clocks least of all, while the answers lie there.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    });
    const answers = await Promise.all(Array.from({ length: count }, (_, id) => ask(server, id, 300)));
    expect(new Set(answers)).to.deep.equal(new Set([1]));
  });

  it("loses none of hundreds of answers that come at once, over several sockets", async () => {
    channel = new UdpChannel({ sockets: 8 });
    const [servers, each] = [4, 150];
    const held: (() => void)[] = [];
    const ready = await Promise.all(
      Array.from({ length: servers }, () =>
        serve((asked, send) => {
          // As long as an answer to a question for an SOA record.
          held.push(() => {
            send(Buffer.concat([message(asked.readUInt16BE(0), 1), Buffer.alloc(100)]));
          });
          if (held.length === servers * each) for (const answer of held) answer();
        }),
      ),
    );
    const all = ready.flatMap((server) => Array.from({ length: each }, (_, id) => ask(server, id, 2000)));
    expect(new Set(await Promise.all(all))).to.deep.equal(new Set([1]));
    expect(new Set(ports).size).to.equal(8);
  });

  it("takes no answer that comes to another of its sockets", async () => {
    channel = new UdpChannel({ sockets: 2 });
    let other: RemoteInfo | undefined;
    const server = await serve((asked, _, from) => {
      if (asked.readUInt16BE(0) === 1) other = from;
      else if (other !== undefined) servers[0]?.send(message(asked.readUInt16BE(0), 9), other.port, other.address);
    });
    expect(await Promise.all([kindOf(ask(server, 1, 60)), kindOf(ask(server, 2, 60))])).to.deep.equal([
      "timeout",
      "timeout",
    ]);
    expect(new Set(ports).size).to.equal(2);
  });

  it("waits past an answer that is not taken", async () => {
    const server = await serve((asked, send) => {
      send(message(asked.readUInt16BE(0), 1));
      send(message(asked.readUInt16BE(0), 2));
    });
    const receive = (answer: Buffer) => (answer[2] === 2 ? "two" : undefined);
    expect(await channel.exchange({ server, message: message(3, 0), timeoutMs: 500, receive })).to.equal("two");
  });

  it("reports at once when nothing listens at its one server, and goes on when something does", async () => {
    const gone = createSocket("udp4").bind(0, "127.0.0.1");
    await once(gone, "listening");
    const { port } = gone.address();
    gone.close();
    const server = { address: "127.0.0.1", port };
    channel = new UdpChannel({ server });
    expect(channel.takes(server)).to.equal(true);
    expect(channel.takes({ address: "127.0.0.2", port })).to.equal(false);
    expect(await kindOf(ask(server, 1, 5000))).to.equal("unreachable");
    const back = createSocket("udp4").bind(port, "127.0.0.1");
    servers.push(back);
    back.on("message", (asked, from) => {
      back.send(message(asked.readUInt16BE(0), 4), from.port, from.address);
    });
    await once(back, "listening");
    expect(await ask(server, 2)).to.equal(4);
  });

  it("takes another port after a while, and the answers that are still to come to the former one", async () => {
    channel = new UdpChannel({ portMs: 1 });
    const held: (() => void)[] = [];
    const server = await serve((asked, send) => {
      const answer = () => {
        send(message(asked.readUInt16BE(0), 1));
      };
      if (asked.readUInt16BE(0) === 0) held.push(answer);
      else answer();
    });
    const first = ask(server, 0);
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    for (let id = 1; id < 4; id++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await ask(server, id);
    }
    held[0]?.();
    expect(await first).to.equal(1);
    expect(new Set(ports).size).to.equal(4);
  });

  it("is left by a client that asks again: behind the address there may be others, which one port never reaches", async () => {
    const server = await serve(() => undefined);
    const client = new DnsClient({ timeoutMs: 40, channel });
    expect(await kindOf(client.querySoa(server, "example"))).to.equal("timeout");
    expect(new Set(ports).size).to.equal(2);
  });

  it("takes another port after it was idle", async () => {
    channel = new UdpChannel({ idleMs: 1 });
    const server = await serve((asked, send) => {
      send(message(asked.readUInt16BE(0), 1));
    });
    await ask(server, 1);
    const before = ports[0];
    for (let i = 0; i < 50 && ports.at(-1) === before; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await ask(server, i);
    }
    expect(ports.at(-1)).to.not.equal(before);
  });
});
