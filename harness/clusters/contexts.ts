import { UserError } from "../../src/base/errors";
import { ipVersion } from "../../src/dns/address";
import { toolPath } from "../tools";
import { run } from "../tools/run";
import type { Cluster, ClusterAddresses, ClusterSet, PodAddress } from "./types";

/** Which of the user's clusters to use. */
export interface ContextOptions {
  /** Each a context, or `context=address` with the address that its load balancer gives to Knot. */
  readonly contexts: readonly string[];
  /** @default KUBECONFIG, or the user's usual file */
  readonly kubeconfig?: string;
}

interface NodeList {
  items: { status: { addresses: { type: string; address: string }[] } }[];
}

/** A cluster that is not the harness's: it is used, never stopped. */
class GivenCluster implements Cluster {
  readonly local = false;
  readonly logs = "";

  constructor(
    readonly context: string,
    readonly kubeconfig: string,
    private readonly addresses: { readonly node: string; readonly site: string },
  ) {}

  get name(): string {
    return this.context.replace(/[^a-z0-9-]/g, "-");
  }

  get nodeAddress(): string {
    return this.addresses.node;
  }

  get siteAddress(): string {
    return this.addresses.site;
  }

  get families(): Cluster["families"] {
    return [ipVersion(this.addresses.site) === 6 ? "IPv6" : "IPv4"];
  }

  addressesIn(family: Cluster["families"][number]): ClusterAddresses {
    return this.families.includes(family) ? this.addresses : this.refuse(`has no address of ${family} here`);
  }

  get spareAddress(): string {
    return this.refuse("has no spare address");
  }

  get otherKubeconfig(): string {
    return this.refuse("has no other kubeconfig");
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return kubectl(this.kubeconfig, this.context, { args, ...(input !== undefined && { input }) });
  }

  execInPod(address: PodAddress, command: readonly string[]): Promise<string> {
    const container = address.container === undefined ? [] : ["-c", address.container];
    return this.kubectl(["exec", "-n", address.namespace, address.pod, ...container, "--", ...command]);
  }

  kill(): Promise<void> {
    return this.refuse("has its own containerd");
  }

  signal(): Promise<void> {
    return this.refuse("has its own containerd");
  }

  netnsExec(): Promise<string> {
    return this.refuse("has no network namespace here");
  }

  ctr(): Promise<string> {
    return this.refuse("has its own containerd");
  }

  stop(): Promise<void> {
    return this.refuse("cannot be stopped");
  }

  start(): Promise<void> {
    return this.refuse("cannot be started");
  }

  stopApiServer(): Promise<void> {
    return this.refuse("cannot be stopped");
  }

  startApiServer(): Promise<void> {
    return this.refuse("cannot be started");
  }

  cut(): Promise<void> {
    return this.refuse("cannot be cut off");
  }

  heal(): Promise<void> {
    return this.refuse("cannot be cut off");
  }

  private refuse(what: string): never {
    throw new UserError(`cluster "${this.context}" was given by its context: it ${what}`);
  }
}

function kubectl(
  kubeconfig: string,
  context: string,
  call: { args: readonly string[]; input?: string },
): Promise<string> {
  const file = kubeconfig === "" ? [] : ["--kubeconfig", kubeconfig];
  const options = call.input === undefined ? {} : { input: call.input };
  return run(toolPath("kubectl"), [...file, "--context", context, ...call.args], options);
}

async function findCluster(given: string, kubeconfig: string): Promise<Cluster> {
  const [context = "", address] = given.split("=");
  const text = await kubectl(kubeconfig, context, { args: ["get", "nodes", "-o", "json", "--request-timeout=10s"] });
  const addresses = (JSON.parse(text) as NodeList).items[0]?.status.addresses ?? [];
  const find = (type: string): string | undefined => addresses.find((one) => one.type === type)?.address;
  const node = find("InternalIP");
  const site = address ?? find("ExternalIP") ?? node;
  if (node === undefined || site === undefined) {
    throw new UserError(`context "${context}" has no node with an address; say which one to use: ${context}=ADDRESS`);
  }
  return new GivenCluster(context, kubeconfig, { node, site });
}

/** The user's own clusters as a set. They are used as they are and stay when the set is disposed of. */
export async function useContexts(options: ContextOptions): Promise<ClusterSet> {
  // Without a file of its own, kubectl and the program look where they always do.
  const kubeconfig = options.kubeconfig ?? "";
  const clusters = await Promise.all(options.contexts.map((given) => findCluster(given, kubeconfig)));
  return {
    id: "given",
    stateDir: "",
    hostAddress: "",
    clusters,
    get: (name) => {
      const cluster = clusters.find((one) => one.name === name || one.context === name);
      if (!cluster) throw new UserError(`no context "${name}" was given`);
      return cluster;
    },
    add: () => Promise.reject(new UserError("clusters given by their contexts cannot be added to")),
    replace: () => Promise.reject(new UserError("clusters given by their contexts are not thrown away")),
    destroy: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
