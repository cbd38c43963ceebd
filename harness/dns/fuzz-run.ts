import fc from "fast-check";

import { DnsError } from "../../src/dns/errors";
import { encodeMessage, headerLength } from "../../src/dns/message";
import { encodeServiceBinding } from "../../src/dns/rdata/service-types";
import { signMessage } from "../../src/dns/tsig";
import { messages } from "./arbitraries";
import { type Outcome, tryHostile } from "./hostile";
import { host, key, now, requestMac, soa, transferAnswer } from "./zone-builders";

/** How much a {@link fuzz} run does. It ends at whichever limit comes first. */
export interface FuzzOptions {
  readonly seed: number;
  readonly messages: number;
  readonly milliseconds: number;
}

/** What a {@link fuzz} run did. */
export interface FuzzReport {
  readonly messages: number;
  readonly milliseconds: number;
  readonly slowestMs: number;
  readonly peakHeapMiB: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
}

const interesting = [0, 1, 2, 12, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfa, 0xfe, 0xff];

/**
 * Gives mutations of good messages to the codec, the same ones for the same seed.
 *
 * @throws Error with the message in hexadecimal that the codec did not survive.
 */
export function fuzz(options: FuzzOptions): FuzzReport {
  const random = new Random(options.seed);
  const corpus = makeCorpus(options.seed);
  const outcomes = { refused: 0, decoded: 0, verified: 0, transferred: 0 };
  const started = performance.now();
  let [done, slowestMs, peakHeap] = [0, 0, 0];
  for (; done < options.messages && performance.now() - started < options.milliseconds; done++) {
    const bytes = mutate(corpus, random);
    const before = performance.now();
    outcomes[survive(bytes, options.seed)]++;
    slowestMs = Math.max(slowestMs, performance.now() - before);
    if (done % 4096 === 0) peakHeap = Math.max(peakHeap, process.memoryUsage().heapUsed);
  }
  const milliseconds = performance.now() - started;
  return { messages: done, milliseconds, slowestMs, peakHeapMiB: peakHeap / 2 ** 20, outcomes };
}

function survive(bytes: Buffer, seed: number): Outcome {
  try {
    return tryHostile(bytes);
  } catch (error) {
    throw new Error(`seed ${seed}: the codec did not survive ${bytes.toString("hex")}`, { cause: error });
  }
}

/** Good messages of all kinds; those for transfers come more often, since they lead deeper. */
function makeCorpus(seed: number): readonly Buffer[] {
  const changes = [soa(9), soa(7), host(1), soa(8), host(2), soa(8), soa(9), host(3), soa(9)];
  const binding = encodeServiceBinding({
    priority: 1,
    target: "a.example",
    parameters: [
      { key: "mandatory", keys: ["alpn"] },
      { key: "alpn", ids: ["h2"] },
      { key: "ipv4hint", addresses: ["192.0.2.1"] },
    ],
  });
  const transfers = [
    transferAnswer("AXFR", [soa(9), host(1), host(2), soa(9)]),
    transferAnswer("IXFR", changes),
    transferAnswer("IXFR", [soa(7)]),
  ];
  const sampled = fc.sample(messages, { seed, numRuns: 200 });
  const repeated = Array.from({ length: 20 }, () => transfers).flat();
  const encoded = [...sampled, ...repeated].map((message) => unlessRefused(() => encodeMessage(message)));
  return [...encoded.filter((bytes) => bytes !== undefined), Buffer.from(binding)];
}

function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

/** A member of the corpus with up to four changes, now and then signed afterwards so that it is read to its end. */
function mutate(corpus: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(corpus));
  for (let left = random.below(5); left > 0; left--) bytes = random.pick(mutations)(bytes, random, corpus);
  return random.below(3) > 0
    ? bytes
    : (unlessRefused(() => signMessage({ message: bytes, key, now, requestMac }).bytes) ?? bytes);
}

type Mutation = (bytes: Buffer, random: Random, corpus: readonly Buffer[]) => Buffer;

const mutations: readonly Mutation[] = [
  (bytes, random) => change(bytes, random, (octet) => octet ^ (1 << random.below(8))),
  (bytes, random) => change(bytes, random, () => random.pick(interesting)),
  (bytes, random) => change(bytes, random, () => random.below(256)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => insert(bytes, random, Buffer.from([0xc0 | random.below(2), random.below(256)])),
  (bytes, random) => insert(bytes, random, slice(bytes, random)),
  (bytes, random, corpus) => insert(bytes, random, slice(random.pick(corpus), random)),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(20))]);
  },
  (bytes, random) => {
    if (bytes.length >= headerLength) bytes[5 + 2 * random.below(4)] = random.below(12);
    return bytes;
  },
];

function change(bytes: Buffer, random: Random, to: (octet: number) => number): Buffer {
  const at = random.below(bytes.length);
  if (bytes.length > 0) bytes[at] = to(bytes[at] ?? 0);
  return bytes;
}

function slice(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length + 1);
  return bytes.subarray(start, start + random.below(40));
}

/** Messages stay what TCP can carry. */
function insert(bytes: Buffer, random: Random, octets: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), octets, bytes.subarray(at)]).subarray(0, 0xffff);
}

/** Marsaglia's xorshift on 32 bits: no use for secrets, and the same everywhere. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** An integer from 0 to below `end`; 0 when there is none. */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return end === 0 ? 0 : (this.#state >>> 0) % end;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}
