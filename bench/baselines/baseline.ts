import { setTimeout as delay } from "node:timers/promises";

import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import type { ResourceRecord } from "../../src/dns/record";
import type { TsigKey } from "../../src/dns/tsig-key";
import { type AnswerWatcher, LateError, type Watched } from "../support/watch";

/** How long a change is waited for. */
const defaultLimitMs = 30_000;

/** Servers of which one owns a zone that can be changed, and all serve it. */
export interface Replicated {
  /** All of them, the owner included. */
  readonly servers: readonly Watched[];
  readonly zones: readonly string[];
  /** Name of the server that owns a zone. It is asked as soon as it says that it has a change. */
  readonly ownerOf: (zone: string) => string;
  /** Puts a TXT record in the place of another at the zone's owner; resolved when that has it. */
  readonly replace: (zone: string, record: { readonly name: string; readonly text: string }) => Promise<void>;
  /** Calls back with a server's name whenever that has probably taken a change, until disposed of. */
  readonly hints?: (hint: (server: string) => void) => Disposable;
  /** What whoever makes a change does right after it was acknowledged. Its time counts. */
  readonly afterUpdate?: (zone: string) => Promise<void>;
}

/** A {@link Replicated} that was started for a comparison and ends with its disposal. */
export interface Baseline extends Replicated, AsyncDisposable {
  readonly owner: DnsServer;
  readonly key: TsigKey;
  readonly pids: readonly number[];
}

/** How a change is made at servers that take a signed UPDATE. */
export function replaceByUpdate(owner: DnsServer, key: TsigKey): Replicated["replace"] {
  return async (zone, { name, text }) => {
    const record: ResourceRecord = { name, class: "IN", ttl: 1, type: "TXT", strings: [text] };
    const changes = [{ kind: "deleteRrset", name, type: "TXT" } as const, { kind: "add", record } as const];
    await new DnsClient({ timeoutMs: 10_000 }).update(owner, { zone, changes }, key);
  };
}

/** What every way that is compared is given alike. */
export interface BaselineOptions {
  /** Servers altogether. */
  readonly servers: number;
  /** Names of the zones that all serve. */
  readonly zones: readonly string[];
  /** Where files and journals go: a folder on a disk or on tmpfs. @default the system's folder for temporary files */
  readonly folder?: string;
}

/** Changes of a record, one after the other. */
export interface RecordChanges {
  readonly changes: number;
  readonly watcher: AnswerWatcher;
  /** Milliseconds that each may take. @default 30000 */
  readonly limitMs?: number;
  /** A change that has not arrived by then counts as that long, instead of failing. @default false */
  readonly countLate?: boolean;
  /** Milliseconds between changes, in which what a change leads to ends. @default 0 */
  readonly restMs?: number;
}

/**
 * Changes a TXT record at the owner time and again, in each zone in turn.
 *
 * @returns for each change the milliseconds from its acknowledgement until the last server answered it.
 */
export async function recordChangeTimes(target: Replicated, options: RecordChanges): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < options.changes; i++) {
    const zone = target.zones[i % target.zones.length] ?? "";
    const text = `change ${i} at ${Date.now()}`;
    try {
      times.push(Math.max(...(await recordChange(target, { ...options, zone, text })).values()));
    } catch (error) {
      if (options.countLate !== true || !(error instanceof LateError)) throw error;
      times.push(options.limitMs ?? defaultLimitMs);
    }
    await delay(options.restMs ?? 0);
  }
  return times;
}

/** Makes one change and waits until every server answers it; milliseconds by server. */
async function recordChange(
  target: Replicated,
  change: RecordChanges & { readonly zone: string; readonly text: string },
): Promise<ReadonlyMap<string, number>> {
  const name = `change.${change.zone}`;
  using watch = change.watcher.watch({
    servers: target.servers,
    question: { name, type: "TXT" },
    accept: ({ answers: [answer] }) => answer?.type === "TXT" && answer.strings[0] === change.text,
    hinted: target.hints !== undefined,
    limitMs: change.limitMs ?? defaultLimitMs,
  });
  using hints = new DisposableStack();
  hints.use(
    target.hints?.((server) => {
      watch.hint(server);
    }),
  );
  await target.replace(change.zone, { name, text: change.text });
  watch.hint(target.ownerOf(change.zone));
  const [times] = await Promise.all([watch.since(performance.now()), target.afterUpdate?.(change.zone)]);
  return times;
}
