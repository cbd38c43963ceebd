import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { urlHost } from "../../src/base/text";
import { placeStore } from "../images/store";
import { toolPath } from "../tools";
import { run } from "../tools/run";
import { Api, bearerToken } from "./api";
import { createCgroup, removeCgroup } from "./cgroups";
import { apiServer, containerdSocket, daemons, type NodeSettings } from "./daemons";
import { type Daemon, Machine, until } from "./machine";
import { networks, type SetNetwork } from "./network";
import { createClusterKeys, writeKubeconfig } from "./pki";
import { isJudging, startPolicyEngine } from "./policy-engine";
import type { Cluster, ClusterAddresses, PodAddress } from "./types";

/** Where a local cluster is and what it is made from. */
export interface LocalClusterOptions {
  readonly name: string;
  /** Its place in the set, from which its addresses follow. */
  readonly place: number;
  readonly network: SetNetwork;
  /** The set's folder. */
  readonly stateDir: string;
  readonly pauseImage: string;
  /** Whether network policies are enforced. */
  readonly enforcePolicies: boolean;
  readonly families: Cluster["families"];
}

/** What a node's object says about it. */
interface NodeObject {
  spec: { taints?: unknown[] };
  status: { conditions?: { type: string; status: string; lastHeartbeatTime: string }[] };
}

/** A Kubernetes cluster of one node on this machine, all of it real but what a cloud would add (see `cloud.ts`). */
export class LocalCluster implements Cluster {
  private executions = 0;

  readonly name: string;
  readonly context: string;
  readonly local = true;
  readonly families: Cluster["families"];
  readonly nodeAddress: string;
  readonly siteAddress: string;
  readonly spareAddress: string;
  readonly kubeconfig: string;
  readonly otherKubeconfig: string;
  private readonly folder: string;
  private readonly machine: Machine;

  constructor(private readonly options: LocalClusterOptions) {
    const { name, place, network, stateDir } = options;
    this.name = name;
    this.context = name;
    this.families = options.families;
    this.nodeAddress = network.nodeAddress(place, this.families[0]);
    [this.siteAddress, this.spareAddress] = network.siteAddresses(place, this.families[0]);
    this.folder = join(stateDir, name);
    this.kubeconfig = join(this.folder, "kubeconfig");
    this.otherKubeconfig = join(this.folder, "other-kubeconfig");
    this.machine = new Machine(network.namespace(name), this.folder);
  }

  get logs(): string {
    return this.machine.logs;
  }

  private get cgroup(): string {
    return this.options.network.namespace(this.name);
  }

  /** In the order of its families. */
  get #nodeAddresses(): readonly [string, ...string[]] {
    const [, ...others] = this.families;
    return [this.nodeAddress, ...others.map((family) => this.addressesIn(family).node)];
  }

  addressesIn(family: Cluster["families"][number]): ClusterAddresses {
    if (!this.families.includes(family)) throw new Error(`cluster ${this.name} has no ${family}`);
    const { network, place } = this.options;
    return { node: network.nodeAddress(place, family), site: network.siteAddresses(place, family)[0] };
  }

  private get settings(): NodeSettings {
    return {
      name: this.name,
      families: this.families,
      addresses: this.#nodeAddresses,
      keys: join(this.folder, "keys"),
      caFile: join(this.options.stateDir, "ca", "ca.crt"),
      adminKubeconfig: this.kubeconfig,
      nodeKubeconfig: join(this.folder, "node-kubeconfig"),
      etc: join(this.folder, "etc"),
      cgroup: this.cgroup,
      pauseImage: this.options.pauseImage,
    };
  }

  /** Makes the cluster from nothing: network, keys, daemons, images, storage class. */
  async create(imageStore: string): Promise<void> {
    const { network, place, stateDir } = this.options;
    mkdirSync(this.folder, { recursive: true, mode: 0o755 });
    await network.addNode(this.name, place, this.families);
    const { keys, caFile, nodeKubeconfig } = this.settings;
    const services = this.families.map((family) => networks[family].apiServer);
    const addresses = [...this.#nodeAddresses, this.siteAddress, this.spareAddress, ...services];
    const tokens = await createClusterKeys({
      authority: join(stateDir, "ca"),
      folder: keys,
      name: this.name,
      addresses,
    });
    const server = `https://${urlHost(this.nodeAddress)}:6443`;
    writeKubeconfig(this.kubeconfig, { name: this.name, server, token: tokens.admin, caFile });
    writeKubeconfig(nodeKubeconfig, { name: this.name, server, token: tokens.node, caFile });
    const other = `https://${urlHost(this.siteAddress)}:6443`;
    writeKubeconfig(this.otherKubeconfig, { name: this.name, server: other, token: tokens.other, caFile });
    mkdirSync(join(this.folder, "lib"));
    await placeStore(imageStore, join(this.folder, "lib", "containerd"));
    await this.boot();
    const api = this.api();
    for (const [path, object] of nodeRights) await api.create(path, object);
    await api.create("/apis/storage.k8s.io/v1/storageclasses", storageClass);
  }

  /** Starts everything. */
  private async boot(): Promise<void> {
    createCgroup(this.cgroup);
    await this.machine.powerOn();
    const { first, afterApi } = daemons(this.settings);
    const booted = new Date();
    await Promise.all(first.map((daemon) => this.machine.start(daemon)));
    // It answers a second before the roles are there; nodes and administrators need none.
    await this.waitForApi("/livez/ping");
    await this.waitForContainerd();
    await Promise.all(afterApi.map((daemon) => this.machine.start(daemon)));
    await this.waitForApi();
    await Promise.all([this.waitForNode(booted, afterApi), this.options.enforcePolicies && this.enforcePolicies()]);
  }

  private async enforcePolicies(): Promise<void> {
    const { name, caFile } = this.settings;
    await startPolicyEngine(this.machine, {
      name,
      address: this.nodeAddress,
      caFile,
      token: bearerToken(this.kubeconfig),
    });
    await until(`network policies of ${name} (log: ${this.logs}/kube-network-policies.log)`, 30, () =>
      isJudging(this.machine),
    );
  }

  private api(): Api {
    return new Api(this.kubeconfig);
  }

  private waitForContainerd(): Promise<void> {
    return until(`containerd of ${this.name}`, 30, async () => {
      await this.machine.exec(["ctr", "--address", containerdSocket, "version"]);
      return true;
    });
  }

  private waitForApi(path = "/readyz"): Promise<void> {
    const api = this.api();
    return until(`the API server of ${this.name} (log: ${this.logs}/kube-apiserver.log)`, 90, async () => {
      return (await api.get(path)) === "ok";
    });
  }

  /** Waits for a heartbeat after this boot and until nothing keeps pods away. What ends meanwhile is started again. */
  private async waitForNode(booted: Date, daemons: readonly Daemon[]): Promise<void> {
    const api = this.api();
    let nextLook = Date.now() + lookMs;
    await until(`node ${this.name} to be ready (log: ${this.logs}/kubelet.log)`, 90, async () => {
      if (Date.now() > nextLook) {
        nextLook = Date.now() + lookMs;
        await this.machine.revive(daemons);
      }
      const node = (await api.get(`/api/v1/nodes/${this.name}`)) as NodeObject;
      const ready = node.status.conditions?.find(({ type }) => type === "Ready");
      const fresh = ready && new Date(ready.lastHeartbeatTime).getTime() + 1000 > booted.getTime();
      return fresh === true && ready.status === "True" && (node.spec.taints ?? []).length === 0;
    });
    await until(`the default service account of ${this.name}`, 30, async () => {
      await api.get("/api/v1/namespaces/default/serviceaccounts/default");
      return true;
    });
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.netnsExec([toolPath("kubectl"), "--kubeconfig", this.kubeconfig, ...args], input);
  }

  /** By way of containerd, so that it works while the API server is stopped. */
  async execInPod(address: PodAddress, command: readonly string[]): Promise<string> {
    const container = await this.runningContainer(address);
    const id = `dns-mesh-${process.pid}-${(this.executions += 1)}`;
    return this.ctr(["tasks", "exec", "--exec-id", id, container, ...command]);
  }

  async kill(address: PodAddress): Promise<void> {
    await this.ctr(["tasks", "kill", "--signal", "SIGKILL", await this.runningContainer(address)]);
  }

  async signal(address: PodAddress, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    await this.ctr(["tasks", "kill", "--all", "--signal", signal, await this.runningContainer(address)]);
  }

  private async runningContainer({ namespace, pod, container }: PodAddress): Promise<string> {
    const labels = { "pod.namespace": namespace, "pod.name": pod, "container.name": container };
    const filter = Object.entries(labels)
      .filter(([, value]) => value !== undefined)
      .map(([label, value]) => `labels."io.kubernetes.${label}"==${value ?? ""}`)
      .join(",");
    const found = (await this.ctr(["containers", "ls", "-q", filter])).split("\n");
    const running = (await this.ctr(["tasks", "ls"])).split("\n").map((line) => line.split(/\s+/));
    const match = running.find(([id, , status]) => id !== undefined && found.includes(id) && status === "RUNNING");
    if (match?.[0] === undefined) throw new Error(`no running container ${container ?? ""} in pod ${namespace}/${pod}`);
    return match[0];
  }

  netnsExec(command: readonly string[], input?: string): Promise<string> {
    const namespace = `--net=/run/netns/${this.options.network.namespace(this.name)}`;
    return run("nsenter", [namespace, ...command], input === undefined ? {} : { input });
  }

  ctr(args: readonly string[]): Promise<string> {
    return this.machine.exec(["ctr", "--address", containerdSocket, "--namespace", "k8s.io", ...args]);
  }

  async stop(): Promise<void> {
    await this.machine.powerOff();
    await removeCgroup(this.cgroup);
  }

  async start(): Promise<void> {
    if (!this.machine.isOn) await this.boot();
  }

  stopApiServer(): Promise<void> {
    return this.machine.stop("kube-apiserver");
  }

  async startApiServer(): Promise<void> {
    await this.machine.start(apiServer(this.settings));
    await this.waitForApi();
  }

  cut(): Promise<void> {
    return this.options.network.setLink(this.options.place, "down");
  }

  heal(): Promise<void> {
    return this.options.network.setLink(this.options.place, "up");
  }

  /** Makes it anew, and empty: another cluster, with keys of its own, at the same addresses. */
  async replace(imageStore: string): Promise<void> {
    await this.destroy();
    await this.options.network.removeNode(this.name, this.options.place);
    await this.create(imageStore);
  }

  /** Takes the cluster off the machine, but for its network, which goes with the set's. */
  async destroy(): Promise<void> {
    await this.stop();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** A controller manager ends after ten seconds in which the API server was not healthy, as on a machine that has much else to do. */
const lookMs = 3000;

/**
 * As local volumes have it. With `Immediate`, the scheduler of 1.34 missed once in a while that a claim had got its volume, and looked at
 * the pod again after five minutes only.
 */
const storageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: "dns-mesh.test/local",
  volumeBindingMode: "WaitForFirstConsumer",
  reclaimPolicy: "Delete",
  allowVolumeExpansion: true,
};

/**
 * The API server lets a node read a claim only once it has seen by its own watch that a pod there uses it. A kubelet that asks
 * before, as it does for two pods at a time, tries again after ten to fifteen seconds. Ours has only one node that could ask.
 */
const claimReaders = { name: "dns-mesh-test:claim-readers" };
const rbac = "rbac.authorization.k8s.io";
const nodeRights = [
  [
    `/apis/${rbac}/v1/clusterroles`,
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: claimReaders,
      rules: [{ apiGroups: [""], resources: ["persistentvolumeclaims", "persistentvolumes"], verbs: ["get"] }],
    },
  ],
  [
    `/apis/${rbac}/v1/clusterrolebindings`,
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: claimReaders,
      roleRef: { apiGroup: rbac, kind: "ClusterRole", ...claimReaders },
      subjects: [{ apiGroup: rbac, kind: "Group", name: "system:nodes" }],
    },
  ],
] as const;
