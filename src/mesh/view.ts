import { sha256 } from "../base/json";
import { compareText } from "../base/text";
import type { Epoch } from "./epoch";
import type { NameServers, SiteRole, Topology } from "./model";

/** A site as the directory tells it. */
export interface SiteView {
  readonly name: string;
  readonly role: SiteRole;
  readonly addresses: readonly string[];
  readonly sources: readonly string[];
  /** What NS records call its server; `<name>.<directoryZone>` without it. */
  readonly nameServer?: string;
  readonly retired?: string;
}

/** A zone as directory and catalog tell it together. */
export interface ZoneView {
  readonly name: string;
  /** Name of the site that owns it (catalog group, RFC 9432 section 4.3.2, and directory agree). */
  readonly owner: string;
  /** The catalog's unique-id label of the member. */
  readonly id: string;
  /** In the place of the mesh's {@link MeshView.nameServers}; empty where this release cannot read it: then nobody sees to them. */
  readonly nameServers?: NameServers;
  readonly retired?: string;
}

/**
 * What the two central zones say, sorted by name, so that equal meshes are equal texts. It is also what is kept as the
 * last good state and what is rendered into Knot's files.
 */
export interface MeshView {
  readonly directorySerial: number;
  readonly catalogSerial: number;
  readonly sites: readonly SiteView[];
  readonly zones: readonly ZoneView[];
  /** Checked by the shared stack's signature; missing where nothing is said of it, or nobody could check it. */
  readonly epoch?: Epoch;
  /** Which sites stand in the NS records of zones that say nothing of their own; missing where nobody sees to those. */
  readonly nameServers?: NameServers;
  /** How zones travel; missing where every site takes them from their owners. */
  readonly topology?: Exclude<Topology, "full">;
  /** Names whose removal is held back: still in `sites` and `zones`, no longer in the central zones. */
  readonly held?: { readonly sites: readonly string[]; readonly zones: readonly string[] };
}

/** One step from what is known to what was discovered. */
export type MeshChange =
  | { readonly kind: "topology-changed"; readonly to: Topology }
  | { readonly kind: "site-added"; readonly site: string }
  | { readonly kind: "site-removed"; readonly site: string }
  | { readonly kind: "site-changed"; readonly site: string; readonly fields: readonly string[] }
  | { readonly kind: "zone-added"; readonly zone: string; readonly owner: string }
  | { readonly kind: "zone-removed"; readonly zone: string; readonly owner: string }
  | { readonly kind: "zone-moved"; readonly zone: string; readonly from: string; readonly to: string };

/** A removal that is not carried out until it is confirmed (see {@link Limits}). */
export interface Held {
  readonly kind: "sites" | "zones";
  readonly names: readonly string[];
  /** A sentence for people: how many of how many, what the limit is, how to confirm. */
  readonly reason: string;
}

/**
 * Why a discovered view is not taken at all. `older` is a serial that went back (RFC 1982); `fenced` comes from a primary
 * that was replaced, or is not signed by the shared stack.
 */
export type RefusalKind = "empty" | "older" | "malformed" | "incomplete" | "self-missing" | "fenced";

/** What a pass decides. `next` is `known` when the discovered view is refused. */
export interface MeshPlan {
  readonly next: MeshView;
  readonly changes: readonly MeshChange[];
  readonly held: readonly Held[];
  readonly refusal?: { readonly kind: RefusalKind; readonly reason: string };
}

/** Views never change, and their hashes are asked for with each look at `/status`. */
const known = new WeakMap<MeshView, string>();

/** SHA-256 in hexadecimal over the content of a view, without serials: equal meshes have equal hashes. */
export function viewHash(view: MeshView): string {
  const hash = known.get(view) ?? computeHash(view);
  known.set(view, hash);
  return hash;
}

function computeHash(view: MeshView): string {
  const sites = view.sites.map(
    ({ name, role, addresses, sources, retired, nameServer }) =>
      [name, role, addresses, sources, retired ?? null, ...(nameServer === undefined ? [] : [nameServer])] as const,
  );
  const zones = view.zones.map(
    ({ name, owner, id, retired, nameServers }) =>
      [name, owner, id, retired ?? null, ...(nameServers === undefined ? [] : [nameServers])] as const,
  );
  // A view that says nothing of these has the hash that earlier releases give it.
  const topology = view.topology === undefined ? [] : [view.topology];
  const servers = view.nameServers === undefined ? [] : [{ nameServers: view.nameServers }];
  return sha256(JSON.stringify([byFirst(sites), byFirst(zones), ...topology, ...servers]));
}

function byFirst<T extends readonly [string, ...unknown[]]>(rows: readonly T[]): readonly T[] {
  return [...rows].sort(([a], [b]) => compareText(a, b));
}
