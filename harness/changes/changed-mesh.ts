import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Cluster, type ClusterSet, createClusters } from "../clusters";
import { ensureImages, ensureResolverImage } from "../images";
import { readyPods } from "../mesh/ready-pods";
import { type ListedSite, listedSite, RunningMesh } from "../mesh/running-mesh";
import { startVault, type VaultServer } from "../plugins/vault-server";
import type { DriverOptions, OperationResult } from "../pulumi/driver";
import { serviceAccountKeys } from "../service-account-keys";
import type { Edit, Surroundings, Told } from "./change";
import { podsOf, type SitePods } from "./pods";

/** A stack that a second `up` changed something of. */
export interface Restless {
  readonly stack: string;
  readonly changes: OperationResult["changes"];
}

const primary = "site-a";
const changed = "site-b";

/** How a {@link ChangedMesh} is made. */
interface ChangedMeshOptions extends Pick<DriverOptions, "writes"> {
  /** Whether it has what few changes need: the resolver's image, and addresses of both families in the cluster that is changed. @default false */
  readonly hasAll?: boolean;
}

/** Two sites of two pods each in clusters of their own, the settings of one of which are changed, and a Vault beside them. */
export class ChangedMesh implements AsyncDisposable {
  /** The site that is changed. */
  readonly site = changed;
  /** The other one: the primary. */
  readonly other = primary;
  readonly plain: Told;
  #now: Told;

  private constructor(
    readonly mesh: RunningMesh,
    readonly surroundings: Surroundings,
    private readonly made: { readonly clusters: ClusterSet; readonly vault: VaultServer },
  ) {
    this.plain = this.#now = {
      shared: {},
      mesh: {
        directoryZone: "dns.internal",
        catalogZone: "catalog.internal.dns",
        sites: made.clusters.clusters.map(listedOnce),
      },
      site: { replicas: "2", rateLimit: false, drainSeconds: "2", images: surroundings.images },
    };
  }

  /**
   * Makes it, and waits until both sites answer every zone.
   *
   * @param options.writes - As {@link DriverOptions} says: at the end where no engine is killed.
   */
  static async start(
    log: (line: string) => void,
    { hasAll = false, ...options }: ChangedMeshOptions = {},
  ): Promise<ChangedMesh> {
    const families = hasAll ? ({ [changed]: ["IPv4", "IPv6"] } as const) : {};
    const clusters = await createClusters({ names: [primary, changed], log, families });
    const vault = await startVault(clusters.hostAddress);
    process.env["VAULT_TOKEN"] = vault.token;
    const siteConfig = { "dns-mesh:replicas": "2", "dns-mesh:drainSeconds": "2" };
    const mesh = new RunningMesh({ clusters: clusters.clusters, siteConfig, ...options });
    const surroundings = await surroundingsOf(mesh, { clusters, vault, hasAll });
    const made = new ChangedMesh(mesh, surroundings, { clusters, vault });
    await mesh.configureSite(clusters.get(primary), { "dns-mesh:rateLimit": false });
    await made.#configure(made.plain);
    await mesh.up("shared");
    await Promise.all([mesh.up(primary), mesh.up(changed)]);
    await mesh.converged(90);
    return made;
  }

  /** What the stacks are told now. */
  get now(): Told {
    return this.#now;
  }

  /** Brings up every stack that is told something else by it. */
  async change(edit: Edit): Promise<void> {
    const told = edit(this.plain, this.surroundings);
    const stacks = stacksFor(this.#now, told);
    await this.#configure(told);
    this.#now = told;
    await this.#up(stacks);
    await readyPods(this.#cluster, Number(told.site["replicas"]));
  }

  /** Brings up what a change from there would; what that changes is too much. */
  async again(from: Told): Promise<readonly Restless[]> {
    const done = await this.#up(stacksFor(from, this.#now));
    const isChange = (kind: string): boolean => kind !== "same" && kind !== "read";
    return done.filter(({ changes }) => Object.keys(changes).some(isChange));
  }

  /** Expects `up` to fail, and what the stacks are told to be as before then. Returns what it said. */
  async refuse(edit: Edit): Promise<string> {
    const before = this.#now;
    try {
      await this.change(edit);
      return "";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#now = before;
      await this.#configure(before);
    }
  }

  /** Pods of the site that is changed, and of the other one. */
  async pods(): Promise<{ readonly here: SitePods; readonly elsewhere: SitePods }> {
    const [here, elsewhere] = await Promise.all([podsOf(this.#cluster), podsOf(this.made.clusters.get(primary))]);
    return { here, elsewhere };
  }

  get #cluster(): Cluster {
    return this.made.clusters.get(changed);
  }

  async #configure({ shared, mesh, site }: Told): Promise<void> {
    this.mesh.sites = [...mesh.sites];
    await this.mesh.driver.setConfig("shared", { "dns-mesh:mesh": mesh, ...named(shared) });
    await this.mesh.configureSite(this.#cluster, named(site));
  }

  async #up(stacks: readonly string[]): Promise<readonly (Restless & OperationResult)[]> {
    const isShared = (stack: string): boolean => stack === "shared";
    const up = async (stack: string) => ({ stack, ...(await this.mesh.up(stack)) });
    const first = [];
    for (const stack of stacks.filter(isShared)) first.push(await up(stack));
    return [...first, ...(await settled(stacks.filter((stack) => !isShared(stack)).map(up)))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    delete process.env["VAULT_TOKEN"];
    await this.mesh[Symbol.asyncDispose]();
    await this.made.vault[Symbol.asyncDispose]();
    await this.made.clusters[Symbol.asyncDispose]();
  }
}

/** Waits for all before it fails: an `up` must not go on under the next one. */
async function settled<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

function named(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`dns-mesh:${name}`, value]));
}

/** What the shared stack is told concerns every site. */
function stacksFor(from: Told, to: Told): readonly string[] {
  const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  return isSame(from.shared, to.shared) && isSame(from.mesh, to.mesh) ? [changed] : ["shared", primary, changed];
}

/** The list has the first family alone. */
function listedOnce(cluster: Cluster, index: number): ListedSite {
  const site = listedSite(cluster, index);
  return { ...site, addresses: site.addresses.slice(0, 1), sources: site.sources.slice(0, 1) };
}

async function surroundingsOf(
  mesh: RunningMesh,
  { clusters, vault, hasAll }: { clusters: ClusterSet; vault: VaultServer; hasAll: boolean },
): Promise<Surroundings> {
  const cluster = clusters.get(changed);
  const { knot, node } = await ensureImages();
  const resolver = hasAll ? await ensureResolverImage() : undefined;
  if (resolver) await cluster.ctr(["images", "import", resolver.archive]);
  const images = { knot: knot.name, node: node.name, ...(resolver && { resolver: resolver.name }) };
  const again = (name: string): string => `${name}-again`;
  const otherImages = { knot: again(knot.name), node: again(node.name), resolver: again(resolver?.name ?? "none") };
  for (const name of Object.values(images)) await cluster.ctr(["images", "tag", "--force", name, again(name)]);
  const otherKubeconfig = join(mesh.workDir, "other-kubeconfig");
  for (const file of [cluster.kubeconfig, cluster.otherKubeconfig])
    writeTwoContexts(file, file === cluster.kubeconfig ? file : otherKubeconfig);
  return {
    site: changed,
    zone: "catalog-secondary.internal.dns",
    addresses: [cluster.siteAddress, cluster.spareAddress],
    otherKubeconfig,
    otherContext: otherContext(cluster.context),
    images,
    otherImages,
    network: `${clusters.hostAddress.replace(/\.\d+$/, ".0")}/24`,
    vaultAddress: vault.address,
    serviceAccountKeys: await serviceAccountKeys(cluster),
    authority: readFileSync(join(clusters.stateDir, "ca", "ca.crt"), "utf8"),
    today: new Date().toISOString().slice(0, 10),
  };
}

function otherContext(context: string): string {
  return `${context}-renamed`;
}

/** Copies a kubeconfig of one context and gives that a second name. */
function writeTwoContexts(from: string, to: string): void {
  const config = JSON.parse(readFileSync(from, "utf8")) as { contexts: { name: string; context: unknown }[] };
  const contexts = config.contexts.flatMap((one) => [one, { ...one, name: otherContext(one.name) }]);
  writeFileSync(to, JSON.stringify({ ...config, contexts }), { mode: 0o600 });
}
