import { rm } from "node:fs/promises";
import { join } from "node:path";

import type { Identity } from "../harness/certificates";
import { eventually } from "../harness/eventually";
import { writeAtomically } from "../src/base/files";
import { inParallel } from "../src/base/in-parallel";
import { accessText } from "../src/cli/mesh-access";
import type { TsigKey } from "../src/dns/tsig-key";
import { randomKey } from "../src/keyring/fresh-key";
import type { KeyRing } from "../src/keyring/ring-document";
import { effectiveRing } from "../src/keyring/ring-document";
import type { Mesh } from "../src/mesh/model";
import { Balancer } from "./balancer";
import { type LabOptions, type LabParts, prepareLab } from "./lab-parts";
import type { LabNetwork } from "./network";
import { directoryZone, type LabListed, LabPlan } from "./plan";
import { LabSite } from "./site";
import { changeRecord, type NewRecord, type RecordSpread, watchSpread } from "./spread";

/** Sites that are started at a time. */
const startWidth = 8;
/** Questions about one zone that are under way at a time. */
const askWidth = 64;
/** Seconds for a site to become ready. A mesh of hundreds on a small machine needs them. */
const readySeconds = 120;

/** Where addresses of pods begin, and how many a site may have. */
const [firstPod, mostPods] = [10_000, 8];

/**
 * A mesh of real servers and agents on this machine, without Kubernetes and Pulumi. `list` is the one list;
 * {@link Lab.up} does what bringing up the shared stack and the primary does.
 */
export class Lab implements AsyncDisposable {
  readonly sites = new Map<string, LabSite>();

  /** Addresses of the pods of sites that have several, set before they start. The first is the writer's. */
  readonly replicas = new Map<string, readonly string[]>();
  readonly #balancers = new Map<string, Balancer>();

  readonly #localKeys = new Map<string, TsigKey>();
  /** Sites that Vault knows, and that reach it. */
  readonly #atVault = new Set<string>();

  private constructor(
    readonly plan: LabPlan,
    private readonly parts: LabParts,
  ) {}

  /** The one list; change it and bring up. */
  get list(): LabListed[] {
    return this.plan.list;
  }

  get ring(): KeyRing {
    return effectiveRing(this.parts.ring, Date.now());
  }

  get authorities(): readonly Identity[] {
    return this.parts.authorities;
  }

  get network(): LabNetwork {
    return this.parts.network;
  }

  /** Below which everything of the lab lies. */
  get folder(): string {
    return this.parts.folder;
  }

  /** A lab whose list has so many sites, of which none runs yet. The first is the primary, the second a secondary catalog. */
  static async create(options: number | LabOptions): Promise<Lab> {
    const { plan, parts } = await prepareLab(typeof options === "number" ? { sites: options } : options);
    return new Lab(plan, parts);
  }

  /** Puts one more site into the list. */
  add(changes: Partial<LabListed> = {}): LabListed {
    return this.plan.add(changes);
  }

  /** An address of the lab. */
  address(index: number): string {
    return this.plan.address(index);
  }

  get mesh(): Mesh {
    return this.plan.mesh;
  }

  site(name: string): LabSite {
    const site = this.sites.get(name);
    if (site === undefined) throw new Error(`${name} does not run`);
    return site;
  }

  /** The primary's central zones follow the list. */
  async up(): Promise<void> {
    await this.site(this.plan.primary).mountCentral(this.mesh);
  }

  /** What a site's stack mounts follows the list; a site that does not run yet is started. */
  async upSite(name: string): Promise<LabSite> {
    const isNew = !this.sites.has(name);
    const site = await this.#mountSite(name, this.mesh);
    for (const pod of isNew ? this.pods(name) : []) await pod.start();
    return site;
  }

  /** By which names `sites` has a site's pods, the writer first. */
  podNames(name: string): readonly string[] {
    const others = (this.replicas.get(name) ?? []).slice(1);
    return [name, ...others.map((_, i) => `${name}/${i + 1}`)];
  }

  /** What there is of a site, the writer first. */
  pods(name: string): readonly LabSite[] {
    return this.podNames(name).flatMap((pod) => this.sites.get(pod) ?? []);
  }

  /** Starts a further pod of a site; `sites` has it as `name/ordinal`. */
  async upReplica(name: string, ordinal: number): Promise<LabSite> {
    const site = await this.#mountReplica(name, ordinal, this.mesh);
    await site.start();
    return site;
  }

  /**
   * Starts what is listed and not running, and waits until all are ready. The primary answers before the others start,
   * and every Knot runs before the first agent does: whoever asks another one too early waits long before it asks again.
   *
   * @param progress - is given the number of sites that are ready
   */
  async upAll(progress: (ready: number) => void = () => undefined): Promise<void> {
    const mesh = this.mesh;
    const { primary } = this.plan;
    const names = this.list.map(({ name }) => name).filter((name) => name !== primary);
    await this.#upServer(primary, mesh);
    await eventually(readySeconds, () => this.site(primary).soa(directoryZone), 20);
    await inParallel(startWidth, names, (name) => this.#upServer(name, mesh));
    for (const site of this.sites.values()) site.startAgent();
    let ready = 0;
    await inParallel(startWidth, [primary, ...names], async (name) => {
      for (const pod of this.pods(name)) await pod.ready(readySeconds);
      progress(++ready);
    });
  }

  /** Ends a site that the list has no longer, and drops its volume. */
  async drop(name: string): Promise<void> {
    await this.#balancers.get(name)?.[Symbol.asyncDispose]();
    this.#balancers.delete(name);
    for (const pod of this.pods(name)) {
      await pod[Symbol.asyncDispose]();
      await rm(pod.path(), { recursive: true, force: true });
      this.sites.delete(pod.podName);
    }
    await this.network.detach(name);
    this.#atVault.delete(name);
  }

  /** Names of all zones that every site must answer. */
  zones(): string[] {
    return this.plan.zones();
  }

  /** Running sites whose link is not cut. */
  reachable(): LabSite[] {
    return [...this.sites.values()].filter(({ name, pids }) => pids.knot !== undefined && !this.network.isCut(name));
  }

  /** Writes the file by which `mesh` finds this lab as it is now. Returns its path. */
  async writeAccess(): Promise<string> {
    const { ports, authorities } = this.parts;
    const file = join(this.folder, "access.json");
    const pods = [...this.sites.values()].map((pod) => ({
      ...{ name: pod.podName, site: pod.name, address: pod.address },
      http: ports.http,
    }));
    const ca = authorities.map(({ cert }) => cert).join("");
    const logs = [...this.sites.values()].flatMap(({ name: site, pod, logFiles }) =>
      [...logFiles].map(([container, path]) => ({ site, pod, container, file: path })),
    );
    const key = this.parts.accessKey;
    const document = { mesh: this.plan.written(), ports, key, ca, pods, ...(this.parts.keepsLogs && { logs }) };
    await writeAtomically(file, accessText(document), 0o600);
    return file;
  }

  /** Waits until these sites answer each zone with one and the same serial. */
  async converged(
    seconds: number,
    only: { readonly sites?: readonly string[]; readonly zones?: readonly string[] } = {},
  ): Promise<Map<string, number>> {
    const sites = [...this.sites.values()].filter(({ name }) => only.sites?.includes(name) ?? true);
    return eventually(seconds, async () => {
      const serials = new Map<string, number>();
      for (const zone of only.zones ?? this.zones()) {
        const answers: number[] = [];
        await inParallel(askWidth, sites, async (site) => {
          answers.push((await site.soa(zone)).serial);
        });
        if (new Set(answers).size !== 1) throw new Error(`${zone}: ${answers.join(", ")}`);
        serials.set(zone, answers[0] ?? 0);
      }
      return serials;
    });
  }

  /**
   * Puts a record in the place of all of its name and type, by a transaction at the zone's owner, and waits until every
   * reachable site answers it.
   *
   * @param seconds - after which those that do not are given up
   */
  async change(zone: string, record: NewRecord, seconds = 60): Promise<RecordSpread> {
    const owner = this.site(this.plan.owner(zone) ?? "");
    const began = await changeRecord(owner, zone, record);
    return watchSpread({ sites: this.reachable(), owner, question: record, began, seconds });
  }

  /** Everything that all sites logged, for a failed test. */
  logs(): string {
    return [...this.sites.values()].map((site) => `--- ${site.name}\n${site.log()}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#balancers.values()].map((balancer) => balancer[Symbol.asyncDispose]()));
    await Promise.all([...this.sites.values()].map((site) => site[Symbol.asyncDispose]()));
    await this.network[Symbol.asyncDispose]();
    await this.parts.guardian[Symbol.asyncDispose]();
  }

  async #upServer(name: string, mesh: Mesh): Promise<void> {
    await this.#mountSite(name, mesh);
    for (const pod of this.pods(name)) await pod.startServer();
  }

  /** Mounts what each pod of a site has. Returns the writer. */
  async #mountSite(name: string, mesh: Mesh): Promise<LabSite> {
    if (this.parts.replicas > 1 && !this.replicas.has(name)) await this.#balance(name);
    const site = this.sites.get(name) ?? new LabSite(await this.#place(name));
    this.sites.set(name, site);
    await site.mount(mesh);
    for (let ordinal = 1; ordinal < this.parts.replicas; ordinal++) await this.#mountReplica(name, ordinal, mesh);
    return site;
  }

  async #mountReplica(name: string, ordinal: number, mesh: Mesh): Promise<LabSite> {
    const key = `${name}/${ordinal}`;
    const addresses = this.replicas.get(name) ?? [];
    const address = addresses[ordinal];
    if (address === undefined) throw new Error(`${name} has no pod ${ordinal}`);
    const place = await this.#place(name);
    const folder = `${place.folder}-${ordinal}`;
    const site = this.sites.get(key) ?? new LabSite({ ...place, address, folder, replica: { ordinal, addresses } });
    this.sites.set(key, site);
    await site.mount(mesh);
    return site;
  }

  /** Gives a site addresses for its pods, and puts a balancer at its own. */
  async #balance(name: string): Promise<void> {
    const { replicas, ports } = this.parts;
    const [address = ""] = this.plan.listed(name).addresses;
    const first = firstPod + this.replicas.size * mostPods;
    const addresses = Array.from({ length: replicas }, (_, ordinal) => this.address(first + ordinal));
    this.replicas.set(name, addresses);
    await this.network.attach(name, { pods: addresses, shared: address });
    const pods = (): readonly string[] =>
      this.pods(name)
        .filter(({ pids }) => pids.knot !== undefined)
        .map((pod) => pod.address);
    this.#balancers.set(name, await Balancer.start({ address, ports: [ports.dns, ports.secure], pods }));
  }

  #localKeyOf(site: string): TsigKey {
    const key = this.#localKeys.get(site) ?? randomKey("local");
    this.#localKeys.set(site, key);
    return key;
  }

  async #reachVault(name: string, addresses: readonly string[]): Promise<void> {
    const { vault } = this.parts;
    const enter = this.network.enter(name);
    if (vault === undefined || this.#atVault.has(name)) return;
    this.#atVault.add(name);
    await vault.addSite(name, addresses);
    if (enter.length > 0) await vault.reachFrom(enter);
  }

  async #place(name: string) {
    const [listed = ""] = this.plan.listed(name).addresses;
    await this.network.attach(name, { pods: [listed] });
    const {
      ring,
      program,
      ports,
      folder,
      authorities,
      readers,
      vault,
      recordsKey,
      logsAsPod,
      keepsLogs,
      guard,
      clockLibrary,
      volumeOctets,
      disagreeMs,
      backgroundWorkers,
    } = this.parts;
    const addresses = this.replicas.get(name);
    await this.#reachVault(name, addresses ?? [listed]);
    return {
      name,
      folder: join(folder, name),
      address: addresses?.[0] ?? listed,
      port: ports.dns,
      securePort: ports.secure,
      httpPort: ports.http,
      ring,
      authorities,
      readers,
      program,
      enter: this.network.enter(name),
      ...{ logsAsPod, keepsLogs, guard },
      signers: [this.plan.signer.publicKey],
      localKey: this.#localKeyOf(name),
      ...(vault && { vault }),
      ...(clockLibrary !== undefined && { clockLibrary }),
      ...(volumeOctets !== undefined && { volumeOctets }),
      ...(disagreeMs !== undefined && { disagreeMs }),
      ...(backgroundWorkers !== undefined && { backgroundWorkers }),
      ...(recordsKey && { recordsKey }),
      ...(addresses !== undefined && { replica: { ordinal: 0, addresses } }),
    };
  }
}
