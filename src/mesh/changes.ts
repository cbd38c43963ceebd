import type { Change, MeshView, SiteView, ZoneView } from "./view";

/** The steps from one view to another: the topology, then sites and zones, each kind sorted by name. */
export function changesBetween(from: MeshView, to: MeshView): readonly Change[] {
  const topology: readonly Change[] =
    from.topology === to.topology ? [] : [{ kind: "topology-changed", to: to.topology ?? "full" }];
  return [...topology, ...siteChanges(from.sites, to.sites), ...zoneChanges(from.zones, to.zones)];
}

function siteChanges(from: readonly SiteView[], to: readonly SiteView[]): readonly Change[] {
  const before = new Map(from.map((site) => [site.name, site]));
  const after = new Map(to.map((site) => [site.name, site]));
  return namesOf(before, after).flatMap((site): readonly Change[] => {
    const [old, now] = [before.get(site), after.get(site)];
    if (now === undefined) return [{ kind: "site-removed", site }];
    if (old === undefined) return [{ kind: "site-added", site }];
    if (old === now) return [];
    const fields = (["role", "addresses", "sources", "retired"] as const).filter(
      (field) => JSON.stringify(old[field]) !== JSON.stringify(now[field]),
    );
    return fields.length > 0 ? [{ kind: "site-changed", site, fields }] : [];
  });
}

function zoneChanges(from: readonly ZoneView[], to: readonly ZoneView[]): readonly Change[] {
  const before = new Map(from.map((zone) => [zone.name, zone]));
  const after = new Map(to.map((zone) => [zone.name, zone]));
  return namesOf(before, after).flatMap((zone): readonly Change[] => {
    const [old, now] = [before.get(zone), after.get(zone)];
    if (now === undefined) return old === undefined ? [] : [{ kind: "zone-removed", zone, owner: old.owner }];
    if (old === undefined) return [{ kind: "zone-added", zone, owner: now.owner }];
    return old.owner === now.owner ? [] : [{ kind: "zone-moved", zone, from: old.owner, to: now.owner }];
  });
}

function namesOf(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort();
}
