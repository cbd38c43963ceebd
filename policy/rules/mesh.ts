import { at, keysAt, listAt, textAt } from "./reading";
import type { Finding, Planned, RuleConfig, StackRule } from "./rule";

/** The component that says what the mesh is, to all sites' stacks. */
const isShared = ({ type }: Planned): boolean => type === "dnsmesh:shared:SharedStack";

/** A site as its welcome packet has it. */
interface Packet {
  readonly name: string;
  readonly packet: unknown;
}

/** The packets of a shared stack; undefined when there is nothing that could be read. */
function packetsOf({ props }: Planned): readonly Packet[] | undefined {
  const names = keysAt(props, "sites");
  return names.length === 0 ? undefined : names.map((name) => ({ name, packet: at(props, "sites", name) }));
}

/** Judges the packets of each shared stack. One that cannot be read does not pass. */
function checkPackets(
  resources: readonly Planned[],
  check: (packets: readonly Packet[]) => readonly string[],
): readonly Finding[] {
  return resources.filter(isShared).flatMap((shared) => {
    const packets = packetsOf(shared);
    const problems = packets === undefined ? ["it does not say which sites there are"] : check(packets);
    return problems.map((message): Finding => ({ message, urn: shared.urn }));
  });
}

/** What occurs more than once. */
function repeated(values: readonly string[]): readonly string[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];
}

function incoherent(packets: readonly Packet[]): readonly string[] {
  const primaries = packets.filter(({ packet }) => textAt(packet, "site", "role") === "primary-catalog");
  const zones = packets.flatMap(({ packet }) => listAt(packet, "site", "zones").map((zone) => textAt(zone, "name")));
  const addresses = packets.flatMap(({ packet }) => listAt(packet, "site", "addresses").map(String));
  const epochs = new Set(packets.map(({ packet }) => at(packet, "epoch", "number")));
  const directories = new Set(packets.map(({ packet }) => textAt(packet, "directoryZone")));
  return [
    ...(primaries.length === 1 ? [] : [`${primaries.length} sites have the primary catalog: one has`]),
    ...repeated(zones).map((zone) => `the zone ${zone} has several owners: one writes a zone`),
    ...repeated(addresses).map((address) => `several sites are asked at ${address}`),
    ...(epochs.size === 1 ? [] : ["sites are told different epochs: the one with the lower is refused"]),
    ...(directories.size === 1 ? [] : ["sites are told different directories"]),
    ...packets
      .filter(({ name, packet }) => textAt(packet, "site", "name") !== name)
      .map(({ name }) => `the packet of ${name} is another site's`),
  ];
}

/** What all sites go by. */
export const meshCoherent: StackRule = {
  name: "mesh-coherent",
  description: "One site has the primary catalog, each zone has one owner, and all sites are told the same.",
  about: "stack",
  check: (resources) => checkPackets(resources, incoherent),
};

/** TSIG says who sent a zone, and anybody on the way can read it. */
export const transfersEncrypted: StackRule = {
  name: "transfers-encrypted",
  description: "Sites transfer zones over TLS or QUIC.",
  about: "stack",
  check: (resources) =>
    checkPackets(resources, (packets) =>
      packets
        .filter(({ packet }) => !["tls", "quic"].includes(textAt(packet, "transport")))
        .map(({ name }) => `${name} takes zones over plain TCP: set transport of dns-mesh:mesh to tls or quic`),
    ),
};

function mostOf({ most }: RuleConfig): number {
  return typeof most === "number" ? most : 0;
}

function removalProblems(shared: Planned, guards: readonly Planned[], most: number): readonly string[] {
  const leaving = guards.map(({ props }) => at(props, "leaving")).find((each) => each !== undefined);
  if (leaving === undefined) return ["it does not say what leaves the mesh: nothing can be said about removals"];
  const gone = ["sites", "zones"].flatMap((list) => listAt(leaving, list).map(String));
  return gone.length <= most
    ? []
    : [
        `${shared.name}: ${gone.length} sites and zones leave the mesh (${gone.slice(0, 20).join(", ")}), and ${most} may at once: ` +
          `take them off in several steps, or set removals-limited.most for this one`,
      ];
}

/**
 * Beside what the mesh itself holds back: here retired ones count too. Resources that go are no policy's business, since Pulumi
 * shows policies what stays: `mesh preview --max-removals` counts them.
 */
export const removalsLimited: StackRule = {
  name: "removals-limited",
  description: "A change takes few sites and zones from the mesh at once.",
  settings: { most: { type: "integer", default: 1 } },
  about: "stack",
  check: (resources, config) => {
    const guards = resources.filter(({ type }) => type === "dnsmesh:index:Safeguard");
    return resources
      .filter(isShared)
      .flatMap((shared) =>
        removalProblems(shared, guards, mostOf(config)).map((message): Finding => ({ message, urn: shared.urn })),
      );
  },
};
