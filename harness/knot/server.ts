import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import { messageOf } from "../../src/base/errors";
import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import { freePort } from "../free-port";
import { knotBinaries } from "./binaries";

/** Paths and addresses that a configuration for {@link startKnot} needs. */
export interface KnotPlace {
  /** A fresh folder that is removed in the end. */
  readonly storage: string;
  /** Short enough for a control socket; Knot's is `<rundir>/knot.sock`. */
  readonly rundir: string;
  readonly address: string;
  readonly port: number;
}

/** What {@link startKnot} serves. */
export interface KnotOptions {
  /** Zone name → master-file text. Each is answered before the launcher returns. */
  readonly zones?: Readonly<Record<string, string>>;
  /** Keys that may transfer, notify and update all zones. Without any, everybody may transfer. */
  readonly keys?: readonly TsigKey[];
  /** @default 127.0.0.1 */
  readonly address?: string;
  /** @default a free port */
  readonly port?: number;
  /** Stanzas for the end of the generated configuration. */
  readonly extraConfig?: (place: KnotPlace) => string;
  /** Files below `storage` to write before the start. */
  readonly files?: Readonly<Record<string, string>>;
  /** In which folder the server's own is made. @default the system's for temporary files */
  readonly folder?: string;
  /** How long it may take to answer after a start. @default 10 */
  readonly readySeconds?: number;
  /** The whole configuration instead of the generated one. It must listen on the place's address and port. */
  readonly config?: (place: KnotPlace) => string;
}

/** A knotd that runs. Disposing kills it and removes its files. */
export interface KnotServer extends AsyncDisposable, KnotPlace {
  readonly server: DnsServer;
  readonly configFile: string;
  readonly pid: number;
  /** Everything that it logged so far. */
  log(): string;
  /** Runs `knotc` against it and returns its output. */
  knotc(...args: string[]): Promise<string>;
  /** Ends the process (SIGTERM unless told otherwise) and keeps the files. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same files and port. */
  start(): Promise<void>;
}

/**
 * Starts one real knotd on loopback.
 *
 * @throws Error with Knot's log when it does not answer in time.
 */
export async function startKnot(options: KnotOptions): Promise<KnotServer> {
  const address = options.address ?? "127.0.0.1";
  const storage = await mkdtemp(join(options.folder ?? tmpdir(), "mesh-knot-"));
  const rundir = join(storage, "run");
  const place = { storage, rundir, address, port: options.port ?? (await freePort(address)) };
  const configFile = join(storage, "knot.conf");
  const zones = Object.keys(options.zones ?? {});
  for (const folder of [rundir, join(storage, "db")]) await mkdir(folder);
  const zoneFiles = Object.entries(options.zones ?? {}).map(([zone, text]) => [zoneFile(zone), text] as const);
  for (const [path, text] of [...zoneFiles, ...Object.entries(options.files ?? {})]) {
    await mkdir(dirname(join(storage, path)), { recursive: true });
    await writeFile(join(storage, path), text);
  }
  await writeFile(configFile, (options.config ?? ((at) => generateConfig(options, at)))(place));
  const knot = new KnotProcess(place, configFile, { zones, readySeconds: options.readySeconds ?? 10 });
  try {
    await knot.start();
  } catch (error) {
    await knot[Symbol.asyncDispose]();
    throw error;
  }
  return knot;
}

class KnotProcess implements KnotServer {
  readonly storage: string;
  readonly rundir: string;
  readonly address: string;
  readonly port: number;
  #child: ChildProcess | undefined;
  #log = "";

  constructor(
    place: KnotPlace,
    readonly configFile: string,
    private readonly awaited: { readonly zones: readonly string[]; readonly readySeconds: number },
  ) {
    ({ storage: this.storage, rundir: this.rundir, address: this.address, port: this.port } = place);
  }

  get server(): DnsServer {
    return { address: this.address, port: this.port };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  log(): string {
    return this.#log;
  }

  async knotc(...args: string[]): Promise<string> {
    const socket = join(this.rundir, "knot.sock");
    return (await promisify(execFile)(knotBinaries().knotc, ["-s", socket, ...args])).stdout;
  }

  async start(): Promise<void> {
    const child = spawn(knotBinaries().knotd, ["-c", this.configFile], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    this.#child = child;
    await this.#ready(child);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const hard = setTimeout(() => child.kill("SIGKILL"), 5000);
    await exited;
    clearTimeout(hard);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.storage, { recursive: true, force: true });
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + this.awaited.readySeconds * 1000;
    const client = new DnsClient({ timeoutMs: 200 });
    for (;;) {
      try {
        if (this.awaited.zones.length === 0) await client.query(this.server, "", "SOA");
        for (const zone of this.awaited.zones) await client.querySoa(this.server, zone);
        return;
      } catch (error) {
        if (child.exitCode !== null || Date.now() > deadline)
          throw new Error(`knotd is not ready: ${messageOf(error)}\n${this.#log}`, { cause: error });
        await delay(20);
      }
    }
  }
}

function zoneFile(zone: string): string {
  return `zones/${zone}.zone`;
}

function generateConfig(options: KnotOptions, place: KnotPlace): string {
  const keys = options.keys ?? [];
  const zones = Object.keys(options.zones ?? {});
  const named = keys.length === 0 ? "" : `    key: [${keys.map((key) => key.name).join(", ")}]\n`;
  return `server:
    listen: ${place.address}@${place.port}
    rundir: ${place.rundir}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
database:
    storage: ${join(place.storage, "db")}
${keys.length === 0 ? "" : "key:\n"}${keys.map(keyStanza).join("")}acl:
  - id: everything
${named}    action: [${keys.length === 0 ? "transfer" : "transfer, notify, update"}]
template:
  - id: default
    storage: ${place.storage}
    file: zones/%s.zone
    acl: everything
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    serial-policy: increment
    semantic-checks: off
${options.extraConfig?.(place) ?? ""}${zones.length === 0 ? "" : "zone:\n"}${zones.map((zone) => `  - domain: ${zone}\n`).join("")}`;
}

function keyStanza(key: TsigKey): string {
  return `  - id: ${key.name}\n    algorithm: ${key.algorithm}\n    secret: ${key.secret}\n`;
}
