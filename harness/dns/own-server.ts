import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import type { DnsServer } from "../../src/dns/client/dns-client";
import { frameMessage, FrameReader } from "../../src/dns/framing";
import { freePort } from "../free-port";

/** Messages of a connection. `end` closes it behind them, `everyMs` lets time pass between two. */
export interface TcpAnswer {
  readonly messages: readonly Uint8Array[];
  readonly end?: boolean;
  readonly everyMs?: number;
}

/** How a small server on loopback behaves: messages to send for each that came; none is silence. */
export interface OwnServerOptions {
  readonly udp?: (request: Buffer) => readonly Uint8Array[];
  readonly tcp?: (request: Buffer) => TcpAnswer;
}

/** A server that does whatever a test wants, and counts who is connected. */
export interface OwnServer extends AsyncDisposable {
  readonly server: DnsServer;
  /** Source ports of the datagrams that came. */
  readonly sources: readonly number[];
  connections(): number;
}

/** Starts a server on a free port of loopback. */
export async function startOwnServer(options: OwnServerOptions): Promise<OwnServer> {
  const address = "127.0.0.1";
  const port = await freePort(address);
  const udp = createSocket("udp4");
  const sources: number[] = [];
  udp.on("message", (request, from) => {
    sources.push(from.port);
    for (const message of options.udp?.(request) ?? []) udp.send(message, from.port, from.address);
  });
  const open = new Set<Socket>();
  const tcp = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    const frames = new FrameReader();
    socket.on("data", (chunk: Buffer) => {
      for (const request of frames.push(chunk)) reply(socket, options.tcp?.(request) ?? { messages: [] });
    });
  });
  udp.bind(port, address);
  tcp.listen(port, address);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  return {
    server: { address, port },
    sources,
    connections: () => open.size,
    [Symbol.asyncDispose]: async () => {
      udp.close();
      for (const socket of open) socket.destroy();
      tcp.close();
      await once(tcp, "close");
    },
  };
}

function reply(socket: Socket, { messages, end, everyMs }: TcpAnswer): void {
  const [first, ...rest] = messages;
  if (socket.destroyed) return;
  if (first !== undefined) socket.write(frameMessage(first));
  if (rest.length > 0) {
    const next = { messages: rest, ...(end !== undefined && { end }), ...(everyMs !== undefined && { everyMs }) };
    if (everyMs === undefined) reply(socket, next);
    else setTimeout(reply, everyMs, socket, next);
  } else if (end === true) socket.end();
}
