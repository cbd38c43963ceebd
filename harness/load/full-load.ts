import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ZoneSource } from "../../src/agents/sidecar/own-zones/zone-source";
import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import { dnsperf } from "./dnsperf";

/** A site as {@link FullLoad} loads it. */
export interface LoadedSite {
  readonly name: string;
  /** Where it is asked over UDP. */
  readonly server: DnsServer;
  /** Changes the site's own zone, once or a few times, and has its peers told. Texts that differ make different changes. */
  change(text: string): Promise<void>;
  /** How it would take a zone from another site at the moment. */
  sourceOf(other: string): Promise<ZoneSource>;
  /** Gives what Knot logs from now on to a listener, in pieces: all of it by the time that this is disposed of. */
  listen(listener: (text: string) => void): AsyncDisposable;
}

/** A running mesh as {@link FullLoad} loads it. */
export interface LoadedMesh {
  readonly sites: readonly LoadedSite[];
  zones(): readonly string[];
  /** Waits until all sites answer all zones alike. */
  converged(seconds: number): Promise<unknown>;
}

/** What was tried between sites of a mesh, and what of it went wrong. */
export interface LoadCounts {
  /** Zones and changes that sites took from each other, and whole zones that a client took. */
  readonly transfers: { readonly tried: number; readonly failed: number };
  /** Those of agents and Knots that a Knot took; refused ones as either side logged them. */
  readonly notifies: { readonly tried: number; readonly refused: number };
  readonly answers: { readonly tried: number; readonly lost: number };
  /** The lines of Knot's logs, and the client's words, that were counted as failures. */
  readonly failures: readonly string[];
}

/** Between two changes of a site's own zone, and two transfers by the client. */
const restMs = 20;
/** How long a transfer may take before it has failed: what is late at full load on a busy machine was taken nevertheless. */
const patienceMs = 10_000;
/** How long dnsperf asks at a time. */
const askSeconds = 2;
const questionsPerSecond = 200;

/** Of the server's side. Its statistics are no count of a rotation: each reload has them begin anew. */
const transfer = /^\S+ info: .*\b[AI]XFR, outgoing, .* started/;
const notify = /^\S+ info: .*\bnotify, incoming,/;
const failedTransfer = /^\S+ (?:warning|error|notice): .*\b(?:AXFR|IXFR|refresh),|ACL, denied, action transfer/;
const refusedNotify = /^\S+ (?:warning|error|notice): .*\bnotify,|ACL, denied, action notify/;

/**
 * Loads a running mesh with everything that sites do with each other: each changes its own zone all the time, so that
 * NOTIFYs and incremental transfers go to all others; each takes whole zones from the others with the key that it would
 * sign with; each is asked over UDP.
 */
export class FullLoad implements AsyncDisposable {
  /** Ended by hand, or by the first part of it that failed. */
  #over = false;
  readonly #transferFailures: string[] = [];
  readonly #notifyFailures: string[] = [];
  readonly #tried = { transfers: 0, notifies: 0 };
  readonly #answers = { tried: 0, lost: 0 };
  readonly #listening = new AsyncDisposableStack();
  readonly #sites: readonly LoadedSite[];
  #work: Promise<unknown> = Promise.resolve();

  private constructor(private readonly mesh: LoadedMesh) {
    this.#sites = mesh.sites;
  }

  /** Starts to count, and to load. */
  static start(mesh: LoadedMesh): FullLoad {
    const load = new FullLoad(mesh);
    for (const site of load.#sites)
      load.#listening.use(
        site.listen(
          lines((line) => {
            load.#take(site, line);
          }),
        ),
      );
    const work = Promise.all([
      ...load.#sites.map((site) => load.#change(site)),
      ...load.#sites.flatMap((by) => load.#sites.filter((from) => from !== by).map((from) => load.#transfer(by, from))),
      load.#ask(),
    ]);
    load.#work = work.finally(() => (load.#over = true));
    load.#work.catch(() => undefined);
    return load;
  }

  /** Ends the load, waits for what is under way, and tells what came of it all. */
  async stop(): Promise<LoadCounts> {
    this.#over = true;
    await this.#work;
    // What the last changes led to.
    await this.mesh.converged(20);
    await this.#listening.disposeAsync();
    return {
      transfers: { tried: this.#tried.transfers, failed: this.#transferFailures.length },
      notifies: { tried: this.#tried.notifies, refused: this.#notifyFailures.length },
      answers: this.#answers,
      failures: [...this.#transferFailures, ...this.#notifyFailures],
    };
  }

  /** Ends the load without a look at what came of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#work.catch(() => undefined);
    await this.#listening.disposeAsync();
  }

  #take(site: LoadedSite, line: string): void {
    if (failedTransfer.test(line)) this.#transferFailures.push(`${site.name}: ${line}`);
    else if (refusedNotify.test(line)) this.#notifyFailures.push(`${site.name}: ${line}`);
    else if (transfer.test(line)) this.#tried.transfers += 1;
    else if (notify.test(line)) this.#tried.notifies += 1;
  }

  async #change(site: LoadedSite): Promise<void> {
    for (let i = 0; !this.#over; i++) {
      await site.change(String(i));
      await delay(restMs);
    }
  }

  async #transfer(by: LoadedSite, from: LoadedSite): Promise<void> {
    const dns = new DnsClient({ timeoutMs: patienceMs });
    const zones = this.mesh.zones();
    for (let i = 0; !this.#over; i++) {
      try {
        const { server, key } = await by.sourceOf(from.name);
        await dns.transfer(server, zones[i % zones.length] ?? "", key);
      } catch (error) {
        this.#transferFailures.push(`${by.name}: ${String(error)}`);
      }
      await delay(restMs);
    }
  }

  async #ask(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-load-"));
    try {
      const questions = join(folder, "questions");
      await writeFile(
        questions,
        this.mesh
          .zones()
          .map((zone) => `${zone} SOA\n`)
          .join(""),
      );
      const load = { questions, seconds: askSeconds, rate: questionsPerSecond };
      while (!this.#over) {
        const reports = await Promise.all(this.#sites.map(({ server }) => dnsperf({ ...load, server })));
        for (const { sent, codes } of reports) {
          this.#answers.tried += sent;
          this.#answers.lost += sent - (codes.get("NOERROR") ?? 0);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

/** Cuts what comes in pieces into lines. */
function lines(take: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const parts = `${rest}${text}`.split("\n");
    rest = parts.pop() ?? "";
    parts.forEach(take);
  };
}
