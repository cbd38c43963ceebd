import { administrator } from "../../harness/plugins/control-plane";
import type { ApiState } from "../../harness/records/faulty-api";
import type { OperatorProcess } from "../../harness/records/operator-process";
import type { Secret } from "../../harness/secret-search";
import type { Lab } from "../../lab";
import { raiseLoopback } from "../../lab/namespaces";
import type { TsigKey } from "../../src/dns/tsig-key";
import { clusterSiteOf, type Extra } from "./fault";
import type { Aim } from "./healing";
import type { ReconcilerState } from "./reconciler-loop";
import type { RecordChanger } from "./record-changer";
import { type ClusterPrograms, SiteCluster } from "./site-cluster";
import { VaultSide } from "./vault-side";

/** Between two looks at the network policy. */
const policyEveryMs = 1000;

/** What a mesh under test has beside its sites. */
export class Surroundings implements AsyncDisposable {
  #cluster: SiteCluster | undefined;

  private constructor(private readonly vaultSide: VaultSide | undefined) {}

  /** What must be there before the mesh starts. */
  static async prepare(extras: readonly Extra[]): Promise<Surroundings> {
    await raiseLoopback();
    return new Surroundings(extras.includes("vault") ? await VaultSide.start() : undefined);
  }

  /** What comes once the mesh runs. */
  async complete(lab: Lab, extras: readonly Extra[], programs?: ClusterPrograms): Promise<void> {
    this.vaultSide?.rotate(lab);
    if (!extras.includes("api")) return;
    this.#cluster = await SiteCluster.start(lab, clusterSiteOf(lab.plan.names()), programs);
  }

  get cluster(): SiteCluster | undefined {
    return this.#cluster;
  }

  get hasVault(): boolean {
    return this.vaultSide !== undefined;
  }

  /** @throws Error without one. */
  get vault(): VaultSide {
    if (this.vaultSide === undefined) throw new Error("there is no Vault");
    return this.vaultSide;
  }

  /** @throws Error without a cluster. */
  get operator(): OperatorProcess {
    return this.#there.operator;
  }

  /** Returns how the API server is as it should be again. */
  hurtApi(state: ApiState): () => void {
    const { api } = this.#there;
    api.become(state);
    return () => {
      api.become("whole");
    };
  }

  /** Returns how the reconciler is left alone again. */
  hurtReconciler(state: ReconcilerState): () => void {
    const { reconciler } = this.#there;
    reconciler.become(state);
    return () => {
      reconciler.become("whole");
    };
  }

  /** Watches that the policy goes on letting in every site of the list that it let in before, until disposed of. */
  watchPolicy(lab: Lab, lost: (site: string, detail: string) => void): Disposable {
    const cluster = this.#cluster;
    if (cluster === undefined) return { [Symbol.dispose]: () => undefined };
    let before: readonly string[] = [];
    const look = async (): Promise<void> => {
      const admitted = await cluster.admitted();
      const listed = lab.list.flatMap(({ addresses }) => addresses);
      for (const address of before)
        if (listed.includes(address) && !admitted.has(address)) lost(cluster.site, `${address} in the network policy`);
      before = [...admitted];
    };
    const timer = setInterval(() => void look().catch(() => undefined), policyEveryMs);
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
      },
    };
  }

  /** What must come about there when a round is over: the policy is that of the list, and no DnsRecord waits that did. */
  aims(lab: Lab, records: RecordChanger | undefined): readonly Aim[] {
    const cluster = this.#cluster;
    if (cluster === undefined) return [];
    const { site } = cluster;
    const policy = async (): Promise<void> => {
      const wanted = lab.list.filter(({ name }) => name !== site).flatMap(({ addresses }) => addresses);
      const admitted = [...(await cluster.admitted())];
      if (admitted.sort().join() !== wanted.sort().join())
        throw new Error(`lets in ${admitted.join(", ")}, not ${wanted.join(", ")}`);
    };
    const before = records?.waiting ?? [];
    const wait = (): Promise<void> => {
      const still = before.filter((each) => records?.waiting.includes(each));
      if (still.length > 0) throw new Error(`${still.length} wait, ${still[0]?.change.name ?? ""} is one`);
      return Promise.resolve();
    };
    return [
      { site, what: "network policy", look: policy },
      { site, what: "DnsRecords", look: wait },
    ];
  }

  /** What operator and reconciler logged, by name. */
  logs(): readonly (readonly [string, string])[] {
    const cluster = this.#cluster;
    if (cluster === undefined) return [];
    return [
      ["operator", cluster.operator.log()],
      ["reconciler", cluster.reconciler.log()],
    ];
  }

  /** Keys that no log may show: all that the ring had since it began. */
  get keys(): readonly TsigKey[] {
    return this.vaultSide?.keys ?? [];
  }

  /** What else no log may show. */
  get secrets(): readonly Secret[] {
    if (this.#cluster === undefined) return [];
    return [
      { name: "the operator's token", value: this.#cluster.token },
      { name: "the reconciler's token", value: administrator },
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster?.[Symbol.asyncDispose]();
    await this.vaultSide?.[Symbol.asyncDispose]();
  }

  get #there(): SiteCluster {
    if (this.#cluster === undefined) throw new Error("no site has a cluster");
    return this.#cluster;
  }
}
