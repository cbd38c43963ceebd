import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that the kernel takes for outgoing connections (from 32768 on): a server that ends and starts again on
 * its port does not find it taken by somebody's connection.
 */
const range = { first: 10_000, end: 30_000 };

const mostTries = 100;

/**
 * A port of `address` that is free for UDP and TCP at the moment.
 *
 * @throws Error when a hundred ports that were looked at are all in use.
 */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  for (let tried = 0; tried < mostTries; tried++) {
    const port = randomInt(range.first, range.end);
    if (await isFree(address, port)) return port;
  }
  throw new Error(`no free port at ${address}: ${mostTries} were tried`);
}

async function isFree(address: string, port: number): Promise<boolean> {
  const tcp = createServer().listen(port, address);
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4").bind(port, address);
  const ready = await Promise.allSettled([once(tcp, "listening"), once(udp, "listening")]);
  tcp.close();
  udp.close();
  return ready.every(({ status }) => status === "fulfilled");
}
