import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { exchangeUdp } from "../../src/dns/client/sockets";
import { decodeMessage, encodeMessage, noFlags } from "../../src/dns/message";
import type { ResourceRecord } from "../../src/dns/record";
import { queryMessage } from "../../src/dns/request";

/** What a question came to. */
export interface PodAnswer {
  readonly rcode: number;
  readonly addresses: readonly string[];
  /** Whether the resolver says that it was validated. */
  readonly ad: boolean;
}

/** What many questions came to. */
export interface PodLoad {
  readonly asked: number;
  /** How many were asked a second time, for nothing came. */
  readonly repeated: number;
  /** How many got no answer at either time, or one without an address. */
  readonly lost: number;
  /** The first of them, with what came in their place. */
  readonly wrong: readonly string[];
}

/** For one try. C libraries have five seconds, and as many tries. */
const patienceMs = 2000;

let asked = 0;

/** Asks once, from a socket of its own, as a C library does. */
async function ask(server: string, name: string): Promise<PodAnswer> {
  const question = queryMessage({ id: (asked += 1) % 65_536, name, type: "A" });
  const message = encodeMessage({ ...question, flags: { ...noFlags, rd: true, ad: true } });
  const exchange = { server: { address: server, port: 53 }, message, timeoutMs: patienceMs, receive: decodeMessage };
  const { rcode, answers, flags } = await exchangeUdp(exchange);
  return { rcode, addresses: answers.flatMap(addressOf), ad: flags.ad };
}

function addressOf(record: ResourceRecord): readonly string[] {
  return "address" in record ? [record.address] : [];
}

/** Asks for names that nobody asked for before, so many a second, until there is a file. */
async function load([server = "", zone = "", perSecond = "1", until = ""]: readonly string[]): Promise<PodLoad> {
  const wrong: string[] = [];
  const running = new Set<Promise<void>>();
  let repeated = 0;
  const mark = `${process.pid}-${Date.now()}`;
  let count = 0;
  for (; !existsSync(until); count += 1) {
    const [name, began] = [`x${count}-${mark}.${zone}`, new Date().toISOString()];
    const again = (): Promise<PodAnswer> => {
      repeated += 1;
      return ask(server, name);
    };
    const one = ask(server, name)
      .catch(again)
      .then(
        (answer) => {
          if (answer.addresses.length === 0) wrong.push(`${began} ${JSON.stringify(answer)}`);
        },
        (error: unknown) => {
          wrong.push(`${began} ${String(error)}`);
        },
      );
    running.add(one);
    void one.finally(() => running.delete(one));
    await delay(1000 / Number(perSecond));
  }
  await Promise.all(running);
  return { asked: count, repeated, lost: wrong.length, wrong: wrong.slice(0, 5) };
}

/** Runs in a pod: `SERVER NAME…`, or `load SERVER ZONE PER-SECOND FILE`. Prints JSON. */
async function main([first = "", ...rest]: readonly string[]): Promise<void> {
  const found =
    first === "load" ? await load(rest) : await Promise.all(rest.map((name) => ask(first, name).catch(String)));
  process.stdout.write(JSON.stringify(found));
  // Whoever reads stops when the program has ended, whether or not all was read.
  await delay(100);
}

void main(process.argv.slice(1));
