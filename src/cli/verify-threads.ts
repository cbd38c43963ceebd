import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import {
  mostReferenceOctets,
  type VerifyParts,
  type VerifyReport,
  verifyReport,
  verifyZones,
  type ZoneVerdict,
} from "./verify";

/** What a thread compares: some of the zones, at all points. */
type Share = Pick<VerifyParts, "zones" | "points" | "timeoutMs" | "mostOctets">;

/** What a thread says. */
type Message =
  | { readonly kind: "progress"; readonly done: number }
  | { readonly kind: "done"; readonly verdicts: readonly ZoneVerdict[] };

/** How a thread of ours knows its work from that of somebody else's, who may load the same file. */
interface Order {
  readonly task: typeof task;
  readonly share: Share;
}

const task = "dns-mesh: compare zones";
/** Copies that a thread more is worth: it takes as long to start as some thousands of them, and connects to each server once more. */
const copiesPerThread = 100_000;
/** More than these do not help: servers are what is waited for. */
const mostThreads = 8;
/** Copies after which a thread says how far it is. */
const copiesPerMessage = 500;

/** As many threads as there is work and are cores for. */
export function threadsFor(copies: number, cores = availableParallelism()): number {
  return Math.max(1, Math.min(mostThreads, cores, Math.floor(copies / copiesPerThread)));
}

/** What each of some threads compares. The memory for owners' copies is divided as the zones are. */
export function sharesOf(
  { zones, points, timeoutMs }: Pick<VerifyParts, "zones" | "points" | "timeoutMs">,
  threads: number,
): readonly Share[] {
  const mostOctets = Math.floor(mostReferenceOctets / threads);
  return Array.from({ length: threads }, (_, thread) => ({
    zones: zones.filter((_zone, at) => at % threads === thread),
    ...{ points, timeoutMs, mostOctets },
  }));
}

/**
 * Does what {@link verifyZones} does in several threads, each of which takes some of the zones from all points over connections of
 * its own. What a copy takes is cryptography and system calls; one thread of hundreds of thousands waits for itself. The first
 * failure of one ends all of them.
 */
export async function verifyInThreads(parts: VerifyParts, threads: number): Promise<VerifyReport> {
  const { zones, points, progress } = parts;
  const done = Array.from({ length: threads }, () => 0);
  const told = (thread: number, copies: number): void => {
    done[thread] = copies;
    const all = done.reduce((sum, each) => sum + each, 0);
    progress?.(all - (all % 100), zones.length * points.length);
  };
  const [own, ...others] = sharesOf(parts, threads);
  const workers = others.map((share, i) => new ShareWorker(share, told.bind(undefined, i + 1)));
  const ending = new AbortController();
  try {
    const reports = [
      verifyZones({ ...parts, ...own, signal: ending.signal, progress: told.bind(undefined, 0) }).then(
        (report) => report.zones,
      ),
      ...workers.map(({ verdicts }) => verdicts),
    ];
    const byZone = new Map((await Promise.all(reports)).flat().map((verdict) => [verdict.zone, verdict]));
    return verifyReport(
      zones.flatMap(({ name }) => byZone.get(name) ?? []),
      parts,
    );
  } finally {
    ending.abort();
    for (const worker of workers) worker.end();
  }
}

/** A thread that compares some zones. */
class ShareWorker {
  readonly verdicts: Promise<readonly ZoneVerdict[]>;
  readonly #worker: Worker;

  constructor(share: Share, told: (copies: number) => void) {
    const order: Order = { task, share };
    const worker = new Worker(__filename, { workerData: order });
    this.#worker = worker;
    this.verdicts = new Promise((resolve, reject) => {
      worker.on("message", (message: Message) => {
        if (message.kind === "progress") told(message.done);
        else resolve(message.verdicts);
      });
      worker.on("error", reject);
      worker.on("exit", (code) => {
        reject(new Error(`a thread that compared zones ended with ${code}`));
      });
    });
    // Whoever waits for it learns of it, also when another thread failed before.
    this.verdicts.catch(() => undefined);
  }

  end(): void {
    void this.#worker.terminate();
  }
}

/** Compares the share that this thread was started for. */
async function work({ share }: Order): Promise<void> {
  const say = (message: Message): void => {
    parentPort?.postMessage(message);
  };
  const progress = (done: number): void => {
    if (done % copiesPerMessage === 0) say({ kind: "progress", done });
  };
  const report = await verifyZones({ ...share, notAsked: [], pause: (ms) => delay(ms), progress });
  say({ kind: "done", verdicts: report.zones });
}

const order = workerData as Partial<Order> | null;
if (!isMainThread && order?.task === task) void work(order as Order);
