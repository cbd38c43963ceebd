import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Server } from "node:net";

/** What listens in the other network and hands its socket over: a socket stays in the network in which it was made. */
const script = `
const server = require("node:net").createServer();
process.on("disconnect", () => process.exit());
server.listen(Number(process.argv[1]), process.argv[2], () => process.send("listening", server));`;

/**
 * A server of this process that listens in another network namespace.
 *
 * @param enter - what a command must begin with to run there
 * @param address - one of that network's; its loopback by default
 */
export async function listenInside(enter: readonly string[], port: number, address = "127.0.0.1"): Promise<Server> {
  const command: readonly string[] = [...enter, process.execPath, "-e", script, String(port), address];
  const [program = process.execPath, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exited = once(child, "exit").then(() => {
    throw new Error(`nothing listens at port ${port}: ${said}`);
  });
  exited.catch(() => undefined);
  const [, server] = (await Promise.race([once(child, "message"), exited])) as [unknown, Server];
  // It has the socket too, and would take connections of which nobody hears.
  child.disconnect();
  await exited.catch(() => undefined);
  return server;
}
