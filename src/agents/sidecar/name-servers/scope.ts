import { areNameServersSaid, enclosingZone, parentZone } from "../../../mesh/name-servers";
import type { MeshView, ZoneView } from "../../../mesh/view";

/** An own zone, and one of the mesh below it with no other one between. */
export interface Pair {
  readonly parent: string;
  readonly child: ZoneView;
}

/** What of the mesh's name servers is this site's business. */
export interface Scope {
  /** Names of all zones of the mesh. */
  readonly zones: ReadonlySet<string>;
  /** Own zones whose name servers the list says, that have the name of a server in them, or had one. */
  readonly kept: readonly ZoneView[];
  /** Delegations in own zones, of zones whose name servers the list says. */
  readonly delegations: readonly Pair[];
  /** Zones with notes that are another site's by now. */
  readonly left: readonly string[];
}

/** Names of servers by zone, as the agent's state has them. */
export type Notes = Readonly<Record<string, readonly string[]>>;

/**
 * What is the business of a site's own zones.
 *
 * @param own.names - Own zones that have a content.
 */
export function scopeOf(
  view: MeshView,
  own: { readonly site: string; readonly names: readonly string[] },
  notes: Notes = {},
): Scope {
  const zones = new Set(view.zones.map(({ name }) => name));
  const hosting = new Set(
    view.sites.flatMap(({ nameServer }) => (nameServer === undefined ? [] : (enclosingZone(nameServer, zones) ?? []))),
  );
  const names = new Set(own.names);
  const mine = view.zones.filter(({ name, owner }) => owner === own.site && names.has(name));
  const isMine = new Set(mine.map(({ name }) => name));
  return {
    zones,
    kept: mine.filter(
      (zone) => areNameServersSaid(zone, view) || hosting.has(zone.name) || notes[zone.name] !== undefined,
    ),
    delegations: view.zones.flatMap((child): readonly Pair[] => {
      if (!areNameServersSaid(child, view)) return [];
      const parent = parentZone(child.name, zones);
      return parent !== undefined && isMine.has(parent) ? [{ parent, child }] : [];
    }),
    left: view.zones.filter(({ name, owner }) => owner !== own.site && notes[name] !== undefined).map(nameOf),
  };
}

function nameOf({ name }: ZoneView): string {
  return name;
}
