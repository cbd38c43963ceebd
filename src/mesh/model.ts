/** The mesh as everybody sees it: the one list in the shared stack's config, validated (see `parse.ts`). */
import type { RingDocument } from "../keyring/ring-document";
import type { SignedEpoch } from "./epoch";
import type { WelcomeTrust } from "./trust";

/** Which part a site plays for the central zones. There is exactly one primary catalog. */
export type SiteRole = "primary-catalog" | "secondary-catalog" | "standard";

/**
 * What stands in a zone's NS records: all sites, the catalog sites, or a list. A list has names of sites, `all` and `catalog`, and
 * names of servers outside the mesh, which have a dot. Where nothing is said, the NS records that a zone began with stay what they
 * are.
 */
export type NameServers = "all" | "catalog" | readonly string[];

/** How a zone is signed, where it is more than what holds for every signed zone. */
export interface Dnssec {
  /** Absence is proved by hashed names (RFC 5155, with RFC 9276's parameters) instead of plain ones. */
  readonly nsec3?: boolean;
  /**
   * Servers of the parent zone, in Knot's form (`192.0.2.53`, `192.0.2.53@5353`). The owner's Knot asks all of them for
   * the DS record, and goes on with a roll-over once they have it.
   */
  readonly parents?: readonly string[];
  /** On the way out: still signed, and the parent is asked to drop the DS record (RFC 8078 section 4). */
  readonly withdraw?: boolean;
}

/** A server outside the mesh that a zone is taken from. */
export interface Primary {
  /** In Knot's form: `192.0.2.53`, `192.0.2.53@5353`. */
  readonly address: string;
  /** Name of the key that it is asked with, and that signs its NOTIFY: one of the `readers` of the owner's stack. */
  readonly key: string;
}

/** A zone and what its owner does with it. */
export interface Zone {
  /** Absolute, lower-case, without the trailing dot. */
  readonly name: string;
  /** Whether the owner's Knot signs it, and how. */
  readonly dnssec: boolean | Dnssec;
  /** Initial content in master-file format (RFC 1035 section 5); a skeleton SOA and NS when left out. */
  readonly zoneFile?: string;
  /** Initial records beside the skeleton's, as lines of a master file with absolute names. Never beside `zoneFile`. */
  readonly records?: readonly string[];
  /** The owner takes the zone from these and changes nothing in it. Never beside `zoneFile`, `records` or `dnssec`. */
  readonly primaries?: readonly Primary[];
  /** In the place of the mesh's {@link Mesh.nameServers}. Travels in the directory alone. */
  readonly nameServers?: NameServers;
  /** ISO date from which the zone may leave the mesh without being held back as a mass removal. */
  readonly retired?: string;
}

/** How Vault recognises a site's pods by the tokens of their cluster. */
export interface SiteVault {
  /** PEM of the public keys that the cluster signs service-account tokens with. */
  readonly serviceAccountKeys: readonly string[];
  /** Namespace of the site's pods. */
  readonly namespace: string;
}

/** One Kubernetes cluster with its Knot servers. */
export interface Site {
  /** A single DNS label; the server's name is `<name>.<directoryZone>`. */
  readonly name: string;
  readonly role: SiteRole;
  /** Where the site is asked: IPv4 or IPv6 addresses, canonical text form. None of a site that waits. */
  readonly addresses: readonly string[];
  /** The addresses are those that its load balancer got. Stays in the shared stack. */
  readonly auto?: true;
  /** CIDRs that the site's own transfers come from; its addresses (as /32 or /128) unless set otherwise. */
  readonly sources: readonly string[];
  readonly zones: readonly Zone[];
  /** What NS records call its server; `<name>.<directoryZone>` without it. Travels in the directory alone. */
  readonly nameServer?: string;
  /** Without it, the site logs in to Vault by AppRole. Stays in the shared stack. */
  readonly vault?: SiteVault;
  /** ISO date from which the site may leave the mesh without being held back as a mass removal. */
  readonly retired?: string;
}

/**
 * How zones travel from their owners. `full`: every site takes them from the owner. `hub`: the catalog sites do, and pass
 * them on to the standard sites; each of those is at home at one hub.
 */
export type Topology = "full" | "hub";

/**
 * What zone transfers between sites run over. `tls` (RFC 9103) and `quic` (RFC 9250): on port 853, both ends show a
 * certificate of the mesh's authority with the site's name in it. `tcp`: readable on the link. TSIG is on top of each.
 */
export type Transport = "tls" | "quic" | "tcp";

/** The whole mesh. Sites in the order of the list, those that can be asked. */
export interface Mesh {
  /** Zone that tells which sites exist, where they are and who owns which zone. */
  readonly directoryZone: string;
  /** RFC 9432 catalog of all member zones. */
  readonly catalogZone: string;
  readonly topology: Topology;
  readonly transport: Transport;
  /** For zones that say nothing of their own. */
  readonly nameServers?: NameServers;
  readonly sites: readonly Site[];
  /** Listed sites that nobody can ask yet (see `waiting.ts`). They are in neither central zone. */
  readonly waiting?: readonly Site[];
  /** Which site has the primary catalog since when, signed by the shared stack, which adds it to what the list says. */
  readonly epoch?: SignedEpoch;
}

/** A catalog server as a new site needs to know it. */
export interface CatalogServer {
  readonly name: string;
  readonly role: "primary-catalog" | "secondary-catalog";
  readonly addresses: readonly string[];
  readonly sources: readonly string[];
}

/** What a site must know before it can ask the mesh for the rest. Public data only; secrets travel in {@link WelcomeSecrets}. */
export interface WelcomePacket extends WelcomeTrust {
  readonly version: 1;
  readonly directoryZone: string;
  readonly catalogZone: string;
  readonly transport: Transport;
  readonly site: Site;
  /** The primary catalog first, then the secondaries in the order of the list. The site itself is among them if it is one. */
  readonly catalogs: readonly CatalogServer[];
  /** PEM of the mesh's root certificate(s). */
  readonly ca: string;
  /** Whether the list says the name servers of a zone of the site, so that its stack has what parents should have. */
  readonly delegates?: true;
  /** The epoch when the shared stack was brought up last; missing from releases that knew none. */
  readonly epoch?: SignedEpoch;
  /** PEM of the shared stack's public keys, by which epochs are checked. */
  readonly signers?: readonly string[];
}

/** The secret part of a site's welcome. */
export interface WelcomeSecrets {
  readonly keyRing: RingDocument;
  /** PEM: the site's own certificate for `<site>.<directoryZone>`, or with cert-manager that of the site's own issuer. */
  readonly certificate: string;
  /** PEM (PKCS 8). */
  readonly privateKey: string;
}
