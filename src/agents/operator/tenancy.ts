import { isAllowed, notAllowedText, quotaText, type Tenant, tenantOf } from "../../records/tenants";
import type { Entry, RecordStore } from "./record-store";

/** What a {@link Tenancy} works with. */
export interface TenancyOptions {
  /** The site's own namespace. */
  readonly own: string;
  readonly store: Pick<RecordStore, "get">;
}

/** Who has which of the seats that a namespace has, and who waits for one. */
interface Seats {
  readonly taken: Set<Entry>;
  readonly waiting: Set<Entry>;
}

/**
 * Who may claim what, as the site's settings have it. Of a namespace that may have a number of objects those count first that are
 * served, which stay whatever the number is, then the older; the next gets the place of one that goes.
 */
export class Tenancy {
  #tenants: readonly Tenant[] | undefined;
  readonly #seats = new Map<string, Seats>();

  constructor(private readonly options: TenancyOptions) {}

  /** Takes over what the settings say. Returns whether that is something else; then all objects are to be looked at anew, in turn. */
  take(tenants: readonly Tenant[] | undefined): boolean {
    if (JSON.stringify(tenants) === JSON.stringify(this.#tenants)) return false;
    this.#tenants = tenants;
    this.#seats.clear();
    return true;
  }

  /** Whose the names are that an object takes; undefined where they are nobody's. */
  holderOf(entry: Entry): string | undefined {
    return this.#tenants === undefined ? undefined : namespaceOf(entry);
  }

  /** Why an object's namespace may not have what it says; undefined where it may, and where it says nothing that can be served. */
  notAllowed(entry: Entry): string | undefined {
    const namespace = namespaceOf(entry);
    const tenant = this.#tenantOf(namespace);
    const { reading } = entry;
    if (tenant === undefined || reading.kind === "refused") return undefined;
    if (!isAllowed(tenant, reading.set)) return notAllowedText(namespace, reading.set, tenant);
    const { most } = tenant;
    return most === undefined || this.#takeSeat(entry, most) ? undefined : quotaText(namespace, most);
  }

  /** These objects, with those that waited for a place which has become free, in the order in which they get one. */
  inTurn(entries: Iterable<Entry>): Iterable<Entry> {
    if (this.#tenants?.some(({ most }) => most !== undefined) !== true) return entries;
    return [...new Set([...entries, ...this.#next()])].sort(byTurn);
  }

  #tenantOf(namespace: string): Tenant | undefined {
    if (this.#tenants === undefined) return undefined;
    return tenantOf({ tenants: this.#tenants, own: this.options.own }, namespace);
  }

  #takeSeat(entry: Entry, most: number): boolean {
    const seats = this.#seatsOf(namespaceOf(entry));
    // By its status, which only we write: whoever makes an object may give it our finalizer.
    const mayStay = seats.taken.has(entry) || seats.taken.size < most || entry.applied !== undefined;
    if (mayStay) seats.waiting.delete(entry);
    (mayStay ? seats.taken : seats.waiting).add(entry);
    return mayStay;
  }

  #seatsOf(namespace: string): Seats {
    const seats = this.#seats.get(namespace) ?? { taken: new Set(), waiting: new Set() };
    this.#seats.set(namespace, seats);
    return seats;
  }

  /** Those that wait in namespaces that have a place. */
  #next(): readonly Entry[] {
    return [...this.#seats].flatMap(([namespace, { taken, waiting }]) => {
      const { most } = this.#tenantOf(namespace) ?? {};
      if (most === undefined || (taken.size < most && waiting.size === 0)) return [];
      for (const set of [taken, waiting]) for (const entry of set) if (!this.#isThere(entry)) set.delete(entry);
      const next = [...waiting].sort(byTurn).slice(0, Math.max(0, most - taken.size));
      for (const entry of next) waiting.delete(entry);
      return next;
    });
  }

  #isThere(entry: Entry): boolean {
    return this.options.store.get(entry.uid) === entry && !entry.isGhost;
  }
}

function namespaceOf({ object }: Entry): string {
  return object.metadata.namespace ?? "";
}

/** What is served first, then the older. */
function byTurn(a: Entry, b: Entry): number {
  const turn = ({ uid, object, applied }: Entry): string =>
    `${applied === undefined ? 1 : 0} ${object.metadata.creationTimestamp ?? ""} ${uid}`;
  const [left, right] = [turn(a), turn(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
