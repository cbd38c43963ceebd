import { compareText } from "../../base/text";
import type { TsigKey } from "../../dns/tsig-key";
import type { Reader } from "../../keyring/reader";
import type { KeyRing } from "../../keyring/ring-document";
import { memberId } from "../../mesh/catalog";
import type { WelcomePacket } from "../../mesh/model";
import { peersOf } from "../../mesh/peers";
import type { MeshView, SiteView } from "../../mesh/view";
import type { Updater } from "../../records/updater";
import type { SiteRuntime } from "./site-runtime";

/** What a site shows of itself in TLS and QUIC, and what it takes others by. All PEM. */
export interface TlsIdentity {
  /** The site's certificate, with what leads from it to a root. */
  readonly certificate: string;
  /** PKCS 8. */
  readonly privateKey: string;
  /** Certificates of the authorities whose sites are let in; two while the authority changes. */
  readonly roots: string;
}

/** What the files of a site are made from. */
export interface SiteInput {
  readonly packet: WelcomePacket;
  readonly ring: KeyRing;
  /** The site's own key, by which its agent and reconciler read a zone from its Knot. */
  readonly localKey: TsigKey;
  /** Servers outside the mesh that may take zones from this site. */
  readonly readers: readonly Reader[];
  /** Who else may change own zones by DNS UPDATE. @default none */
  readonly updaters?: readonly Updater[];
  /** The key by which the record operator changes the site's own zones; left out where there is none. */
  readonly recordsKey?: TsigKey;
  /** Left out where transfers run over plain TCP. */
  readonly identity?: TlsIdentity;
  readonly view: MeshView;
  /** Catalog sites that central zones are not taken from, as long as there is another one. */
  readonly behind?: readonly string[];
  /**
   * Zones that were the site's own and went to another owner. They stay in Knot's own files: it drops a zone that goes from there
   * before it takes it as a catalog's member, and has nothing of it then. @default none
   */
  readonly former?: readonly string[];
  /** Addresses of other servers, in Knot's form, that it has beside the agent's relay, where there is one. @default all */
  readonly reached?: readonly string[];
  readonly runtime: SiteRuntime;
  /** An agent is there that judges changes of own zones. Knot starts without it: it would wait for an answer before it serves. @default false */
  readonly isGuarded?: boolean;
}

/** A zone that is taken from another site. */
export interface Member {
  readonly name: string;
  readonly owner: string;
}

/** How the zones that a site takes from others come to Knot. */
export interface TakenZones {
  /** By the local catalog. */
  readonly members: readonly Member[];
  /** By Knot's own files, since they were the site's own once. */
  readonly former: readonly Member[];
}

/** What the files are made from, with what follows from it and several of them need. */
export interface RenderContext extends Omit<SiteInput, "former">, TakenZones {
  readonly peers: readonly SiteView[];
  /** Sites that have a template. */
  readonly owners: readonly string[];
}

/** Works out what several files need. */
export function renderContext(input: SiteInput): RenderContext {
  const peers = peersOf(input);
  const taken = takenZones(input);
  return { ...input, ...taken, peers, owners: ownersOf({ ...input, ...taken, peers }) };
}

/** The zones that the site takes from others, and the site that owns each. */
export function takenZones({ packet, view, former = [] }: Pick<SiteInput, "packet" | "view" | "former">): TakenZones {
  const own = new Set([...packet.site.zones.map((zone) => zone.name), packet.directoryZone, packet.catalogZone]);
  const all = view.zones.filter((zone) => !own.has(zone.name)).map(({ name, owner }) => ({ name, owner }));
  if (former.length === 0) return { members: all, former: [] };
  const wasOwn = new Set(former);
  return {
    members: all.filter(({ name }) => !wasOwn.has(name)),
    former: all.filter(({ name }) => wasOwn.has(name)),
  };
}

/**
 * Id of Knot's template for an owner's zones. The prefix keeps a site's name from meeting `default` or another of ours.
 * Long names give way to a hash: all ids stand in one list, `catalog-template`, and Knot keeps a list in 65,535 octets.
 */
export function ownerTemplate(owner: string): string {
  return owner.length <= 10 ? `owner-${owner}` : `owner_${memberId(owner).slice(0, 10)}`;
}

/** Sites that get a template: every peer, and owners of zones beyond (this site itself, a site that is held back). */
function ownersOf({ packet, peers, members, former }: Omit<RenderContext, "owners">): readonly string[] {
  const owners = [...peers.map((peer) => peer.name), ...[...members, ...former].map(({ owner }) => owner)];
  return owners.length === 0 ? [packet.site.name] : [...new Set(owners)].sort(compareText);
}
