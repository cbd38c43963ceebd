import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Identity, issue, type IssueOptions, writeIdentity } from "../harness/certificates";
import type { LeavingTimes } from "../src/agents/sidecar/inputs/options";
import { keptKeysFile, keptKeysMarker } from "../src/contract/kept-keys";
import { type LiveSettings, liveSettingsFile, liveSettingsText } from "../src/contract/live-settings";
import type { TsigKey } from "../src/dns/tsig-key";
import type { Reader } from "../src/keyring/reader";
import type { RingDocument } from "../src/keyring/ring-document";
import { logSection } from "../src/knot/config/knot-conf";
import { renderKnotConf } from "../src/knot/config/site-config";
import type { RateLimit, ZoneSeries } from "../src/knot/config/site-runtime";
import { renderCatalog } from "../src/mesh/catalog";
import { manifestFile, packCentralZones, partFile } from "../src/mesh/central-parts";
import { renderDirectory } from "../src/mesh/directory";
import type { Limits } from "../src/mesh/limits";
import type { Mesh } from "../src/mesh/model";
import { serverName, welcomePacket } from "../src/mesh/welcome";
import type { Updater } from "../src/records/updater";
import { clockEnvironment, setClock, tornEnvironment } from "./clock";
import type { MeshVault } from "./mesh-vault";
import { directoryZone } from "./plan";
import { SmallVolume } from "./small-volume";

/** Where a site of a lab lives. */
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
  readonly readers: readonly Reader[];
  /** The key by which own zones may be changed. */
  readonly recordsKey?: TsigKey;
  /** Who may change own zones beside. */
  readonly updaters?: readonly Updater[];
  /** Public keys by which epochs are checked. */
  readonly signers?: readonly string[];
  /** The mesh's authorities, the one that signs first. */
  readonly authorities: readonly Identity[];
  /** The bundled agent. */
  readonly program: string;
  /** Answers that one address gets over UDP. */
  readonly rateLimit?: RateLimit | false;
  /** Whether a new volume waits for a restore. */
  readonly awaitsRestore?: boolean;
  /** How many names a change of an own zone may take away unseen. @default false: any */
  readonly guard?: Limits | false;
  /** Which zones have metrics of their own. @default as in pods */
  readonly zoneSeries?: ZoneSeries;
  /** What DnsRecords of which namespaces may claim. @default anything */
  readonly tenants?: LiveSettings["tenants"];
  /** What other objects DnsRecords are made of. @default none */
  readonly sources?: LiveSettings["sources"];
  /** For how long another site may answer another version of an own zone, in milliseconds. @default as in pods */
  readonly disagreeMs?: number;
  /** How the agent goes once its pod is to end. @default at once */
  readonly leaving?: LeavingTimes;
  /** Whether Knot logs as it does in a pod. @default false: all on its own */
  readonly logsAsPod?: boolean;
  /** Whether what its programs write is kept in files, too. @default false */
  readonly keepsLogs?: boolean;
  /** Size of the pod's volume, where it has a file system of its own. */
  readonly volumeOctets?: number;
  /** Knot's background workers. @default few, for many sites on a machine */
  readonly backgroundWorkers?: number;
  /** What lets the site's clock differ from the machine's. */
  readonly clockLibrary?: string;
  /** What a command must begin with to run in the site's network. */
  readonly enter: readonly string[];
  /** Which of the site's pods it is, and where all of them are, when there are several. */
  readonly replica?: { readonly ordinal: number; readonly addresses: readonly string[] };
}

/** Less than in pods: a lab may have hundreds of sites. Both wait for a peer that takes connections and answers nothing. */
const fewWorkers = 2;

/** A site's folders, which stand in for a pod's mounts and volume: what the site's stack writes, and what Knot is configured from. */
export class MountedSite {
  #volume: SmallVolume | undefined;

  constructor(protected place: LabPlace) {}

  /** The pod's volume, where it has a file system of its own. */
  get volume(): SmallVolume {
    if (this.#volume === undefined) throw new Error(`the volume of ${this.name} is a folder`);
    return this.#volume;
  }

  /** Takes away a volume that is a file system of its own. */
  protected async unmountVolume(): Promise<void> {
    await this.#volume?.unmount();
    this.#volume = undefined;
  }

  get name(): string {
    return this.place.name;
  }

  path(...parts: string[]): string {
    return join(this.place.folder, ...parts);
  }

  /** Another address from the next start on, as when a load balancer is made anew. */
  moveTo(address: string): void {
    this.place = { ...this.place, address };
  }

  /** Another way to go from the agent's next start on. */
  leaveBy(leaving: LeavingTimes): void {
    this.place = { ...this.place, leaving };
  }

  /** Another key ring from the next {@link mount} on. */
  rotate(ring: RingDocument): void {
    this.place = { ...this.place, ring };
  }

  /** Who may change own zones from now on, as `up` of the site's stack mounts it. */
  async allow(updaters: readonly Updater[]): Promise<void> {
    this.place = { ...this.place, updaters };
    await this.#put("updaters.json", JSON.stringify(updaters));
  }

  /** A new certificate, as a renewal brings it, or any other in its place. */
  async certify(
    changes: { readonly identity?: Identity; readonly authorities?: readonly Identity[] } = {},
  ): Promise<void> {
    const authorities = changes.authorities ?? this.place.authorities;
    this.place = { ...this.place, authorities };
    await writeIdentity(this.path("etc", "tls"), changes.identity ?? this.issue(), authorities);
  }

  /** What running pods take over from now on, as `up` of the site's stack mounts it. */
  async settle(changes: {
    readonly pods?: readonly string[];
    readonly rateLimit?: RateLimit | false;
    readonly guard?: Limits | false;
    readonly awaitsRestore?: boolean;
    readonly zoneSeries?: ZoneSeries;
    readonly tenants?: LiveSettings["tenants"];
    readonly sources?: LiveSettings["sources"];
  }): Promise<void> {
    const { pods, ...limit } = changes;
    const ordinal = this.place.replica?.ordinal ?? 0;
    this.place = { ...this.place, ...limit, ...(pods && { replica: { ordinal, addresses: pods } }) };
    await this.#mountSettings();
  }

  /** Has changes of own zones let through, as the annotation of pod 0 does: `zone=time`, with commas between. */
  async letThrough(text: string): Promise<void> {
    await this.#put("let-through", text);
  }

  /** A certificate for the site from the authority that signs. */
  issue(changes: Partial<IssueOptions> = {}): Identity {
    const [ca] = this.place.authorities;
    if (ca === undefined) throw new Error("the lab has no authority");
    return issue({ ca, name: serverName(this.name, directoryZone), ips: [this.place.address], ...changes });
  }

  /** By how many seconds the clock of the site's programs is ahead from now on; negative for behind. */
  async setClock(seconds: number): Promise<void> {
    if (this.place.clockLibrary === undefined) throw new Error(`${this.name} has the machine's clock`);
    await setClock(this.path("clock"), seconds);
  }

  /** Whether the agent is killed, from now on, in the middle of each file of Knot's that it writes. */
  async tearWrites(isTorn: boolean): Promise<void> {
    if (this.place.clockLibrary === undefined) throw new Error(`${this.name} writes as the machine does`);
    if (isTorn) await writeFile(this.path("torn"), "");
    else await rm(this.path("torn"), { force: true });
  }

  /** What its agent has in its environment for {@link tearWrites}. */
  protected tornEnvironment(): Record<string, string> {
    if (this.place.clockLibrary === undefined) return {};
    const folders = ["conf", "zones"].map((name) => this.path("storage", name));
    return tornEnvironment(this.path("torn"), folders);
  }

  /** What the site's programs have in their environment for a clock of their own. */
  protected clockEnvironment(): Record<string, string> {
    const { clockLibrary } = this.place;
    return clockLibrary === undefined ? {} : clockEnvironment(clockLibrary, this.path("clock"));
  }

  /** Takes away all that the pod's volume holds, while nothing runs. */
  async loseVolume(): Promise<void> {
    const root = this.path("storage");
    await mkdir(root, { recursive: true });
    for (const name of await readdir(root)) await rm(join(root, name), { recursive: true, force: true });
  }

  /** Takes away the second place of the zones' keys, as when the cluster is lost; without Vault. */
  async loseZoneKeys(): Promise<void> {
    await rm(this.path("etc", "zone-keys", keptKeysFile), { force: true });
  }

  /** The key by which the site's own programs read its zones. */
  get localKey(): TsigKey {
    return this.place.localKey;
  }

  /** What `up` of the site's stack mounts: packet, ring and, on the primary, the central zones. */
  async mount(mesh: Mesh): Promise<void> {
    await mkdir(this.path("etc"), { recursive: true });
    const { volumeOctets } = this.place;
    if (volumeOctets !== undefined) this.#volume ??= await SmallVolume.make(this.path("storage"), volumeOctets);
    for (const folder of ["run", "storage"]) await mkdir(this.path(folder), { recursive: true });
    const { signers } = this.place;
    if (this.place.clockLibrary !== undefined && !existsSync(this.path("clock"))) await this.setClock(0);
    const packet = { ...welcomePacket(mesh, this.name, this.#roots()), ...(signers && { signers }) };
    await this.#put("welcome.json", JSON.stringify(packet));
    await this.#mountRing();
    await this.#mountSettings();
    await this.#put("local.json", JSON.stringify(this.place.localKey));
    await this.#put("readers.json", JSON.stringify(this.place.readers));
    const { recordsKey, updaters = [] } = this.place;
    await this.#put("updaters.json", JSON.stringify(updaters));
    if (recordsKey !== undefined) await this.#put("records.json", JSON.stringify(recordsKey));
    await this.#mountZoneKeys();
    if (!existsSync(this.path("etc", "tls"))) await this.certify();
    await this.#put("knot.conf", this.#knotConf(mesh));
    if (packet.site.role === "primary-catalog") await this.mountCentral(mesh);
  }

  /** A mounted file is never there by half: the kubelet renames a link. */
  async #put(name: string, content: Buffer | string, folder = this.path("etc")): Promise<void> {
    await writeFile(join(folder, `.${name}`), content);
    await rename(join(folder, `.${name}`), join(folder, name));
  }

  /** The Secret that the site's DNSSEC keys are kept in, empty at first, and what they are sealed with. */
  async #mountZoneKeys(): Promise<void> {
    const folder = this.path("etc", "zone-keys");
    if (this.place.vault !== undefined || existsSync(folder)) return;
    await mkdir(folder);
    await writeFile(join(folder, keptKeysMarker), this.name);
    await writeFile(this.path("etc", "zone-keys-seal"), randomBytes(48).toString("hex"));
  }

  async #mountSettings(): Promise<void> {
    const { address, port, securePort, httpPort, replica, rateLimit, guard, awaitsRestore } = this.place;
    const { zoneSeries, tenants, sources } = this.place;
    const pods = { addresses: replica?.addresses ?? [address], port, securePort, httpPort };
    const limits = { ...(rateLimit !== undefined && { rateLimit }), ...(guard !== undefined && { guard }) };
    const live = { ...limits, ...(awaitsRestore === true && { awaitsRestore }), ...(zoneSeries && { zoneSeries }) };
    const settings = {
      pods,
      remotePort: port,
      securePort,
      ...live,
      ...(tenants && { tenants }),
      ...(sources && { sources }),
    };
    await this.#put(liveSettingsFile, liveSettingsText(settings));
  }

  #roots(): string {
    const { vault, authorities } = this.place;
    return vault?.issues === true ? vault.roots : authorities.map(({ cert }) => cert).join("");
  }

  async #mountRing(): Promise<void> {
    const { vault, ring } = this.place;
    if (vault === undefined) return this.#put("ring.json", JSON.stringify(ring));
    await this.#put("vault.json", JSON.stringify(await vault.access(this.name, "site")));
  }

  /** Central zones as the primary's stack mounts them, or any text in their place. */
  async mountCentral(mesh: Mesh, texts?: { readonly directory?: string; readonly catalog?: string }): Promise<void> {
    const zones = { directory: renderDirectory(mesh), catalog: renderCatalog(mesh), ...texts };
    const { parts, manifest } = packCentralZones(zones);
    const folder = this.path("central");
    await mkdir(folder, { recursive: true });
    const files = new Map<string, Buffer | string>(parts.map((part, i) => [partFile(i), part]));
    files.set(manifestFile, JSON.stringify(manifest));
    for (const [name, content] of files) await this.#put(name, content, folder);
    for (const name of await readdir(folder)) if (!files.has(name)) await rm(join(folder, name));
  }

  /** All that Knot is configured from, in one text: as its `include` does, without what the agent is still writing. */
  async files(): Promise<string> {
    const folders = ["storage/conf", "storage/conf/peers.d", "storage/conf/zones.d"];
    const paths = ["storage/zones/local-catalog.invalid.zone"];
    for (const folder of folders) {
      const names = await readdir(this.path(folder), { withFileTypes: true });
      const files = names.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
      paths.push(...files.map((entry) => `${folder}/${entry.name}`));
    }
    const texts = await Promise.all(paths.sort().map((path) => readFile(this.path(path), "utf8")));
    return texts.join("\n");
  }

  /** Knot tells the lab everything itself, also while there is no agent, unless a test wants to see what a pod logs. */
  #knotConf(mesh: Mesh): string {
    const text = renderKnotConf(this.#runtime(), mesh.transport);
    if (this.place.logsAsPod === true) return text;
    return text.replace(logSection(this.path("run")), "log:\n  - target: stdout\n    any: info\n    zone: debug\n");
  }

  #runtime() {
    const { address, port, securePort } = this.place;
    return {
      storage: this.path("storage"),
      rundir: this.path("run"),
      listen: [`${address}@${port}`],
      secure: { listen: [`${address}@${securePort}`] },
      workers: { udp: 1, tcp: 10, background: this.place.backgroundWorkers ?? fewWorkers },
    };
  }
}
