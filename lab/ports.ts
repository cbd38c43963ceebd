import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the kernel gives to outgoing connections, so that none of those can be in the way later. */
const lowest = 20_000;
const highest = 32_000;

/** Who has a port of an address already; undefined when it is free. */
export async function portInUse(address: string, port: number): Promise<"UDP" | "TCP" | undefined> {
  const udp = createSocket("udp4");
  const tcp = createServer();
  try {
    udp.bind({ port, address, exclusive: true });
    if (!(await opens(udp))) return "UDP";
    tcp.listen({ port, host: address, exclusive: true });
    return (await opens(tcp)) ? undefined : "TCP";
  } finally {
    await closed(udp);
    await closed(tcp);
  }
}

/** A port that is free at all addresses of the machine. */
export async function freeEverywhere(not: readonly number[] = []): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(lowest, highest);
    if (!not.includes(port) && (await portInUse("0.0.0.0", port)) === undefined) return port;
  }
  throw new Error(`no port between ${lowest} and ${highest} is free at all addresses`);
}

interface Opening {
  once(event: "listening" | "error", listener: () => void): unknown;
}

function opens(socket: Opening): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once("listening", () => {
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

async function closed(
  socket: { close(): unknown; once: NodeJS.EventEmitter["once"] } & NodeJS.EventEmitter,
): Promise<void> {
  try {
    const done = once(socket, "close");
    socket.close();
    await done;
  } catch {
    return;
  }
}
