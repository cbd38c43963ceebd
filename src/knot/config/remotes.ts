import { audienceOf } from "../../mesh/topology";
import { serverName } from "../../mesh/welcome";
import type { RenderContext } from "./render-context";
import { siblings } from "./site-runtime";
import { section, splitList, type Stanza } from "./stanza";
import { updateRemotes } from "./updaters";

/** Id of another site as a source of zones. */
export function remoteId(site: string): string {
  return `peer-${site}`;
}

/** Id of another server as a target of NOTIFY: at port 53, where one datagram or connection does. */
function tellId(remote: string): string {
  return `tell-${remote}`;
}

/**
 * The other servers, each as a source and as a target of NOTIFY, and the lists of targets. Pods of one site take zones
 * from each other by the site's own key, which all of them have whatever else they know: versions and rings may differ
 * while they are replaced one by one.
 */
export function renderRemotes(context: RenderContext): string {
  const { peers, ring, localKey, runtime, packet } = context;
  const { remotePort, secure } = runtime;
  const servers = [
    ...peers.map(({ name, addresses }) => ({
      id: remoteId(name),
      site: name,
      addresses,
      key: ring.signing,
      port: remotePort,
      securePort: secure.remotePort,
    })),
    ...siblings(runtime).map(({ address, ...pod }) => ({
      ...pod,
      site: packet.site.name,
      addresses: [address],
      key: localKey.name,
    })),
  ];
  const plain = servers.map(({ id, addresses, port }) => ({
    id: tellId(id),
    address: addresses.map((address) => `${address}@${port}`),
    key: ring.signing,
  }));
  const { transport } = packet;
  const sources = servers.map(({ id, site, addresses, key, port, securePort }): Stanza => {
    if (transport === "tcp") return { id, address: addresses.map((address) => `${address}@${port}`), key };
    return {
      id,
      address: addresses.map((address) => `${address}@${securePort}`),
      key,
      [transport]: true,
      "cert-hostname": serverName(site, packet.directoryZone),
    };
  });
  return section("remote", [...sources, ...plain, ...updateRemotes(context)]) + section("remotes", tellLists(context));
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
