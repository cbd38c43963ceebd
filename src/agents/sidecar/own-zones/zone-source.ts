import type { DnsServer } from "../../../dns/client/dns-client";
import type { TsigKey } from "../../../dns/tsig-key";
import { signingKey } from "../../../keyring/ring-document";
import { type Sibling, siblings, type SiteRuntime } from "../../../knot/config/site-runtime";
import { peersOf } from "../../../mesh/peers";
import type { MeshView } from "../../../mesh/view";
import { serverName } from "../../../mesh/welcome";
import type { Inputs } from "../inputs/inputs";

/** A server that zones are taken from, and the key for that. */
export interface ZoneSource {
  readonly server: DnsServer;
  readonly key: TsigKey;
  /** Another pod of this site: while a new site starts, it waits for the first. */
  readonly isPod?: true;
}

/** This pod's own Knot, which is read with the site's own key. */
export function ownSource(knot: DnsServer, { localKey }: Pick<Inputs, "localKey">): ZoneSource {
  return { server: knot, key: localKey };
}

/** Another site as its Knot lets zones out: over TLS, also where the Knots among themselves use QUIC, or over TCP. */
export function siteSource(target: {
  readonly inputs: SourceInputs & { readonly runtime: Pick<SiteRuntime, "remotePort" | "secure"> };
  /** Whose certificate it must show. */
  readonly site: string;
  readonly address: string;
}): ZoneSource {
  const { remotePort: port, secure } = target.inputs.runtime;
  const server = serverAt(target.inputs, { ...target, port, securePort: secure.remotePort });
  return { server, key: signingKey(target.inputs.ring) };
}

/** Another pod of this site, which is read with the site's own key, as its Knot is by the other pods' Knots. */
export function podSource(inputs: Inputs, pod: Pick<Sibling, "address" | "port" | "securePort">): ZoneSource {
  return { server: serverAt(inputs, { ...pod, site: inputs.packet.site.name }), key: inputs.localKey, isPod: true };
}

/** Every other server that may have the site's own zones: its other pods, the catalog sites, and all sites that are known. */
export function otherSources(inputs: Inputs, view?: MeshView): readonly ZoneSource[] {
  const { packet } = inputs;
  const catalogs = packet.catalogs.filter(({ name }) => name !== packet.site.name);
  const catalogAddresses = new Set(catalogs.flatMap(({ addresses }) => addresses));
  const known = view === undefined ? [] : peersOf({ packet, view });
  const sites = [...catalogs, ...known].flatMap(({ name, addresses }, i) =>
    addresses
      .filter((address) => i < catalogs.length || !catalogAddresses.has(address))
      .map((address) => siteSource({ inputs, site: name, address })),
  );
  return [...siblings(inputs.runtime).map((pod) => podSource(inputs, pod)), ...sites];
}

type SourceInputs = Pick<Inputs, "packet" | "ring" | "identity">;

function serverAt(
  { packet, identity }: Omit<SourceInputs, "ring">,
  endpoint: { readonly site: string; readonly address: string; readonly port: number; readonly securePort: number },
): DnsServer {
  const { address, port } = endpoint;
  if (identity === undefined) return { address, port };
  const tls = {
    ca: identity.roots,
    cert: identity.certificate,
    key: identity.privateKey,
    serverName: serverName(endpoint.site, packet.directoryZone),
  };
  return { address, port: endpoint.securePort, tls };
}
