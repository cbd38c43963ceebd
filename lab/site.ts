import { existsSync } from "node:fs";
import { join } from "node:path";

import { eventually } from "../harness/eventually";
import { knotBinaries } from "../harness/knot";
import { run } from "../harness/tools/run";
import { keepZoneKeys } from "../src/agents/reconciler/zone-keys";
import type { AgentAddress } from "../src/agents/sidecar/http/agent-client";
import type { AgentStatus } from "../src/agents/sidecar/http/status";
import { readAgentOptions } from "../src/agents/sidecar/inputs/options";
import { prepare } from "../src/agents/sidecar/prepare";
import { readText, writeAtomically } from "../src/base/files";
import { createLogger } from "../src/base/log";
import { agentEnvironment } from "../src/contract/environments";
import { type KeptKeys, keptKeysFile, parseKeptKeys } from "../src/contract/kept-keys";
import type { Finding } from "../src/contract/mesh-status";
import { nodeFlags } from "../src/contract/node-flags";
import { DnsClient, type DnsServer } from "../src/dns/client/dns-client";
import type { SoaData } from "../src/dns/record";
import { startScript } from "../src/knot/config/guard";
import { KnotControl } from "../src/knot/control/knot-control";
import { LogFile } from "./log-file";
import { type LabPlace, MountedSite } from "./mounted-site";
import { KeptProcess, LabProcess, Log } from "./process";

/** What a site runs, as the containers of its pods are called. */
type LabProgram = "prepare" | "knot" | "agent";

const httpMs = 5000;
/** Lines of a site's log that a failure shows. */
const shownLines = 40;

/** One site: a real knotd and a real agent, with folders in the place of a pod's mounts. */
export class LabSite extends MountedSite implements AsyncDisposable {
  readonly control: KnotControl;
  readonly dns = new DnsClient({ timeoutMs: 500 });
  #knot: LabProcess | undefined;
  #starting: Promise<void> | undefined;
  readonly #agent: KeptProcess;
  readonly #log = new Log();
  readonly #files = new Map<LabProgram, LogFile>();

  constructor(place: LabPlace) {
    super(place);
    this.control = new KnotControl(join(this.path("run"), "knot.sock"));
    this.#agent = new KeptProcess(() => ({
      command: this.#at(pinnedNode(), ...nodeFlags, this.place.program, "worker"),
      env: { ...this.#processEnvironment(), ...this.tornEnvironment() },
      log: this.#logOf("agent"),
    }));
  }

  /** Its name and, at a site of several pods, the ordinal of those that are not the writer. */
  get podName(): string {
    const { name, replica } = this.place;
    return replica === undefined || replica.ordinal === 0 ? name : `${name}/${replica.ordinal}`;
  }

  get server(): DnsServer {
    return { address: this.place.address, port: this.place.port };
  }

  /** Where Knot listens for TLS and QUIC. */
  get secureServer(): DnsServer {
    return { address: this.place.address, port: this.place.securePort };
  }

  get address(): string {
    return this.place.address;
  }

  /** Where its agent answers. */
  get agent(): AgentAddress {
    return { address: this.place.address, port: this.place.httpPort };
  }

  /** Process ids of what runs. */
  get pids(): { readonly agent: number | undefined; readonly knot: number | undefined } {
    return { agent: this.#agent.pid, knot: this.#knot?.runs === true ? this.#knot.pid : undefined };
  }

  /** Calls back whenever Knot logs that it took a newer version of a zone, until disposed of. */
  onZoneUpdated(listener: () => void): Disposable {
    return this.#log.listen((text) => {
      if (text.includes(" zone updated,")) listener();
    });
  }

  /** Gives each piece that Knot and the agent log from now on to a listener, until disposed of. */
  onLog(listener: (text: string) => void): Disposable {
    return this.#log.listen(listener);
  }

  /** Everything that Knot and the agent logged. */
  log(): string {
    return this.#log.text;
  }

  /** Where each program's log is kept, by its container's name; nowhere unless the lab keeps logs. */
  get logFiles(): ReadonlyMap<LabProgram, string> {
    return new Map([...this.#files].map(([program, { path }]) => [program, path]));
  }

  /** As its cluster would call it. */
  get pod(): string {
    return `knot-${this.place.replica?.ordinal ?? 0}`;
  }

  /** The pod's start: init container, Knot, agent. What runs already is left alone. */
  async start(): Promise<void> {
    await this.startServer();
    this.startAgent();
  }

  /** The start without the agent. */
  startServer(): Promise<void> {
    // Whoever comes meanwhile waits for the same start: a second Knot would have the first one's place.
    this.#starting ??= this.#startServer().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #startServer(): Promise<void> {
    if (this.pids.knot !== undefined) return;
    if (this.place.enter.length === 0) await this.prepare();
    else await this.#prepareInside();
    this.startKnot();
  }

  /** What the init container's program does, without a process of its own, on loopback. */
  async prepare(): Promise<void> {
    const sink = this.#logOf("prepare");
    const log = createLogger({
      write: (line) => {
        sink.add(line);
      },
      now: Date.now,
      common: { program: "prepare" },
    });
    const options = readAgentOptions(this.environment());
    await prepare({ options, dns: new DnsClient({ timeoutMs: 700 }), now: Date.now, log });
  }

  /** Runs the init container's program in the site's own network: what it cannot reach from there, it must not have. */
  async #prepareInside(): Promise<void> {
    const [program, ...args] = this.#at(pinnedNode(), this.place.program, "prepare");
    const sink = this.#logOf("prepare");
    const onLine = (line: string): void => {
      sink.add(`${line}\n`);
    };
    await run(program, args, { env: this.#processEnvironment(), onLine });
  }

  startKnot(): void {
    const configFile = this.path("etc", "knot.conf");
    const { guard = false } = this.place;
    const script = startScript({ rundir: this.path("run"), configFile, programs: knotBinaries() });
    const command =
      guard === false ? this.#at(knotBinaries().knotd, "-c", configFile) : this.#at("/bin/sh", "-c", script);
    const log = this.#logOf("knot");
    this.#knot = new LabProcess({ command, log, env: { ...process.env, ...this.clockEnvironment() } });
  }

  startAgent(): void {
    this.#agent.start();
  }

  async stopKnot(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#starting?.catch(() => undefined);
    await this.#knot?.end(signal);
  }

  async stopAgent(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#agent.stop(signal);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await Promise.all([this.stopAgent(signal), this.stopKnot(signal)]);
  }

  /** Ends the agent as a crash would; it is started again, as its container does it. Returns whether there was one. */
  killWorker(): boolean {
    return this.#agent.crash();
  }

  /** What the agent's container has in its environment. */
  environment(): Record<string, string> {
    const { address, port, securePort, httpPort } = this.place;
    const { vault, recordsKey, disagreeMs, leaving } = this.place;
    return agentEnvironment.toEnvironment({
      packetFile: this.path("etc", "welcome.json"),
      ringFile: vault === undefined ? this.path("etc", "ring.json") : this.path("storage", "mesh", "ring.json"),
      ...(vault !== undefined
        ? { vaultFile: this.path("etc", "vault.json") }
        : {
            zoneKeysFile: this.path("etc", "zone-keys", keptKeysFile),
            zoneKeysSealFile: this.path("etc", "zone-keys-seal"),
          }),
      localKeyFile: this.path("etc", "local.json"),
      readersFile: this.path("etc", "readers.json"),
      updatersFile: this.path("etc", "updaters.json"),
      ...(recordsKey && { recordsKeyFile: this.path("etc", "records.json") }),
      backupTokenFile: this.path("etc", "backup-token"),
      letThroughFile: this.path("etc", "let-through"),
      tlsFolder: vault?.issues === true ? this.path("storage", "mesh", "tls") : this.path("etc", "tls"),
      ...(existsSync(this.path("central")) && { centralFolder: this.path("central") }),
      storage: this.path("storage"),
      rundir: this.path("run"),
      knot: { address, port },
      listen: [`${address}@${port}`],
      secureListen: [`${address}@${securePort}`],
      http: { address, port: httpPort },
      pod: this.pod,
      ...(disagreeMs !== undefined && { disagreeMs }),
      ...leaving,
    });
  }

  async http(method: "GET" | "POST", path: string): Promise<{ readonly status: number; readonly text: string }> {
    const signal = AbortSignal.timeout(httpMs);
    const response = await fetch(`http://${this.place.address}:${this.place.httpPort}${path}`, { method, signal });
    return { status: response.status, text: await response.text() };
  }

  /**
   * What the reconciler does with the copy of the zones' keys, and the kubelet with the Secret.
   *
   * @returns what was wrong, as sentences.
   */
  async keepZoneKeys(): Promise<readonly string[]> {
    const file = this.path("etc", "zone-keys", keptKeysFile);
    const findings: Finding[] = [];
    const log = createLogger({
      write: (line) => {
        this.#log.add(line);
      },
      now: Date.now,
      common: { program: "reconciler" },
    });
    const agents = {
      zoneKeys: async () => {
        const { status, text } = await this.http("GET", "/zone-keys");
        return status === 404 ? undefined : parseKeptKeys(JSON.parse(text));
      },
    };
    const cluster = {
      readZoneKeys: async () => {
        const text = await readText(file);
        return { data: text === undefined ? {} : { [keptKeysFile]: Buffer.from(text).toString("base64") } };
      },
      writeZoneKeys: (copy: KeptKeys) => writeAtomically(file, JSON.stringify(copy)),
    };
    const options = { pods: [{ name: "knot-0", address: this.address }] };
    await keepZoneKeys({ agents, cluster, options, packet: {}, log }, findings);
    return findings.map(({ message }) => message);
  }

  async status(): Promise<AgentStatus> {
    return JSON.parse((await this.http("GET", "/status")).text) as AgentStatus;
  }

  /** Waits until the pod would get traffic. */
  async ready(seconds = 20): Promise<void> {
    const look = async (): Promise<void> => {
      const { status, text } = await this.http("GET", "/ready");
      if (status !== 200) throw new Error(text);
    };
    try {
      await eventually(seconds, look, 100);
    } catch (error) {
      const end = this.log().trimEnd().split("\n").slice(-shownLines).join("\n");
      throw new Error(`${this.name} is not ready:\n${end}`, { cause: error });
    }
  }

  soa(zone: string): Promise<SoaData> {
    return this.dns.querySoa(this.server, zone);
  }

  /** Ends everything at once; the folder is the lab's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await this.unmountVolume();
  }

  /** Takes what a program writes. */
  #logOf(program: LabProgram): Pick<Log, "add"> {
    if (this.place.keepsLogs !== true) return this.#log;
    const file = this.#files.get(program) ?? new LogFile(this.path("log", `${program}.log`));
    this.#files.set(program, file);
    return {
      add: (text) => {
        this.#log.add(text);
        file.add(text);
      },
    };
  }

  #processEnvironment(): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"], ...this.environment(), ...this.clockEnvironment() };
  }

  #at(program: string, ...args: readonly string[]): [string, ...string[]] {
    const [first = program, ...rest] = [...this.place.enter, program, ...args];
    return [first, ...rest];
  }
}

/** The Node that the project pins, since the one that runs a test may be older. */
function pinnedNode(): string {
  const pinned = join(__dirname, "..", "node_modules", ".bin", "node");
  return existsSync(pinned) ? pinned : process.execPath;
}
