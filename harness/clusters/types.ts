import type { IpFamily } from "../../src/settings/ip-families";

/** One Kubernetes cluster, as tests and the demo use it. */
export interface Cluster {
  readonly name: string;
  /** Path of a kubeconfig with the cluster's CA and an administrator's credentials. */
  readonly kubeconfig: string;
  /** The kubeconfig's context of this cluster. */
  readonly context: string;
  /** Families of its addresses, the first one first. */
  readonly families: readonly [IpFamily, ...IpFamily[]];
  /** The node's address, of the first family, which what leaves the cluster carries as its source. */
  readonly nodeAddress: string;
  /** What a Service of type LoadBalancer gets: answers from anywhere in the set, and is not the node's address. */
  readonly siteAddress: string;
  /** A second address for a Service that asks for it with `loadBalancerIP`; what a site that moves is given. */
  readonly spareAddress: string;
  /** The node's and the load balancer's address in another of its families. */
  addressesIn(family: IpFamily): ClusterAddresses;
  /** The same cluster under another server address with other administrator's credentials. */
  readonly otherKubeconfig: string;
  /** Whether the cluster is the harness's own, so that it can be stopped and cut off. */
  readonly local: boolean;
  /** Where daemons write their logs. */
  readonly logs: string;

  /** Runs kubectl with administrator's rights, also while the link is cut. Returns its standard output. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Runs a command in a pod's container and returns its standard output. */
  execInPod(pod: PodAddress, command: readonly string[]): Promise<string>;
  /** Kills the first process of a pod's container (SIGKILL), from outside. */
  kill(pod: PodAddress): Promise<void>;
  /** Sends a signal to all processes of a pod's container, from outside. */
  signal(pod: PodAddress, signal: "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Runs a command in the node's network namespace. */
  netnsExec(command: readonly string[], input?: string): Promise<string>;
  /** Runs containerd's `ctr` in the namespace of Kubernetes. */
  ctr(args: readonly string[]): Promise<string>;

  /** Powers the whole cluster off, as pulling the plug would. Its disk is kept. */
  stop(): Promise<void>;
  /** Powers it on again and waits until its node is ready. */
  start(): Promise<void>;
  /** Stops the API server alone; pods go on. */
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /** Takes the link to the other clusters and to this machine down. */
  cut(): Promise<void>;
  /** Brings the link up again. */
  heal(): Promise<void>;
}

/** Where a cluster is reached in a family. */
export interface ClusterAddresses {
  readonly node: string;
  readonly site: string;
}

/** Which container of which pod. */
export interface PodAddress {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
}

/** Clusters that were made together and reach each other. Disposing of it takes all of them down without a trace. */
export interface ClusterSet extends AsyncDisposable {
  /** Which of the machine's sets it is. */
  readonly id: string;
  /** Names the set to `destroyClusters` in another process. */
  readonly stateDir: string;
  /** The machine's own address in the set's network. */
  readonly hostAddress: string;
  readonly clusters: readonly Cluster[];
  get(name: string): Cluster;
  /** Makes one more cluster and joins it to the others. */
  add(name: string): Promise<Cluster>;
  /** Throws a cluster away with all that is in it, and makes a new, empty one in its place, with the same addresses and other keys. */
  replace(name: string): Promise<void>;
  destroy(): Promise<void>;
}

/** Families of clusters by their names; of those that are not there, IPv4 alone. */
export type Families = Readonly<Record<string, readonly [IpFamily, ...IpFamily[]]>>;

/** A set whose clusters are on their way. */
export interface BegunClusters {
  readonly set: ClusterSet;
  /** Settles once that cluster takes pods, or failed. */
  readonly ready: (name: string) => Promise<void>;
  /** Settles once all of them do; when one failed, once the set is gone. */
  readonly whole: Promise<void>;
}

/** What to make. */
export interface CreateOptions {
  /** Names of the clusters, which are also their nodes' names. */
  readonly names?: readonly string[];
  /** How many, when no names are given: `site-a`, `site-b`, … */
  readonly count?: number;
  /** How many are made at a time, in their order: with few, the first is there sooner. @default all */
  readonly atOnce?: number;
  readonly log?: (line: string) => void;
  /** Runs an engine in each cluster that enforces network policies. @default false */
  readonly enforcePolicies?: boolean;
  /** Families of clusters by their names, the first one first. @default IPv4 alone */
  readonly families?: Families;
  /** Leaves the clusters running when this process ends. Otherwise what a dead process left is cleared away. @default false */
  readonly keep?: boolean;
}
