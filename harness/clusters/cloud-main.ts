/** What a cloud would do, for all clusters of a set, in a process of its own: `cloud-main.ts STATE-FOLDER`. Ends with the set. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { Api } from "./api";
import { type ClaimObject, type CloudView, planCloud, type ServiceObject, volumeFor, volumeName } from "./cloud";
import { SetNetwork } from "./network";
import { destroyClusters } from "./set";
import { clusterDir, familiesOf, isLeftover, readState } from "./state";

/** What decides: one list each, in this order. */
const lists = ["/api/v1/services", "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"] as const;

/** Serves one cluster. */
class CloudOfCluster {
  private api: Api | undefined;
  private again = true;

  constructor(
    private readonly folder: string,
    private readonly node: string,
    private readonly siteAddresses: CloudView["siteAddresses"],
  ) {}

  /** Runs until the set's folder is gone. A broken watch (API server stopped, link cut, another cluster in its place) is opened again. */
  async serve(): Promise<void> {
    await Promise.all([...lists.map((path) => this.follow(path)), this.work()]);
  }

  private get gone(): boolean {
    return !existsSync(dirname(this.folder));
  }

  private async follow(path: string): Promise<void> {
    while (!this.gone) {
      try {
        this.api ??= new Api(join(this.folder, "kubeconfig"));
        await this.api.watch(path, () => {
          this.again = true;
        });
      } catch {
        this.api = undefined;
        await delay(500);
      }
      this.again = true;
    }
  }

  private async work(): Promise<void> {
    while (!this.gone) {
      if (this.again && this.api) {
        this.again = false;
        await this.pass(this.api).catch((error: unknown) => {
          this.again = true;
          console.error(new Date().toISOString(), this.node, error instanceof Error ? error.message : error);
          return delay(400);
        });
      }
      await delay(100);
    }
  }

  private async pass(api: Api): Promise<void> {
    const [services, claims, volumes] = await Promise.all([
      items<ServiceObject>(api, lists[0]),
      items<ClaimObject>(api, lists[1]),
      items<CloudView["volumes"][number]>(api, lists[2]),
    ]);
    const plan = planCloud({ siteAddresses: this.siteAddresses, services, claims, volumes });
    for (const { namespace, name, addresses } of plan.addresses) {
      const status = { loadBalancer: { ingress: addresses.map((ip) => ({ ip, ipMode: "VIP" })) } };
      await api.mergePatch(`/api/v1/namespaces/${namespace}/services/${name}/status`, { status });
    }
    for (const claim of plan.provision) {
      mkdirSync(this.onDisk(volumeName(claim)), { recursive: true });
      await api.create(lists[2], volumeFor(claim, this.node, join("/var/lib/volumes", volumeName(claim))));
    }
    for (const claim of plan.grow) await this.grow(api, claim);
    for (const volume of plan.remove) {
      await api.remove(`${lists[2]}/${volume}`);
      rmSync(this.onDisk(volume), { recursive: true, force: true });
    }
  }

  /** As the resizer of a storage driver does: the volume first, and then the claim has it. */
  private async grow(api: Api, claim: ClaimObject): Promise<void> {
    const { namespace, name } = claim.metadata;
    const capacity = { storage: claim.spec.resources.requests.storage };
    await api.mergePatch(`${lists[2]}/${volumeName(claim)}`, { spec: { capacity } });
    await api.mergePatch(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}/status`, {
      status: { capacity },
    });
  }

  /** A volume's folder as this machine sees it; its node has it under `/var/lib/volumes`. */
  private onDisk(volume: string): string {
    return join(this.folder, "lib", "volumes", volume);
  }
}

async function items<T>(api: Api, path: string): Promise<T[]> {
  return ((await api.get(path)) as { items: T[] }).items;
}

/**
 * Serves each cluster of the set, also those that join later, until the set is gone. When the process that made it was killed
 * and nobody is to use it any more, takes it down.
 */
async function main(stateDir: string): Promise<void> {
  const served = new Set<string>();
  for (let state = readState(stateDir); state; state = readState(stateDir)) {
    if (isLeftover(state)) await destroyClusters(stateDir);
    const network = new SetNetwork(state.index, state.prefix);
    for (const [place, name] of state.clusters.entries()) {
      const folder = clusterDir(stateDir, name);
      if (served.has(name) || !existsSync(join(folder, "kubeconfig"))) continue;
      served.add(name);
      const addresses = familiesOf(state, name).map((family) => [family, network.siteAddresses(place, family)]);
      void new CloudOfCluster(folder, name, Object.fromEntries(addresses) as CloudView["siteAddresses"]).serve();
    }
    await delay(300);
  }
  process.exit(0);
}

void main(process.argv[2] ?? "");
