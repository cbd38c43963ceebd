/** A place on the map, in its own units; the primary is at 0, 0. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A site as far as its place goes. */
interface Placed {
  readonly name: string;
  readonly role: string;
}

/** A map without its marks. */
export interface MapLayout {
  readonly places: ReadonlyMap<string, Place>;
  /** Whether there is room for every name. */
  readonly isRoomy: boolean;
  /** Half of what a site's mark takes. */
  readonly radius: number;
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

/** Sites up to which all are named. */
const mostNamed = 24;
/** Between neighbours, and around all: with room for names, and without. */
const roomy = { step: 118, radius: 17, margin: 64 } as const;
const dense = { step: 34, radius: 11, margin: 40 } as const;

/**
 * Where each site is drawn: the primary in the middle, the catalog sites that stand in for it around it, the others in rings around
 * these. The same list gives the same map, so that a site is found where it was.
 *
 * @param options.stretch - How much wider than high.
 */
export function layoutSites(sites: readonly Placed[], { stretch }: { readonly stretch: number }): MapLayout {
  const isRoomy = sites.length <= mostNamed;
  const { step, radius, margin } = isRoomy ? roomy : dense;
  const primary = sites.filter(({ role }) => role === "primary-catalog");
  const hubs = sites.filter(({ role }) => role === "secondary-catalog");
  const standard = sites.filter(({ role }) => role !== "primary-catalog" && role !== "secondary-catalog");
  const isOneRing = hubs.length + standard.length <= 8;
  const inner = ringsOf(hubs, 1);
  const rings = isOneRing ? [[...hubs, ...standard]] : [...inner, ...ringsOf(standard, inner.length + 1)];
  const places = new Map<string, Place>(primary.map(({ name }) => [name, { x: 0, y: 0 }]));
  rings.forEach((ring, i) => {
    const from = i % 2 === 0 ? Math.PI : Math.PI + Math.PI / ring.length;
    const distance = (isOneRing ? Math.max(1, ring.length / 6) : i + 1 + (isRoomy ? 0 : 1)) * step;
    ring.forEach(({ name }, k) => {
      const angle = from + (2 * Math.PI * k) / ring.length;
      places.set(name, { x: rounded(Math.cos(angle) * distance * stretch), y: rounded(Math.sin(angle) * distance) });
    });
  });
  return { places, isRoomy, radius, box: boxAround([...places.values()], margin) };
}

/** Spreads sites over rings, each as far from its neighbours as the ring from the next, and evenly in each. */
function ringsOf(sites: readonly Placed[], first: number): readonly (readonly Placed[])[] {
  const rings: Placed[][] = [];
  for (let at = 0, i = first; at < sites.length; i++) {
    const fits = Math.max(1, Math.floor(2 * Math.PI * (i + 0.4)));
    const ring = sites.slice(at, at + (sites.length - at <= fits * 1.3 ? sites.length - at : fits));
    rings.push(ring);
    at += ring.length;
  }
  return rings;
}

function boxAround(places: readonly Place[], margin: number): MapLayout["box"] {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs, 0) - margin * 1.2, Math.min(...ys, 0) - margin];
  return {
    ...{ x, y },
    width: Math.max(...xs, 0) + margin * 1.2 - x,
    height: Math.max(...ys, 0) + margin - y,
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Directions of the arrow keys. */
const directions: Readonly<Record<string, Place>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** The site to which an arrow key leads: the nearest in that direction; undefined at the end, and for another key. */
export function neighbour(places: ReadonlyMap<string, Place>, from: string, key: string): string | undefined {
  const [origin, towards] = [places.get(from), directions[key]];
  if (origin === undefined || towards === undefined) return undefined;
  let nearest: { readonly name: string; readonly cost: number } | undefined;
  for (const [name, { x, y }] of places) {
    const [dx, dy] = [x - origin.x, y - origin.y];
    const along = dx * towards.x + dy * towards.y;
    const aside = Math.abs(dx * towards.y) + Math.abs(dy * towards.x);
    if (along <= 0.5 || aside > along * 2) continue;
    const cost = along + 2 * aside;
    if (nearest === undefined || cost < nearest.cost) nearest = { name, cost };
  }
  return nearest?.name;
}
