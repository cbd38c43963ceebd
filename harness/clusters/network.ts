import { run } from "../tools/run";

/**
 * Addresses and names of one set. All follow from its number and the clusters' places, so two sets never meet.
 * The clusters hang on a bridge in a namespace of its own, this machine on the same bridge by one veth: its forwarding
 * and its firewall stay as they are.
 */
export class SetNetwork {
  constructor(
    readonly index: number,
    readonly prefix: string,
  ) {}

  /** Namespace that holds the bridge. */
  get bridgeNamespace(): string {
    return `dnsmesh${this.index}`;
  }

  /** Interface on this machine. */
  get hostInterface(): string {
    return `dnsmesh${this.index}`;
  }

  get subnet(): string {
    return `${this.prefix}.0/24`;
  }

  get hostAddress(): string {
    return `${this.prefix}.1`;
  }

  /** Namespace of a cluster's node. */
  namespace(name: string): string {
    return `dnsmesh${this.index}-${name}`;
  }

  nodeAddress(place: number): string {
    return `${this.prefix}.${11 + place}`;
  }

  /** Addresses of load balancers: the first is the usual one, the second for a site that moves. */
  siteAddresses(place: number): readonly [string, string] {
    return [`${this.prefix}.${101 + place}`, `${this.prefix}.${151 + place}`];
  }

  /** The bridge's end of a cluster's link. */
  private port(place: number): string {
    return `node${place}`;
  }

  /** Makes the bridge and this machine's link to it. Fails when the namespace exists already. */
  async create(): Promise<void> {
    const bridge = this.bridgeNamespace;
    await run("ip", ["netns", "add", bridge]);
    await ip(undefined, [`link add ${this.hostInterface} type veth peer name host netns ${bridge}`]);
    await ip(bridge, ["link set lo up", "link add br0 type bridge", "link set br0 up", "link set host master br0 up"]);
    await ip(undefined, [
      `addr add ${this.hostAddress}/24 dev ${this.hostInterface}`,
      `link set ${this.hostInterface} up`,
    ]);
  }

  /**
   * Makes a node's namespace and link. Load balancer addresses are local to the node, so it answers for them on the link and
   * kube-proxy takes them from there. There is no default route: what isn't in the set is unreachable at once.
   */
  async addNode(name: string, place: number): Promise<void> {
    const namespace = this.namespace(name);
    await run("ip", ["netns", "add", namespace]);
    await ip(this.bridgeNamespace, [
      `link add ${this.port(place)} type veth peer name eth0 netns ${namespace}`,
      `link set ${this.port(place)} master br0 up`,
    ]);
    await ip(namespace, [
      "link set lo up",
      `addr add ${this.nodeAddress(place)}/24 dev eth0`,
      ...this.siteAddresses(place).map((address) => `addr add ${address}/32 dev lo`),
      "link set eth0 up",
      `route add ${serviceCidr} dev eth0`,
    ]);
    const masquerade = `table ip dnsmesh { chain egress { type nat hook postrouting priority srcnat; oifname "eth0" ip saddr ${podCidr} masquerade; }; }`;
    const inside = ["--net=/run/netns/" + namespace];
    await run("nsenter", [...inside, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    await run("nsenter", [...inside, "nft", "-f", "-"], { input: masquerade });
  }

  /** Takes a node's namespace and link away. */
  async removeNode(name: string, place: number): Promise<void> {
    await ip(this.bridgeNamespace, [`link del ${this.port(place)}`]);
    await run("ip", ["netns", "del", this.namespace(name)]);
  }

  /** Takes a node's link up or down at the bridge. */
  async setLink(place: number, state: "up" | "down"): Promise<void> {
    await ip(this.bridgeNamespace, [`link set ${this.port(place)} ${state}`]);
  }

  /** Removes all of it. What is not there is no error. */
  async destroy(names: readonly string[]): Promise<void> {
    await run("ip", ["link", "del", this.hostInterface]).catch(() => undefined);
    const present = await namespaces();
    for (const namespace of [...names.map((name) => this.namespace(name)), this.bridgeNamespace]) {
      if (present.includes(namespace)) await run("ip", ["netns", "del", namespace]);
    }
  }
}

/** Cluster IPs, the same in every cluster: they never leave it. */
export const serviceCidr = "10.96.0.0/16";

/** Pod addresses, the same in every cluster: they leave it as the node's address. */
export const podCidr = "10.244.0.0/24";

async function ip(namespace: string | undefined, commands: readonly string[]): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  await run("ip", [...where, "-batch", "-"], { input: commands.join("\n") + "\n" });
}

/** Names of the machine's network namespaces. */
export async function namespaces(): Promise<string[]> {
  const text = await run("ip", ["-o", "netns", "list"]);
  return text
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((name) => name !== "");
}

/** Whether none of the machine's routes and addresses has anything in this /24. A default route doesn't count. */
export function isFreePrefix(prefix: string, routes: string): boolean {
  const wanted = toNumber(`${prefix}.0`) >>> 8;
  return !routes.split("\n").some((line) => {
    const match = /^(?:\w+ )?(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?/.exec(line);
    if (!match) return false;
    const bits = Number(match[2] ?? 32);
    const shift = 32 - Math.min(bits, 24);
    return bits > 0 && toNumber(match[1] ?? "") >>> shift === (wanted << 8) >>> shift;
  });
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
}

/** A /24 for a set's number that nothing on this machine uses: 10.88 first, then further up. */
export async function freePrefix(index: number): Promise<string> {
  const routes = await run("ip", ["-4", "route", "show", "table", "all"]);
  for (let second = 88; second < 96; second++) {
    const prefix = `10.${second}.${index % 256}`;
    if (isFreePrefix(prefix, routes)) return prefix;
  }
  throw new Error("no free /24 between 10.88.0.0 and 10.95.255.255 on this machine");
}
