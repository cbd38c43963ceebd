import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Identity, issue, type IssueOptions, writeIdentity } from "../harness/certificates";
import { eventually } from "../harness/eventually";
import { knotBinaries } from "../harness/knot";
import { run } from "../harness/tools/run";
import type { AgentStatus } from "../src/agents/sidecar/http/status";
import { readAgentOptions } from "../src/agents/sidecar/inputs/options";
import { prepare } from "../src/agents/sidecar/prepare";
import { createLogger } from "../src/base/log";
import { liveSettingsFile, liveSettingsText } from "../src/contract/live-settings";
import { nodeFlags } from "../src/contract/node-flags";
import { DnsClient, type DnsServer } from "../src/dns/client/dns-client";
import type { SoaData } from "../src/dns/record";
import type { TsigKey } from "../src/dns/tsig-key";
import type { RingDocument } from "../src/keyring/ring-document";
import { logSection } from "../src/knot/config/knot-conf";
import { renderKnotConf } from "../src/knot/config/site-config";
import type { RateLimit } from "../src/knot/config/site-runtime";
import { KnotControl } from "../src/knot/control/knot-control";
import { renderCatalog } from "../src/mesh/catalog";
import { manifestFile, packCentralZones, partFile } from "../src/mesh/central-parts";
import { renderDirectory } from "../src/mesh/directory";
import type { Mesh } from "../src/mesh/model";
import { serverName, welcomePacket } from "../src/mesh/welcome";
import type { Updater } from "../src/records/updater";
import type { MeshVault } from "./mesh-vault";
import { directoryZone } from "./plan";
import { KeptProcess, LabProcess, Log } from "./process";

/** Where a {@link LabSite} lives. */
export interface LabPlace {
  readonly name: string;
  /** Everything of the site lies below. */
  readonly folder: string;
  readonly address: string;
  /** Of Knot, the same at all sites. */
  readonly port: number;
  /** Of Knot for TLS and QUIC, the same at all sites. */
  readonly securePort: number;
  readonly httpPort: number;
  readonly ring: RingDocument;
  /** Where the ring comes from instead. */
  readonly vault?: MeshVault;
  /** The site's own key, which its pods share. */
  readonly localKey: TsigKey;
  /** Keys of servers outside the mesh. */
  readonly readers: readonly TsigKey[];
  /** The key by which own zones may be changed. */
  readonly recordsKey?: TsigKey;
  /** Who may change own zones beside. */
  readonly updaters?: readonly Updater[];
  /** The mesh's authorities, the one that signs first. */
  readonly authorities: readonly Identity[];
  /** The bundled agent. */
  readonly program: string;
  /** Answers that one address gets over UDP. */
  readonly rateLimit?: RateLimit | false;
  /** Whether Knot logs as it does in a pod. @default false: all on its own */
  readonly logsAsPod?: boolean;
  /** What a command must begin with to run in the site's network. */
  readonly enter: readonly string[];
  /** Which of the site's pods it is, and where all of them are, when there are several. */
  readonly replica?: { readonly ordinal: number; readonly addresses: readonly string[] };
}

const httpMs = 5000;
/** Lines of a site's log that a failure shows. */
const shownLines = 40;

/** One site: a real knotd and a real agent, with folders in the place of a pod's mounts. */
export class LabSite implements AsyncDisposable {
  readonly control: KnotControl;
  readonly dns = new DnsClient({ timeoutMs: 500 });
  #knot: LabProcess | undefined;
  readonly #agent: KeptProcess;
  readonly #log = new Log();

  constructor(private place: LabPlace) {
    this.control = new KnotControl(join(this.path("run"), "knot.sock"));
    this.#agent = new KeptProcess(() => ({
      command: this.#at(pinnedNode(), ...nodeFlags, this.place.program, "worker"),
      env: this.#processEnvironment(),
      log: this.#log,
    }));
  }

  get name(): string {
    return this.place.name;
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

  /** Process ids of what runs. */
  get pids(): { readonly agent: number | undefined; readonly knot: number | undefined } {
    return { agent: this.#agent.pid, knot: this.#knot?.runs === true ? this.#knot.pid : undefined };
  }

  /** Another address from the next start on, as when a load balancer is made anew. */
  moveTo(address: string): void {
    this.place = { ...this.place, address };
  }

  /** Another key ring from the next {@link mount} on. */
  rotate(ring: RingDocument): void {
    this.place = { ...this.place, ring };
  }

  /** Who may change own zones from now on, as `up` of the site's stack mounts it. */
  async allow(updaters: readonly Updater[]): Promise<void> {
    this.place = { ...this.place, updaters };
    await writeFile(this.path("etc", "updaters.json"), JSON.stringify(updaters));
  }

  /** A new certificate, as a renewal brings it, or any other in its place. */
  async certify(o: { readonly identity?: Identity; readonly authorities?: readonly Identity[] } = {}): Promise<void> {
    const authorities = o.authorities ?? this.place.authorities;
    this.place = { ...this.place, authorities };
    await writeIdentity(this.path("etc", "tls"), o.identity ?? this.issue(), authorities);
  }

  /** How many pods the site has from now on, and how many answers an address gets, as `up` of its stack mounts it. */
  async settle(changes: { readonly pods?: readonly string[]; readonly rateLimit?: RateLimit | false }): Promise<void> {
    const { pods, ...limit } = changes;
    const ordinal = this.place.replica?.ordinal ?? 0;
    this.place = { ...this.place, ...limit, ...(pods && { replica: { ordinal, addresses: pods } }) };
    await this.#mountSettings();
  }

  /** A certificate for the site from the authority that signs. */
  issue(changes: Partial<IssueOptions> = {}): Identity {
    const [ca] = this.place.authorities;
    if (ca === undefined) throw new Error("the lab has no authority");
    return issue({ ca, name: serverName(this.name, directoryZone), ips: [this.place.address], ...changes });
  }

  path(...parts: string[]): string {
    return join(this.place.folder, ...parts);
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

  /** What `up` of the site's stack mounts: packet, ring and, on the primary, the central zones. */
  async mount(mesh: Mesh): Promise<void> {
    await mkdir(this.path("etc"), { recursive: true });
    for (const folder of ["run", "storage"]) await mkdir(this.path(folder), { recursive: true });
    const packet = welcomePacket(mesh, this.name, this.#roots());
    await writeFile(this.path("etc", "welcome.json"), JSON.stringify(packet));
    await this.#mountRing();
    await this.#mountSettings();
    await writeFile(this.path("etc", "local.json"), JSON.stringify(this.place.localKey));
    await writeFile(this.path("etc", "readers.json"), JSON.stringify(this.place.readers));
    const { recordsKey, updaters = [] } = this.place;
    await writeFile(this.path("etc", "updaters.json"), JSON.stringify(updaters));
    if (recordsKey !== undefined) await writeFile(this.path("etc", "records.json"), JSON.stringify(recordsKey));
    if (!existsSync(this.path("etc", "tls"))) await this.certify();
    await writeFile(this.path("etc", "knot.conf"), this.#knotConf(mesh));
    if (packet.site.role === "primary-catalog") await this.mountCentral(mesh);
  }

  async #mountSettings(): Promise<void> {
    const { address, port, securePort, replica, rateLimit } = this.place;
    const pods = { addresses: replica?.addresses ?? [address], port, securePort };
    const settings = { pods, remotePort: port, securePort, ...(rateLimit !== undefined && { rateLimit }) };
    await writeFile(this.path("etc", liveSettingsFile), liveSettingsText(settings));
  }

  #roots(): string {
    const { vault, authorities } = this.place;
    return vault?.issues === true ? vault.roots : authorities.map(({ cert }) => cert).join("");
  }

  async #mountRing(): Promise<void> {
    const { vault, ring } = this.place;
    if (vault === undefined) return writeFile(this.path("etc", "ring.json"), JSON.stringify(ring));
    await writeFile(this.path("etc", "vault.json"), JSON.stringify(await vault.access(this.name, "site")));
  }

  /** Central zones as the primary's stack mounts them, or any text in their place. */
  async mountCentral(mesh: Mesh, texts?: { readonly directory?: string; readonly catalog?: string }): Promise<void> {
    const zones = { directory: renderDirectory(mesh), catalog: renderCatalog(mesh), ...texts };
    const { parts, manifest } = packCentralZones(zones);
    await rm(this.path("central"), { recursive: true, force: true });
    await mkdir(this.path("central"));
    for (const [i, part] of parts.entries()) await writeFile(this.path("central", partFile(i)), part);
    await writeFile(this.path("central", manifestFile), JSON.stringify(manifest));
  }

  /** The pod's start: init container, Knot, agent. What runs already is left alone. */
  async start(): Promise<void> {
    await this.startServer();
    this.startAgent();
  }

  /** The start without the agent. */
  async startServer(): Promise<void> {
    if (this.pids.knot !== undefined) return;
    if (this.place.enter.length === 0) await this.prepare();
    else await this.#prepareInside();
    this.startKnot();
  }

  /** What the init container's program does, without a process of its own, on loopback. */
  async prepare(): Promise<void> {
    const log = createLogger({
      write: (line) => {
        this.#log.add(line);
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
    const onLine = (line: string): void => {
      this.#log.add(`${line}\n`);
    };
    await run(program, args, { env: this.#processEnvironment(), onLine });
  }

  startKnot(): void {
    const command = this.#at(knotBinaries().knotd, "-c", this.path("etc", "knot.conf"));
    this.#knot = new LabProcess({ command, log: this.#log });
  }

  startAgent(): void {
    this.#agent.start();
  }

  async stopKnot(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
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
    return {
      DNS_MESH_PACKET: this.path("etc", "welcome.json"),
      ...(this.place.vault === undefined
        ? { DNS_MESH_KEYS: this.path("etc", "ring.json") }
        : { DNS_MESH_KEYS: this.path("storage", "mesh", "ring.json"), DNS_MESH_VAULT: this.path("etc", "vault.json") }),
      DNS_MESH_LOCAL_KEY: this.path("etc", "local.json"),
      DNS_MESH_READERS: this.path("etc", "readers.json"),
      DNS_MESH_UPDATERS: this.path("etc", "updaters.json"),
      ...(this.place.recordsKey && { DNS_MESH_RECORDS_KEY: this.path("etc", "records.json") }),
      DNS_MESH_TLS: this.place.vault?.issues === true ? this.path("storage", "mesh", "tls") : this.path("etc", "tls"),
      ...(existsSync(this.path("central")) && { DNS_MESH_CENTRAL: this.path("central") }),
      DNS_MESH_STORAGE: this.path("storage"),
      DNS_MESH_RUNDIR: this.path("run"),
      DNS_MESH_KNOT: `${address}@${port}`,
      DNS_MESH_LISTEN: `${address}@${port}`,
      DNS_MESH_LISTEN_SECURE: `${address}@${securePort}`,
      DNS_MESH_HTTP: `${address}@${httpPort}`,
      DNS_MESH_POD: `knot-${this.place.replica?.ordinal ?? 0}`,
    };
  }

  async http(method: "GET" | "POST", path: string): Promise<{ readonly status: number; readonly text: string }> {
    const signal = AbortSignal.timeout(httpMs);
    const response = await fetch(`http://${this.place.address}:${this.place.httpPort}${path}`, { method, signal });
    return { status: response.status, text: await response.text() };
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

  /** All that Knot is configured from, in one text. */
  async files(): Promise<string> {
    const folders = ["storage/conf", "storage/conf/peers.d", "storage/conf/zones.d"];
    const paths = ["storage/zones/local-catalog.invalid.zone"];
    for (const folder of folders) {
      const names = await readdir(this.path(folder), { withFileTypes: true });
      paths.push(...names.filter((entry) => entry.isFile()).map((entry) => `${folder}/${entry.name}`));
    }
    const texts = await Promise.all(paths.sort().map((path) => readFile(this.path(path), "utf8")));
    return texts.join("\n");
  }

  /** Ends everything at once; the folder is the lab's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }

  /** Knot tells the lab everything itself, also while there is no agent, unless a test wants to see what a pod logs. */
  #knotConf(mesh: Mesh): string {
    const text = renderKnotConf(this.#runtime(), mesh.transport);
    if (this.place.logsAsPod === true) return text;
    return text.replace(logSection(this.path("run")), "log:\n  - target: stdout\n    any: info\n    zone: debug\n");
  }

  #processEnvironment(): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"], ...this.environment() };
  }

  #at(program: string, ...args: readonly string[]): [string, ...string[]] {
    const [first = program, ...rest] = [...this.place.enter, program, ...args];
    return [first, ...rest];
  }

  #runtime() {
    const { address, port, securePort } = this.place;
    return {
      storage: this.path("storage"),
      rundir: this.path("run"),
      listen: [`${address}@${port}`],
      secure: { listen: [`${address}@${securePort}`] },
      workers: { udp: 1, tcp: 10, background: 2 },
    };
  }
}

/** The Node that the project pins, since the one that runs a test may be older. */
function pinnedNode(): string {
  const pinned = join(__dirname, "..", "node_modules", ".bin", "node");
  return existsSync(pinned) ? pinned : process.execPath;
}
