import { UserError } from "../../base/errors";
import { type KeptKeys, keptKeysFile } from "../../contract/kept-keys";
import type { StatusData } from "../../contract/mesh-status";
import { commonLabels, objects } from "../../contract/names";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { NetworkPolicySpec } from "../../policies/policy-spec";

const fieldManager = "dns-mesh-reconciler";

/** The objects that the reconciler may touch, each by its name. */
export interface ReconcilerCluster {
  /** The network policy for peers; undefined when somebody took it away. */
  readPolicy(): Promise<KubeObject | undefined>;
  /** @returns the policy as it is then. */
  applyPolicy(spec: NetworkPolicySpec): Promise<KubeObject>;
  /** The ConfigMap `mesh-status`; undefined when somebody took it away. */
  readStatus(): Promise<KubeObject | undefined>;
  applyStatus(status: StatusData): Promise<void>;
  /** The Secret `zone-keys`; undefined when somebody took it away. */
  readZoneKeys(): Promise<KubeObject | undefined>;
  /** Puts a copy into the Secret as long as that is the version that was read. */
  writeZoneKeys(copy: KeptKeys, read: KubeObject): Promise<void>;
  createEvent(event: KubeObject): Promise<void>;
  readonly counters: { readonly reads: number; readonly writes: number };
}

/** The site's own cluster. */
export class KubeCluster implements ReconcilerCluster {
  readonly #policy: string;
  readonly #status: string;
  readonly #zoneKeys: string;
  readonly #events: string;

  constructor(
    private readonly client: Pick<KubeClient, "get" | "apply" | "merge" | "create" | "counters">,
    private readonly namespace: string,
  ) {
    this.#policy = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/${objects.peerPolicy}`;
    this.#status = `/api/v1/namespaces/${namespace}/configmaps/${objects.status}`;
    this.#zoneKeys = `/api/v1/namespaces/${namespace}/secrets/${objects.zoneKeys}`;
    this.#events = `/api/v1/namespaces/${namespace}/events`;
  }

  get counters(): { readonly reads: number; readonly writes: number } {
    return this.client.counters;
  }

  readPolicy(): Promise<KubeObject | undefined> {
    return this.client.get(this.#policy);
  }

  applyPolicy(spec: NetworkPolicySpec): Promise<KubeObject> {
    const metadata = { name: objects.peerPolicy, namespace: this.namespace, labels: commonLabels };
    const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec };
    return this.client.apply(this.#policy, policy, fieldManager);
  }

  readStatus(): Promise<KubeObject | undefined> {
    return this.client.get(this.#status);
  }

  async applyStatus(status: StatusData): Promise<void> {
    const metadata = { name: objects.status, namespace: this.namespace, labels: commonLabels };
    await this.client.apply(this.#status, { apiVersion: "v1", kind: "ConfigMap", metadata, ...status }, fieldManager);
  }

  readZoneKeys(): Promise<KubeObject | undefined> {
    return this.client.get(this.#zoneKeys);
  }

  async writeZoneKeys(copy: KeptKeys, { metadata }: KubeObject): Promise<void> {
    const { resourceVersion } = metadata ?? {};
    if (resourceVersion === undefined) throw new UserError(`Secret ${objects.zoneKeys} has no version`);
    const data = { [keptKeysFile]: Buffer.from(JSON.stringify(copy)).toString("base64") };
    await this.client.merge(this.#zoneKeys, { metadata: { resourceVersion }, data }, fieldManager);
  }

  createEvent(event: KubeObject): Promise<void> {
    return this.client.create(this.#events, event);
  }
}
