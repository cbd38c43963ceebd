import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../../../src/io/bundle";
import type { KeyRing, Mesh } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/mesh/parse";
import { eventually } from "../eventually";
import { freePort } from "../knot";
import { LabSite } from "./site";

export { LabSite } from "./site";

/** A site in the one list, as a user writes it. */
export interface LabListed {
  name: string;
  role: "primary-catalog" | "secondary-catalog" | "standard";
  addresses: string[];
  zones: (string | { name: string; zoneFile?: string; retired?: string; dnssec?: boolean })[];
  retired?: string;
}

/** What the two central zones are called. */
export const directoryZone = "dns.internal";
export const catalogZone = "catalog.internal.dns";

/**
 * A mesh of real servers and agents on loopback addresses, without Kubernetes and Pulumi. `list` is the one list;
 * {@link Lab.up} does what bringing up the shared stack and the primary does.
 */
export class Lab implements AsyncDisposable {
  readonly sites = new Map<string, LabSite>();

  /** Addresses of the pods of sites that have several, set before they start. The first is the writer's. */
  readonly replicas = new Map<string, readonly string[]>();
  /** The one list; change it and bring up. */
  readonly list: LabListed[] = [];

  private constructor(
    private readonly o: { folder: string; network: string; port: number; program: string; ring: KeyRing },
  ) {}

  get ring(): KeyRing {
    return this.o.ring;
  }

  /** A lab whose list has so many sites, of which none runs yet. The first is the primary, the second a secondary catalog. */
  static async create(count: number): Promise<Lab> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-lab-"));
    const program = join(folder, "agent.js");
    await writeFile(program, bundle("agent"));
    const [a = 0, b = 0] = randomBytes(2);
    const network = `127.${10 + (a % 240)}.${b}`;
    const secret = randomBytes(32).toString("base64");
    const ring: KeyRing = { signing: "mesh-1", accepted: [{ name: "mesh-1", algorithm: "hmac-sha256", secret }] };
    const lab = new Lab({ folder, network, port: await freePort("0.0.0.0"), program, ring });
    for (let i = 0; i < count; i++) lab.add();
    return lab;
  }

  /** Puts one more site into the list. */
  add(changes: Partial<LabListed> = {}): LabListed {
    const index = this.list.length;
    const name = `site-${String.fromCharCode(97 + index)}`;
    const role = index === 0 ? "primary-catalog" : index === 1 ? "secondary-catalog" : "standard";
    const site: LabListed = { name, role, addresses: [this.address(index)], zones: [`${name}.example`], ...changes };
    this.list.push(site);
    return site;
  }

  /** A loopback address of the lab. */
  address(index: number): string {
    return `${this.o.network}.${index + 1}`;
  }

  get mesh(): Mesh {
    return parseMesh({ directoryZone, catalogZone, sites: this.list });
  }

  site(name: string): LabSite {
    const site = this.sites.get(name);
    if (site === undefined) throw new Error(`${name} does not run`);
    return site;
  }

  /** The primary's central zones follow the list. */
  async up(): Promise<void> {
    await this.site("site-a").mountCentral(this.mesh);
  }

  /** What a site's stack mounts follows the list; a site that does not run yet is started. */
  async upSite(name: string): Promise<LabSite> {
    const known = this.sites.get(name);
    const site = known ?? new LabSite(await this.#place(name));
    this.sites.set(name, site);
    await site.mount(this.mesh);
    if (known === undefined) await site.start();
    return site;
  }

  /** Starts a further pod of a site; `sites` has it as `name/ordinal`. */
  async upReplica(name: string, ordinal: number): Promise<LabSite> {
    const addresses = this.replicas.get(name) ?? [];
    const place = await this.#place(name);
    const address = addresses[ordinal];
    if (address === undefined) throw new Error(`${name} has no pod ${ordinal}`);
    const site = new LabSite({
      ...place,
      ...{ address, folder: `${place.folder}-${ordinal}`, replica: { ordinal, addresses } },
    });
    this.sites.set(`${name}/${ordinal}`, site);
    await site.mount(this.mesh);
    await site.start();
    return site;
  }

  /** Starts what is listed and not running, in the order of the list, and waits until all are ready. */
  async upAll(): Promise<void> {
    for (const { name } of this.list) await this.upSite(name);
    await Promise.all([...this.sites.values()].map((site) => site.ready()));
  }

  /** Names of all zones that every site must answer. */
  zones(): string[] {
    const own = this.list.flatMap(({ zones }) => zones.map((zone) => (typeof zone === "string" ? zone : zone.name)));
    return [directoryZone, catalogZone, ...own];
  }

  /** Waits until these sites answer each zone with one and the same serial. */
  async converged(
    seconds: number,
    o: { readonly sites?: readonly string[]; readonly zones?: readonly string[] } = {},
  ): Promise<Map<string, number>> {
    const sites = [...this.sites.values()].filter(({ name }) => o.sites?.includes(name) ?? true);
    return eventually(seconds, async () => {
      const serials = new Map<string, number>();
      for (const zone of o.zones ?? this.zones()) {
        const answers = await Promise.all(sites.map(async (site) => (await site.soa(zone)).serial));
        if (new Set(answers).size !== 1) throw new Error(`${zone}: ${answers.join(", ")}`);
        serials.set(zone, answers[0] ?? 0);
      }
      return serials;
    });
  }

  /** Everything that all sites logged, for a failed test. */
  logs(): string {
    return [...this.sites.values()].map((site) => `--- ${site.name}\n${site.log()}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.sites.values()].map((site) => site[Symbol.asyncDispose]()));
    await rm(this.o.folder, { recursive: true, force: true });
  }

  async #place(name: string) {
    const listed = this.list.find((site) => site.name === name);
    const address = listed?.addresses[0];
    if (address === undefined) throw new Error(`${name} is not in the list`);
    const { ring, program, port, folder } = this.o;
    const addresses = this.replicas.get(name);
    return {
      ...{ name, folder: join(folder, name), address, port, httpPort: await freePort(address), ring, program },
      ...(addresses !== undefined && { replica: { ordinal: 0, addresses } }),
    };
  }
}
