import type { Transport } from "../../mesh/model";
import { catalogSitesOf, peersOf } from "../../mesh/peers";
import { audienceOf } from "../../mesh/topology";
import { serverName } from "../../mesh/welcome";
import { primaryRemotes } from "./primaries";
import type { RenderContext, SiteInput } from "./render-context";
import { siblings } from "./site-runtime";
import { section, splitList, type Stanza } from "./stanza";
import { updateRemotes } from "./updaters";
import { relaySocket } from "./volume";

/** Id of another site as a source of zones. */
export function remoteId(site: string): string {
  return `peer-${site}`;
}

/**
 * Id of a catalog site as a source of another site's zones, in a full mesh: by way of the agent alone, where there is one. Such
 * a zone comes from its owner; this one is asked in vain each time that a look finds nothing new, and where it says nothing,
 * its own addresses would keep the zone from its owner's next change for as long as Knot waits there (ADR 0044). In a mesh with
 * hubs these are who notifies, and Knot asks whoever notified it first, which it knows by its address.
 */
function spareId(site: string): string {
  return `spare-${site}`;
}

/** Id of another server as a target of NOTIFY: at port 53, over TCP, where one connection does. */
function tellId(remote: string): string {
  return `tell-${remote}`;
}

/**
 * The other servers, each as a source and as a target of NOTIFY, and the lists of targets. Pods of one site take zones
 * from each other by the site's own key, which all of them have whatever else they know: versions and rings may differ
 * while they are replaced one by one.
 */
export function renderRemotes(context: RenderContext): string {
  const { ring, runtime, packet } = context;
  const servers = serversOf(context);
  const { transport } = packet;
  const reached = context.reached && new Set(context.reached);
  const viaRelay = (id: string, direct: readonly string[]): readonly string[] => {
    if (!isRelayed(transport)) return direct;
    return [relaySocket(runtime.rundir, id), ...direct.filter((address) => reached?.has(address) ?? true)];
  };
  const plain = servers.map(({ id, addresses, port }) => ({
    id: tellId(id),
    address: viaRelay(
      tellId(id),
      addresses.map((address) => addressAt(address, port)),
    ),
    key: ring.signing,
  }));
  const sources = servers.map(({ id, site, addresses, key, port, securePort }): Stanza & { readonly id: string } => {
    if (transport === "tcp") return { id, address: addresses.map((address) => `${address}@${port}`), key };
    const direct = addresses.map((address) => addressAt(address, securePort));
    return {
      id,
      address: viaRelay(id, direct),
      key,
      [transport]: true,
      "cert-hostname": serverName(site, packet.directoryZone),
    };
  });
  const spareSites = new Map(sparesOf(context).map((site) => [remoteId(site), site]));
  const spares = sources.flatMap((source) => {
    const site = spareSites.get(source.id);
    return site === undefined ? [] : [{ ...source, id: spareId(site), address: viaRelay(source.id, []) }];
  });
  return (
    section("remote", [...sources, ...spares, ...plain, ...updateRemotes(context), ...primaryRemotes(context)]) +
    section("remotes", tellLists(context))
  );
}

/** An address in Knot's form. */
export function addressAt(address: string, port: number): string {
  return `${address}@${port}`;
}

/** A server that Knot reaches by way of the agent. */
export interface RelayTarget {
  /** Where the agent takes Knot's connections. */
  readonly socket: string;
  /** In the order in which they are tried. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** What a server says something to, there. */
  readonly speaks: "tls" | "dns";
}

/**
 * The servers that Knot asks, and tells, by way of the agent: all of them where transfers run over TLS, since Knot's own
 * sockets hold small pieces back, and spin at an address that the kernel refuses (ADR 0044). Behind the relay Knot has those
 * of their addresses that the relay reached, for when the agent is not there.
 */
export function relayTargets(
  input: Pick<SiteInput, "packet" | "view" | "ring" | "localKey" | "runtime">,
): readonly RelayTarget[] {
  if (!isRelayed(input.packet.transport)) return [];
  const socket = (id: string): string => relaySocket(input.runtime.rundir, id);
  const servers = serversOf({ ...input, peers: peersOf(input) });
  // Sources first: of very many servers, some have no socket.
  return [
    ...servers.map(({ id, addresses, securePort }) => ({
      socket: socket(id),
      addresses,
      port: securePort,
      speaks: "tls" as const,
    })),
    ...servers.map(({ id, addresses, port }) => ({
      socket: socket(tellId(id)),
      addresses,
      port,
      speaks: "dns" as const,
    })),
  ];
}

function isRelayed(transport: Transport): boolean {
  return transport === "tls";
}

/** Sites that stand in for others' owners, by way of the agent alone. */
function sparesOf({ packet, view }: Pick<RenderContext, "packet" | "view">): readonly string[] {
  if (!isRelayed(packet.transport) || view.topology === "hub") return [];
  return catalogSitesOf({ packet, view }).map(({ name }) => name);
}

/** The sources of an owner's zones, by their ids; for any owner, since there may be many. */
export function sourceIds(
  context: Pick<RenderContext, "packet" | "view">,
): (sources: readonly string[]) => readonly string[] {
  const spares = new Set(sparesOf(context));
  return (sources) => sources.map((site, i) => (i > 0 && spares.has(site) ? spareId(site) : remoteId(site)));
}

/** The other sites, and the other pods of this one. */
function serversOf(
  context: Pick<RenderContext, "peers" | "ring" | "localKey" | "runtime" | "packet">,
): readonly Server[] {
  const { peers, ring, localKey, runtime, packet } = context;
  const { remotePort: port, secure } = runtime;
  return [
    ...peers.map(({ name, addresses }) => ({
      ...{ id: remoteId(name), site: name, addresses, port },
      key: ring.signing,
      securePort: secure.remotePort,
    })),
    ...siblings(runtime).map(({ address, ...pod }) => ({
      ...pod,
      site: packet.site.name,
      addresses: [address],
      key: localKey.name,
    })),
  ];
}

/** Another server as a source of zones. */
interface Server {
  readonly id: string;
  readonly site: string;
  readonly addresses: readonly string[];
  /** Name of the key that requests are signed with. */
  readonly key: string;
  readonly port: number;
  readonly securePort: number;
}

/** Ids of the lists that Knot notifies of the zones of this site: other sites. */
export function audienceLists(context: RenderContext): readonly string[] {
  return meshLists(context).map(({ id }) => id);
}

/** Ids of the lists that Knot notifies of every zone: the site's other pods. */
export function siblingLists(context: RenderContext): readonly string[] {
  return siblings(context.runtime).length > 0 ? ["siblings"] : [];
}

function tellLists(context: RenderContext): readonly Stanza[] {
  const pods = siblingLists(context).map((id) => ({
    id,
    remote: siblings(context.runtime).map((pod) => tellId(pod.id)),
  }));
  return [...meshLists(context), ...pods];
}

function meshLists(context: RenderContext): readonly { readonly id: string; readonly remote: readonly string[] }[] {
  const ids = audienceOf(context).map(({ name }) => tellId(remoteId(name)));
  return splitList(ids).map((remote, i) => ({ id: i === 0 ? "mesh" : `mesh-${i}`, remote }));
}
