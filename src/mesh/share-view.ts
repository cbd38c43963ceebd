import type { MeshView } from "./view";

/**
 * The later view with everything that is equal in the earlier one taken from there: an equal view is the earlier object
 * itself, an equal entry the earlier entry. So what changed shows by identity, and two views of a large mesh take little
 * more memory than one.
 */
export function shareView(earlier: MeshView, later: MeshView): MeshView {
  const shared = { ...later, sites: share(earlier.sites, later.sites), zones: share(earlier.zones, later.zones) };
  return isEqual(earlier, shared) ? earlier : shared;
}

function share<T extends { readonly name: string }>(earlier: readonly T[], later: readonly T[]): readonly T[] {
  const known = new Map(earlier.map((entry) => [entry.name, entry]));
  const shared = later.map((entry) => {
    const old = known.get(entry.name);
    return old !== undefined && isEqual(old, entry) ? old : entry;
  });
  return isEqual(earlier, shared) ? earlier : shared;
}

/** Equality of plain data; what is the same object is equal without a look inside. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), b as Readonly<Record<string, unknown>>];
  return left.length === Object.keys(b).length && left.every(([key, value]) => isEqual(value, right[key]));
}
