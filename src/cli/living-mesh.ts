import { messageOf, UserError } from "../base/errors";
import { parseJson } from "../base/json";
import { objects } from "../contract/names";
import type { DnsClient, DnsServer } from "../dns/client/dns-client";
import type { ResourceRecord } from "../dns/record";
import type { TsigKey } from "../dns/tsig-key";
import { effectiveRing, parseRingDocument, type RingDocument, signingKey } from "../keyring/ring-document";
import type { Dnssec, WelcomePacket } from "../mesh/model";
import type { CatalogAnswer } from "../mesh/newest-view";
import { type CentralNames, readMesh } from "../mesh/read-view";
import { parseWelcomePacket, serverName } from "../mesh/welcome";
import { liveLocalKey, type LivePlace, liveSecret, requireSite } from "../preflight/live-site";
import { generationOf } from "../settings/shared-settings";

/** What a site's cluster has of what the shared stack gave it. */
export interface LivingSite {
  readonly packet: WelcomePacket;
  /** By which the site's own programs read its zones. */
  readonly localKey: TsigKey;
  /** Without Vault. */
  readonly ring?: RingDocument;
  /** PEM. Missing where pods fetch it from Vault. */
  readonly issued?: { readonly certificate: string; readonly privateKey: string };
}

/**
 * Reads from a site's cluster what its pods go by.
 *
 * @throws UserError when the cluster is another site's, or the site is not whole.
 */
export async function readLivingSite(place: LivePlace, site: string): Promise<LivingSite> {
  const packet = parseWelcomePacket(await requireSite(place, site, "name a site that lives"));
  const ring = (await liveSecret(place, objects.keys))?.["ring.json"];
  const tls = await liveSecret(place, objects.tls);
  const [certificate, privateKey] = [tls?.["tls.crt"], tls?.["tls.key"]];
  return {
    packet,
    localKey: await liveLocalKey(place),
    ...(ring !== undefined && {
      ring: parseRingDocument(parseJson(ring, `ring.json of the Secret ${objects.keys}`)),
    }),
    ...(certificate !== undefined && privateKey !== undefined && { issued: { certificate, privateKey } }),
  };
}

/**
 * The newest ring that sites have.
 *
 * @throws UserError when two of one generation differ, or have another key under one name: one of them is not the mesh's.
 */
export function newestRing(sites: readonly LivingSite[]): RingDocument | undefined {
  const rings = sites.flatMap(({ ring }) => (ring === undefined ? [] : [ring]));
  const [newest] = [...rings].sort((a, b) => generationOf(b) - generationOf(a));
  const twin = rings.find(
    (ring) => generationOf(ring) === generationOf(newest ?? ring) && JSON.stringify(ring) !== JSON.stringify(newest),
  );
  if (twin !== undefined)
    throw new UserError(
      "sites have different key rings of one generation: name those sites alone with --from that were brought up last",
    );
  const name = ambiguousKey(rings);
  if (name !== undefined)
    throw new UserError(
      `sites have different keys called ${name}: name those sites alone with --from that you know to have the mesh's ring`,
    );
  return newest;
}

/** A name under which rings have different keys. */
function ambiguousKey(rings: readonly RingDocument[]): string | undefined {
  const secrets = new Map<string, string>();
  const keys = rings.flatMap(({ previous, current, next }) => [previous, current, next]);
  return keys.find((key) => {
    if (key === undefined) return false;
    const known = secrets.get(key.name);
    secrets.set(key.name, key.secret);
    return known !== undefined && known !== key.secret;
  })?.name;
}

/** How catalog sites are asked. */
export interface Asking {
  readonly dns: Pick<DnsClient, "transfer">;
  readonly sites: readonly LivingSite[];
  /** PEM of the roots by which servers' certificates are checked: those on which sites agree. */
  readonly ca: string;
  readonly ring: RingDocument;
  /** Where a site is asked instead, over TCP with its own key, by the site's name: through a tunnel into a pod. */
  readonly servers: ReadonlyMap<string, DnsServer>;
  readonly ports: { readonly plain: number; readonly secure: number };
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A server, and the key that it opens zones to. */
interface Source {
  readonly server: DnsServer;
  readonly key: TsigKey;
}

/** Asks a catalog site for both central zones, at one address after the other. Never throws: no answer is one as well. */
export async function askCatalog(
  site: { readonly name: string; readonly addresses: readonly string[] },
  names: CentralNames,
  asking: Asking,
): Promise<CatalogAnswer> {
  const reasons: string[] = [];
  try {
    for (const { server, key } of sourcesOf(site, asking)) {
      try {
        const found = await readMesh(names, (zone) => asking.dns.transfer(server, zone, key));
        return { site: site.name, found };
      } catch (error) {
        reasons.push(messageOf(error));
      }
    }
  } catch (error) {
    reasons.push(messageOf(error));
  }
  return { site: site.name, found: { kind: "failed", reason: reasons.join("; ") } };
}

/** As agents take zones: over TLS with the certificate of a site, signed by the ring; or through a tunnel, as a pod of the site. */
function sourcesOf(
  site: { readonly name: string; readonly addresses: readonly string[] },
  asking: Asking,
): readonly Source[] {
  const { sites, servers, ring, ports, ca } = asking;
  const tunnel = servers.get(site.name);
  if (tunnel !== undefined) {
    const own = sites.find(({ packet }) => packet.site.name === site.name);
    if (own === undefined) throw new UserError(`its own key is not known: name it with --from too`);
    return [{ server: tunnel, key: own.localKey }];
  }
  const key = signingKey(effectiveRing(ring, asking.now));
  const [first] = sites;
  if (first?.packet.transport === "tcp")
    return site.addresses.map((address) => ({ server: { address, port: ports.plain }, key }));
  const known = sites.find(({ issued }) => issued !== undefined);
  if (known?.issued === undefined)
    throw new UserError(
      "no site's certificate was read (pods have it from Vault): ask it through a tunnel, with --server",
    );
  const { packet, issued } = known;
  const tls = {
    ca,
    cert: issued.certificate,
    key: issued.privateKey,
    serverName: serverName(site.name, packet.directoryZone),
  };
  return site.addresses.map((address) => ({ server: { address, port: ports.secure, tls }, key }));
}

/** Whether and how a zone is signed, or why nobody says so: an unsigned zone and silence are not the same. */
type Signing =
  | { readonly kind: "known"; readonly dnssec: true | Dnssec | undefined }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * How a zone is signed, by the whole zone as one of these sites gives it, over the same authenticated way as the central zones:
 * a forged answer that a zone has no keys would have its signatures withdrawn. Never throws.
 */
export async function signingOf(
  zone: string,
  from: readonly { readonly name: string; readonly addresses: readonly string[] }[],
  asking: Asking,
): Promise<Signing> {
  const reasons: string[] = [];
  for (const site of from) {
    try {
      for (const { server, key } of sourcesOf(site, asking)) {
        try {
          return { kind: "known", dnssec: signingIn(zone, await asking.dns.transfer(server, zone, key)) };
        } catch (error) {
          reasons.push(messageOf(error));
        }
      }
    } catch (error) {
      reasons.push(`${site.name}: ${messageOf(error)}`);
    }
  }
  return { kind: "unknown", reason: reasons.join("; ") };
}

function signingIn(zone: string, records: readonly ResourceRecord[]): true | Dnssec | undefined {
  const has = (type: string): boolean => records.some((record) => record.type === type && record.name === zone);
  if (!has("DNSKEY")) return undefined;
  return has("NSEC3PARAM") ? { nsec3: true } : true;
}
