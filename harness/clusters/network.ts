import type { IpFamily } from "../../src/settings/ip-families";
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

  /** The machine's own address. */
  hostAddress(family: IpFamily = "IPv4"): string {
    return this.#address(family, 1);
  }

  /** The same last number in both families. */
  #address(family: IpFamily, last: number): string {
    return family === "IPv4" ? `${this.prefix}.${last}` : `fd88:${this.prefix.replaceAll(".", ":")}::${last}`;
  }

  /** Namespace of a cluster's node. */
  namespace(name: string): string {
    return `dnsmesh${this.index}-${name}`;
  }

  nodeAddress(place: number, family: IpFamily = "IPv4"): string {
    return this.#address(family, 11 + place);
  }

  /** Addresses of load balancers: the first is the usual one, the second for a site that moves. */
  siteAddresses(place: number, family: IpFamily = "IPv4"): readonly [string, string] {
    return [this.#address(family, 101 + place), this.#address(family, 151 + place)];
  }

  /** The bridge's end of a cluster's link. */
  private port(place: number): string {
    return `node${place}`;
  }

  /** Makes the bridge and this machine's link to it, with addresses of these families. Fails when the namespace exists already. */
  async create(families: readonly IpFamily[] = ["IPv4"]): Promise<void> {
    const bridge = this.bridgeNamespace;
    await run("ip", ["netns", "add", bridge]);
    await ip(undefined, [`link add ${this.hostInterface} type veth peer name host netns ${bridge}`]);
    await ip(bridge, ["link set lo up", "link add br0 type bridge", "link set br0 up", "link set host master br0 up"]);
    await ip(undefined, [
      ...families.map(
        (family) => `addr add ${this.#onLink(family, this.hostAddress(family))} dev ${this.hostInterface}`,
      ),
      `link set ${this.hostInterface} up`,
    ]);
  }

  #onLink(family: IpFamily, address: string): string {
    // Nobody else has it, and it is to be there at once.
    return family === "IPv4" ? `${address}/24` : `${address}/64 nodad`;
  }

  /**
   * Makes a node's namespace and link. Load balancer addresses are local to the node, so it answers for them on the link and
   * kube-proxy takes them from there. There is no default route: what isn't in the set is unreachable at once.
   */
  async addNode(name: string, place: number, families: readonly IpFamily[] = ["IPv4"]): Promise<void> {
    const namespace = this.namespace(name);
    await run("ip", ["netns", "add", namespace]);
    await ip(this.bridgeNamespace, [
      `link add ${this.port(place)} type veth peer name eth0 netns ${namespace}`,
      `link set ${this.port(place)} master br0 up`,
    ]);
    await ip(namespace, [
      "link set lo up",
      ...families.flatMap((family) => [
        `addr add ${this.#onLink(family, this.nodeAddress(place, family))} dev eth0`,
        ...this.siteAddresses(place, family).map((address) => `addr add ${ofBalancer[family](address)}`),
      ]),
      "link set eth0 up",
      ...families.map((family) => `route add ${networks[family].services} dev eth0`),
    ]);
    const inside = ["--net=/run/netns/" + namespace];
    for (const family of families) {
      const { table, forwarding, pods } = networks[family];
      const masquerade = `table ${table} dnsmesh { chain egress { type nat hook postrouting priority srcnat; oifname "eth0" ${table} saddr ${pods} masquerade; }; }`;
      await run("nsenter", [...inside, "sysctl", "-qw", `${forwarding}=1`]);
      await run("nsenter", [...inside, "nft", "-f", "-"], { input: masquerade });
    }
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

/** What the clusters' own networks are in a family, the same in every cluster. */
interface ClusterNetworks {
  /** Cluster IPs: they never leave it. */
  readonly services: string;
  /** The first of them, which the API server has. */
  readonly apiServer: string;
  /** Pod addresses: they leave it as the node's address. */
  readonly pods: string;
  readonly anywhere: string;
  /** What nftables calls the family. */
  readonly table: "ip" | "ip6";
  /** The kernel's setting. */
  readonly forwarding: string;
}

/** By family. */
export const networks: Readonly<Record<IpFamily, ClusterNetworks>> = {
  IPv4: {
    ...{ services: "10.96.0.0/16", apiServer: "10.96.0.1", pods: "10.244.0.0/24", anywhere: "0.0.0.0/0" },
    ...{ table: "ip", forwarding: "net.ipv4.ip_forward" },
  },
  IPv6: {
    ...{ services: "fd88:96::/112", apiServer: "fd88:96::1", pods: "fd88:244::/64", anywhere: "::/0" },
    ...{ table: "ip6", forwarding: "net.ipv6.conf.all.forwarding" },
  },
};

/**
 * Where a load balancer's address is. One of IPv6 is answered for on its own link alone; it is deprecated there, so that nothing leaves
 * with it as its source.
 */
const ofBalancer: Readonly<Record<IpFamily, (address: string) => string>> = {
  IPv4: (address) => `${address}/32 dev lo`,
  IPv6: (address) => `${address}/128 dev eth0 nodad preferred_lft 0`,
};

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
