import type { DnsServer } from "../../dns/client/dns-client";
import type { SiteRuntime } from "../../knot/config/site-runtime";
import type { TsigKey } from "../../dns/tsig-key";
import { signingKey } from "../../keyring/ring-document";
import { serverName } from "../../mesh/welcome";
import type { Inputs } from "./inputs";

/** A server that zones are taken from, and the key for that. */
export interface ZoneSource {
  readonly server: DnsServer;
  readonly key: TsigKey;
}

/** This pod's own Knot, which is read with the site's own key. */
export function ownSource(knot: DnsServer, { localKey }: Pick<Inputs, "localKey">): ZoneSource {
  return { server: knot, key: localKey };
}

/** Another pod or site as its Knot lets zones out: over TLS, also where the Knots among themselves use QUIC, or over TCP. */
export function siteSource(o: {
  readonly inputs: Pick<Inputs, "packet" | "ring" | "identity">;
  readonly runtime: Pick<SiteRuntime, "remotePort" | "secure">;
  /** Whose certificate it must show. */
  readonly site: string;
  readonly address: string;
}): ZoneSource {
  const { address, runtime, site } = o;
  const { packet, ring, identity } = o.inputs;
  const key = signingKey(ring);
  if (identity === undefined) return { server: { address, port: runtime.remotePort }, key };
  const tls = {
    ca: identity.roots,
    cert: identity.certificate,
    key: identity.privateKey,
    serverName: serverName(site, packet.directoryZone),
  };
  return { server: { address, port: runtime.secure.remotePort, tls }, key };
}
