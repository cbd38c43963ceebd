import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

import type { DnsServer } from "../../../src/dns/client/dns-client";
import { oraclePython } from "../../../harness/knot";

type Oracle = ChildProcessByStdio<Writable, Readable, Readable>;

/** Gives dnspython one task (see `oracle.py`) and returns its answer. */
export async function askOracle(task: object): Promise<unknown> {
  const { child, line } = await startOracle(task);
  await endOracle(child);
  return line;
}

/** A server of dnspython until it is disposed of. */
export async function serveOracle(task: object): Promise<{ server: DnsServer } & AsyncDisposable> {
  const { child, line } = await startOracle({ ...task, do: "serve" });
  return {
    server: { address: "127.0.0.1", port: (line as { port: number }).port },
    [Symbol.asyncDispose]: () => endOracle(child),
  };
}

async function startOracle(task: object): Promise<{ child: Oracle; line: unknown }> {
  const child = spawn(oraclePython(), [join(__dirname, "oracle.py")], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.stdin.write(`${JSON.stringify(task)}\n`);
  const lines = createInterface(child.stdout);
  const failed = once(child, "exit").then(() => []);
  const [line] = (await Promise.race([once(lines, "line"), failed])) as [string?];
  if (line === undefined) throw new Error(`dnspython gave no answer: ${errors}`);
  return { child, line: JSON.parse(line) as unknown };
}

async function endOracle(child: Oracle): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.stdin.end();
  await exited;
}
