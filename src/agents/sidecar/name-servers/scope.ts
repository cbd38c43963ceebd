import { groupBy } from "../../../base/group";
import { isWithin, longestName } from "../../../base/names";
import { areNameServersSaid, enclosingZone, nameServersOf, parentZone } from "../../../mesh/name-servers";
import type { MeshView, ZoneView } from "../../../mesh/view";

/** An own zone, and one of the mesh below it with no other one between. */
export interface Pair {
  readonly parent: string;
  readonly child: ZoneView;
}

/** An own zone with names of servers, and a zone below a parent outside the mesh that these serve. */
export interface Signalled {
  readonly host: string;
  readonly child: ZoneView;
  /** Where the host says which keys the child has (RFC 9615 section 2). */
  readonly owners: readonly string[];
}

/** What of the mesh's name servers is this site's business. */
export interface Scope {
  /** Names of all zones of the mesh. */
  readonly zones: ReadonlySet<string>;
  /** Own zones whose name servers the list says, that have the name of a server in them, or had one. */
  readonly kept: readonly ZoneView[];
  /** Delegations in own zones, of zones whose name servers the list says. */
  readonly delegations: readonly Pair[];
  /** What own zones with names of servers say of zones elsewhere. */
  readonly signals: readonly Signalled[];
  /** Zones with notes that are another site's by now. */
  readonly left: readonly string[];
}

/** Names of servers by zone, as the agent's state has them. */
export type Notes = Readonly<Record<string, readonly string[]>>;

/**
 * What is the business of a site's own zones.
 *
 * @param own.names - Own zones that have a content.
 * @param directory - The directory zone.
 */
export function scopeOf(
  view: MeshView,
  own: { readonly site: string; readonly names: readonly string[]; readonly directory: string },
  notes: Notes = {},
): Scope {
  const zones = new Set(view.zones.map(({ name }) => name));
  const hosting = new Set(
    view.sites.flatMap(({ nameServer }) => (nameServer === undefined ? [] : (enclosingZone(nameServer, zones) ?? []))),
  );
  const names = new Set(own.names);
  const mine = view.zones.filter(({ name, owner }) => owner === own.site && names.has(name));
  const isMine = new Set(mine.map(({ name }) => name));
  const hosts = new Set([...hosting].filter((zone) => isMine.has(zone)));
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
    signals: signalsIn(view, { zones, hosts, directory: own.directory }),
    left: view.zones.filter(({ name, owner }) => owner !== own.site && notes[name] !== undefined).map(nameOf),
  };
}

/** Where signals stand, and no name that people give to anything. */
const bootLabel = "_dsboot.";
/** Zones of which one host says something: each takes two records for each server. */
const mostSignalled = 500;

/** Whether a name is one at which a host says which keys a zone elsewhere has. */
export function isSignal(name: string): boolean {
  return name.startsWith(bootLabel);
}

/** A server whose name lies in the zone itself says nothing of it: what it says would be proven by the zone's own keys. */
function signalsIn(
  view: MeshView,
  at: { readonly zones: ReadonlySet<string>; readonly hosts: ReadonlySet<string>; readonly directory: string },
): readonly Signalled[] {
  const { zones, hosts, directory } = at;
  if (hosts.size === 0) return [];
  const count = new Map<string, number>();
  return view.zones.flatMap((child): readonly Signalled[] => {
    if (parentZone(child.name, zones) !== undefined) return [];
    const outside = (nameServersOf(child, { view, directory }) ?? []).filter(({ name }) => !isWithin(name, child.name));
    const owners = outside.map(({ name }) => ({
      host: enclosingZone(name, zones),
      owner: signalName(child.name, name),
    }));
    return [...groupBy(owners, ({ host }) => host)].flatMap(([host, found]) => {
      const many = (count.get(host ?? "") ?? 0) + 1;
      if (host === undefined || !hosts.has(host) || many > mostSignalled) return [];
      count.set(host, many);
      const names = found.map(({ owner }) => owner).filter((owner) => owner.length <= longestName);
      return [{ host, child, owners: names }];
    });
  });
}

function signalName(child: string, server: string): string {
  return `${bootLabel}${child}._signal.${server}`;
}

function nameOf({ name }: ZoneView): string {
  return name;
}
