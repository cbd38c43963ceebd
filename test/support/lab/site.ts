import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { AgentStatus } from "../../../src/agents/agent/status";
import type { SoaData } from "../../../src/dns/record";
import { DnsClient, type DnsServer } from "../../../src/io/dns-client";
import { KnotControl } from "../../../src/io/knot-control";
import { packCentralZones, partFile, manifestFile } from "../../../src/knot/central-parts";
import { renderCatalog, renderDirectory } from "../../../src/knot/central-zones";
import { renderKnotConf } from "../../../src/knot/site-config";
import type { KeyRing, Mesh } from "../../../src/mesh/model";
import { welcomePacket } from "../../../src/mesh/welcome";
import { eventually } from "../eventually";
import { knotBinaries } from "../knot";

/** Where a {@link LabSite} lives. */
export interface LabPlace {
  readonly name: string;
  /** Everything of the site lies below. */
  readonly folder: string;
  readonly address: string;
  /** Of Knot, the same at all sites. */
  readonly port: number;
  readonly httpPort: number;
  readonly ring: KeyRing;
  /** The bundled agent. */
  readonly program: string;
  /** Which of the site's pods it is, and where all of them are, when there are several. */
  readonly replica?: { readonly ordinal: number; readonly addresses: readonly string[] };
}

/** The Node that the project pins, since the one that runs a test may be older. */
function pinnedNode(): string {
  const pinned = join(__dirname, "..", "..", "..", "node_modules", ".bin", "node");
  return existsSync(pinned) ? pinned : process.execPath;
}

/** One site: a real knotd and a real agent, with folders in the place of a pod's mounts. */
export class LabSite implements AsyncDisposable {
  readonly control: KnotControl;
  readonly dns = new DnsClient({ timeoutMs: 500 });
  #knot: ChildProcess | undefined;
  #agent: ChildProcess | undefined;
  #log = "";

  constructor(private place: LabPlace) {
    this.control = new KnotControl(join(this.path("run"), "knot.sock"));
  }

  get name(): string {
    return this.place.name;
  }

  get server(): DnsServer {
    return { address: this.place.address, port: this.place.port };
  }

  /** Process ids: of the agent's supervisor and of Knot. */
  get pids(): { readonly agent: number | undefined; readonly knot: number | undefined } {
    return { agent: this.#agent?.pid, knot: this.#knot?.pid };
  }

  /** Another address from the next start on, as when a load balancer is made anew. */
  moveTo(address: string): void {
    this.place = { ...this.place, address };
  }

  /** Another key ring from the next {@link mount} on. */
  rotate(ring: KeyRing): void {
    this.place = { ...this.place, ring };
  }

  path(...parts: string[]): string {
    return join(this.place.folder, ...parts);
  }

  /** Everything that Knot and the agent logged. */
  log(): string {
    return this.#log;
  }

  /** What `up` of the site's stack mounts: packet, ring and, on the primary, the central zones. */
  async mount(mesh: Mesh): Promise<void> {
    await mkdir(this.path("etc"), { recursive: true });
    for (const folder of ["run", "storage"]) await mkdir(this.path(folder), { recursive: true });
    const packet = welcomePacket(mesh, this.name, "PEM");
    await writeFile(this.path("etc", "welcome.json"), JSON.stringify(packet));
    await writeFile(this.path("etc", "ring.json"), JSON.stringify(this.place.ring));
    await writeFile(this.path("etc", "knot.conf"), renderKnotConf(this.#runtime()));
    if (packet.site.role === "primary-catalog") await this.mountCentral(mesh);
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

  /** The pod's start: init container, Knot, agent. */
  async start(): Promise<void> {
    await this.prepare();
    this.startKnot();
    this.startAgent();
  }

  /** Runs the init container's program. Throws with its log when it fails. */
  async prepare(): Promise<void> {
    const child = spawn(pinnedNode(), [this.place.program, "prepare"], { env: this.environment(), stdio: "pipe" });
    this.#collect(child);
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`prepare of ${this.name} failed:\n${this.#log}`);
  }

  startKnot(): void {
    this.#knot = spawn(knotBinaries().knotd, ["-c", this.path("etc", "knot.conf")], { stdio: "pipe" });
    this.#collect(this.#knot);
  }

  startAgent(): void {
    this.#agent = spawn(pinnedNode(), [this.place.program, "agent"], { env: this.environment(), stdio: "pipe" });
    this.#collect(this.#agent);
  }

  async stopKnot(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await end(this.#knot, signal);
    this.#knot = undefined;
  }

  async stopAgent(): Promise<void> {
    await end(this.#agent, "SIGTERM");
    this.#agent = undefined;
  }

  async stop(): Promise<void> {
    await Promise.all([this.stopAgent(), this.stopKnot()]);
  }

  /** Ends the agent's working process as a crash would; its supervisor starts another. Returns whether there was one. */
  async killWorker(): Promise<boolean> {
    const pid = this.#agent?.pid;
    if (pid === undefined) return false;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    const worker = Number(children.trim().split(" ")[0]);
    if (!Number.isInteger(worker) || worker <= 0) return false;
    try {
      process.kill(worker, "SIGKILL");
      return true;
    } catch {
      return false;
    }
  }

  /** What the agent's container has in its environment. */
  environment(): NodeJS.ProcessEnv {
    const { address, port, httpPort } = this.place;
    return {
      DNS_MESH_PACKET: this.path("etc", "welcome.json"),
      DNS_MESH_KEYS: this.path("etc", "ring.json"),
      ...(existsSync(this.path("central")) && { DNS_MESH_CENTRAL: this.path("central") }),
      DNS_MESH_STORAGE: this.path("storage"),
      DNS_MESH_RUNDIR: this.path("run"),
      DNS_MESH_KNOT: `${address}@${port}`,
      DNS_MESH_LISTEN: `${address}@${port}`,
      DNS_MESH_REMOTE_PORT: String(port),
      DNS_MESH_HTTP: `${address}@${httpPort}`,
      DNS_MESH_POD: `knot-${this.place.replica?.ordinal ?? 0}`,
      DNS_MESH_REPLICAS: this.place.replica?.addresses.join(",") ?? "",
    };
  }

  async http(method: "GET" | "POST", path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://${this.place.address}:${this.place.httpPort}${path}`, { method });
    return { status: response.status, text: await response.text() };
  }

  async status(): Promise<AgentStatus> {
    return JSON.parse((await this.http("GET", "/status")).text) as AgentStatus;
  }

  /** Waits until the pod would get traffic. */
  async ready(seconds = 20): Promise<void> {
    try {
      await eventually(seconds, async () => {
        const { status, text } = await this.http("GET", "/ready");
        if (status !== 200) throw new Error(text);
      });
    } catch (error) {
      throw new Error(`${this.name} is not ready:\n${this.#log}`, { cause: error });
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

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([end(this.#agent, "SIGTERM"), end(this.#knot, "SIGKILL")]);
  }

  #runtime() {
    const { address, port } = this.place;
    return {
      storage: this.path("storage"),
      rundir: this.path("run"),
      listen: [`${address}@${port}`],
      remotePort: port,
      workers: { udp: 1, tcp: 2, background: 2 },
    };
  }

  #collect(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#log += text;
      });
    }
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const hard = setTimeout(() => child.kill("SIGKILL"), 5000);
  await exited;
  clearTimeout(hard);
}
