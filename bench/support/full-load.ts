import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { readInputs } from "../../src/agents/agent/inputs";
import { readAgentOptions } from "../../src/agents/agent/options";
import { siteSource, type ZoneSource } from "../../src/agents/agent/zone-source";
import { DnsClient } from "../../src/io/dns-client";
import { knotBinaries } from "../../test/support/knot";
import type { Lab, LabSite } from "../../test/support/lab";
import { run } from "../../test/support/tools/run";
import { dnsperf } from "./dnsperf";

/** What was tried between sites of a mesh, and what of it went wrong. */
export interface LoadCounts {
  /** Zones and changes that sites took from each other, and whole zones that a client took. */
  readonly transfers: { readonly tried: number; readonly failed: number };
  /** Those of agents and Knots that came to a Knot; refused ones as either side logged them. */
  readonly notifies: { readonly tried: number; readonly refused: number };
  readonly answers: { readonly tried: number; readonly lost: number };
  /** The lines of Knot's logs, and the client's words, that were counted as failures. */
  readonly failures: readonly string[];
}

/** Between two changes of a site's own zone, and two transfers by the client. */
const restMs = 20;
/** How long dnsperf asks at a time. */
const askSeconds = 2;
const questionsPerSecond = 200;

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
  readonly #answers = { tried: 0, lost: 0 };
  readonly #listening = new DisposableStack();
  readonly #sites: readonly LabSite[];
  #work: Promise<unknown> = Promise.resolve();
  #before: Operations | undefined;

  private constructor(private readonly lab: Lab) {
    this.#sites = [...lab.sites.values()];
  }

  /** Starts to count, and to load. */
  static async start(lab: Lab): Promise<FullLoad> {
    const load = new FullLoad(lab);
    for (const site of load.#sites)
      load.#listening.use(
        site.onLog(
          lines((line) => {
            load.#take(site, line);
          }),
        ),
      );
    load.#before = await operationsAt(load.#sites);
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
    await this.lab.converged(20);
    const after = await operationsAt(this.#sites);
    this.#listening.dispose();
    const since = (name: keyof Operations): number => after[name] - (this.#before?.[name] ?? 0);
    return {
      transfers: { tried: since("axfr") + since("ixfr"), failed: this.#transferFailures.length },
      notifies: { tried: since("notify"), refused: this.#notifyFailures.length },
      answers: this.#answers,
      failures: [...this.#transferFailures, ...this.#notifyFailures],
    };
  }

  /** Ends the load without a look at what came of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#work.catch(() => undefined);
    this.#listening.dispose();
  }

  #take(site: LabSite, line: string): void {
    if (failedTransfer.test(line)) this.#transferFailures.push(`${site.name}: ${line}`);
    else if (refusedNotify.test(line)) this.#notifyFailures.push(`${site.name}: ${line}`);
  }

  async #change(site: LabSite): Promise<void> {
    const zone = `${site.name}.example`;
    for (let i = 0; !this.#over; i++) {
      await site.control.zoneReplace(zone, { owner: `t.${zone}`, ttl: 1, type: "TXT", data: `"${i}"` });
      await site.http("POST", "/announce");
      await delay(restMs);
    }
  }

  async #transfer(by: LabSite, from: LabSite): Promise<void> {
    const dns = new DnsClient();
    const zones = this.lab.zones();
    for (let i = 0; !this.#over; i++) {
      try {
        const { server, key } = await sourceOf(by, from);
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
        this.lab
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

/** How a site would take a zone from another one at the moment. */
async function sourceOf(by: LabSite, from: LabSite): Promise<ZoneSource> {
  const options = readAgentOptions(by.environment());
  const inputs = await readInputs(options, Date.now());
  return siteSource({ inputs, runtime: options.runtime, site: from.name, address: from.address });
}

interface Operations {
  readonly axfr: number;
  readonly ixfr: number;
  readonly notify: number;
}

/** Requests of each kind that came to all of these Knots since they started. */
async function operationsAt(sites: readonly LabSite[]): Promise<Operations> {
  const texts = await Promise.all(
    sites.map((site) =>
      run(knotBinaries().knotc, ["-s", site.path("run", "knot.sock"), "stats", "mod-stats.server-operation"]),
    ),
  );
  const sum = (name: string): number => {
    const found = texts.map((text) => new RegExp(`server-operation\\[${name}\\] = (\\d+)`).exec(text)?.[1] ?? "0");
    return found.reduce((total, count) => total + Number(count), 0);
  };
  return { axfr: sum("axfr"), ixfr: sum("ixfr"), notify: sum("notify") };
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
