import { createHash } from "node:crypto";

import type { MeshView } from "./view";

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
    ({ name, role, addresses, sources, retired }) => [name, role, addresses, sources, retired ?? null] as const,
  );
  const zones = view.zones.map(({ name, owner, id, retired }) => [name, owner, id, retired ?? null] as const);
  return createHash("sha256")
    .update(JSON.stringify([byName(sites), byName(zones), ...(view.topology === undefined ? [] : [view.topology])]))
    .digest("hex");
}

function byName<T extends readonly [string, ...unknown[]]>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
}
