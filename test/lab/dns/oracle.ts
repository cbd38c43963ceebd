import { join } from "node:path";

import { PythonLines } from "../../../harness/python-lines";
import type { DnsServer } from "../../../src/dns/client/dns-client";

const program = join(__dirname, "oracle.py");
let shared: PythonLines | undefined;

/** Gives dnspython one task (see `oracle.py`) and returns its answer. */
export function askOracle(task: object): Promise<unknown> {
  shared ??= new PythonLines(program);
  return shared.ask(task);
}

/** A server of dnspython until it is disposed of. */
export async function serveOracle(task: object): Promise<{ server: DnsServer } & AsyncDisposable> {
  const oracle = new PythonLines(program);
  const { port } = (await oracle.ask({ ...task, do: "serve" })) as { port: number };
  return {
    server: { address: "127.0.0.1", port },
    [Symbol.asyncDispose]: () => oracle[Symbol.asyncDispose](),
  };
}
