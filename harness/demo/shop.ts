import { poolKind, type PoolSpec } from "../../src/pools/model";
import { poolZoneLabel } from "../../src/pools/wire";
import { apiVersion } from "../../src/records/model";
import { imagesSchema } from "../../src/settings/site-parts";
import type { Cluster } from "../clusters";
import { eventually } from "../eventually";
import { ensureImages } from "../images";
import { kdigEveryPod } from "../kdig";
import type { ListedSite, RunningMesh } from "../mesh/running-mesh";

/** Where the web servers listen, on their nodes. */
const port = 8080;
const pod = "shop";
const inside = ["-n", "dns-system"];

/** The zone in which a site tells the others which targets it sees. */
export function poolZone(site: ListedSite): string {
  return `${poolZoneLabel}.${site.name}.internal.dns`;
}

/** The setting that lets a site probe the web servers. */
export function probesOf(clusters: readonly Cluster[]): Record<string, unknown> {
  return { "dns-mesh:records": { probes: clusters.map(({ nodeAddress }) => `${nodeAddress}/32@${port}`) } };
}

/** A web server in each of some clusters, and a name of a mesh's that leads to the first of them that is there. */
export class Shop {
  readonly manifest: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec: PoolSpec;
  };

  constructor(
    private readonly mesh: RunningMesh,
    private readonly options: {
      readonly zone: string;
      readonly owner: Cluster;
      readonly targets: readonly Cluster[];
    },
  ) {
    this.manifest = {
      apiVersion,
      kind: poolKind,
      metadata: { name: pod },
      spec: {
        zone: options.zone,
        name: pod,
        type: "A",
        ttl: 10,
        check: { type: "HTTP", port },
        targets: options.targets.map(({ nodeAddress }, priority) => ({ value: nodeAddress, priority })),
      },
    };
  }

  /** The pool's name in the DNS. */
  get name(): string {
    return `${pod}.${this.options.zone}`;
  }

  /** The cluster that the pool is in. */
  get owner(): string {
    return this.options.owner.name;
  }

  /** Where the name leads to, in the order of their priorities. */
  get addresses(): readonly string[] {
    return this.options.targets.map(({ nodeAddress }) => nodeAddress);
  }

  /** Starts the web servers. */
  async start(): Promise<void> {
    await Promise.all(this.options.targets.map(startWebServer));
  }

  /** Makes the pool. */
  async open(): Promise<void> {
    await this.options.owner.kubectl([...inside, "apply", "-f", "-"], JSON.stringify(this.manifest));
  }

  /** Waits until the name leads to the first target everywhere. */
  async isOpen(): Promise<void> {
    const conditions = ["Ready", "Healthy"].map((condition) => `--for=condition=${condition}`);
    await Promise.all(
      conditions.map((condition) =>
        this.options.owner.kubectl([...inside, "wait", condition, `dnspool/${pod}`, "--timeout=60s"]),
      ),
    );
    await this.#leadsTo(this.options.targets[0]);
  }

  /** Kills the first target, and returns how many milliseconds later every pod of every site leads to the second. */
  async killFirst(): Promise<number> {
    const [first, second] = this.options.targets;
    const killed = Date.now();
    await first?.kubectl(["-n", "default", "delete", "pod", pod, "--force", "--grace-period=0"]);
    await this.#leadsTo(second);
    return Date.now() - killed;
  }

  async #leadsTo(target: Cluster | undefined): Promise<void> {
    const look = async (site: ListedSite): Promise<void> => {
      for (const { pod: asked, answer } of await kdigEveryPod(this.mesh.server(site.name), this.name, "A"))
        if (answer !== target?.nodeAddress) throw new Error(`${asked} answers ${answer}, not ${target?.nodeAddress}`);
    };
    await Promise.all(this.mesh.sites.map((site) => eventually(60, () => look(site), 100)));
  }
}

/** On the node's own address, which the other clusters reach. */
async function startWebServer(cluster: Cluster): Promise<void> {
  const { node: usual } = imagesSchema.parse({});
  const image = cluster.local ? (await ensureImages()).node.name : (process.env["DNS_MESH_NODE_IMAGE"] ?? usual);
  const program = `require("node:http").createServer((_, answer) => answer.end("open")).listen(${port}, "${cluster.nodeAddress}")`;
  const manifest = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod },
    spec: {
      hostNetwork: true,
      tolerations: [{ operator: "Exists" }],
      containers: [{ name: pod, image, imagePullPolicy: "IfNotPresent", command: ["node", "-e", program] }],
    },
  };
  await cluster.kubectl(["-n", "default", "apply", "-f", "-"], JSON.stringify(manifest));
  await cluster.kubectl(["-n", "default", "wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s"]);
}
