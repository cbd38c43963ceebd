import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { dsText } from "../../../dns/rdata/trust-types";
import type { Dnssec } from "../../../mesh/model";
import type { SignedZone } from "../../../mesh/signing-state";

/** What {@link ParentWatch} works with. */
export interface ParentWatchParts {
  readonly dns: Pick<DnsClient, "query">;
  /** The site's own Knot, which has every zone of the mesh. */
  readonly knot: DnsServer;
  /** What is known of the zones that this server signs, and how they are to be signed. */
  readonly signed: () => readonly SignedZone[];
  readonly settings: () => ReadonlyMap<string, true | Dnssec>;
  /** Every zone of the mesh. */
  readonly zones: () => readonly string[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between looks at all zones, and from one zone to the next. */
const [everyMs, nextMs] = [300_000, 1000];

/**
 * Compares the DS records that a parent has with those that the zone asks for. Who the parent's servers are, the settings
 * say; for a zone below another one of the mesh it is the own Knot.
 */
export class ParentWatch {
  readonly #matches = new Map<string, { readonly fits: boolean | undefined; readonly at: number }>();
  #dueAt = 0;

  constructor(private readonly parts: ParentWatchParts) {}

  /** Whether they fit, by zone; of zones whose parent was asked and has DS records. */
  get matches(): ReadonlyMap<string, boolean> {
    const signed = new Set(this.#followed().map(({ zone }) => zone));
    return new Map(
      [...this.#matches].flatMap(([zone, { fits }]) => (fits !== undefined && signed.has(zone) ? [[zone, fits]] : [])),
    );
  }

  /** Asks for the zone that was asked for longest ago, if it is due. A parent that does not answer leaves what it said before. Never throws. */
  async round(): Promise<void> {
    const now = this.parts.now();
    if (now < this.#dueAt) return;
    this.#dueAt = now + nextMs;
    const [due] = this.#followed().sort((a, b) => this.#askedAt(a.zone) - this.#askedAt(b.zone));
    if (due === undefined || now - this.#askedAt(due.zone) < everyMs) return;
    const found = await this.#dsAt(due.zone).catch(() => "unknown" as const);
    const before = this.#matches.get(due.zone)?.fits;
    const fits =
      found === "unknown" ? before : found.length === 0 ? undefined : found.some((ds) => isAmong(ds, due.ds));
    this.#matches.set(due.zone, { fits, at: now });
  }

  /** Zones that want DS records of a parent that can be asked. */
  #followed(): SignedZone[] {
    return this.parts
      .signed()
      .filter(({ zone, state, ds }) => state === "signed" && ds.length > 0 && this.#parents(zone).length > 0);
  }

  #askedAt(zone: string): number {
    return this.#matches.get(zone)?.at ?? Number.MIN_SAFE_INTEGER;
  }

  /** The DS records of the first server that answers. */
  async #dsAt(zone: string): Promise<readonly string[] | "unknown"> {
    for (const server of this.#parents(zone)) {
      const answer = await this.parts.dns.query(server, zone, "DS").catch(() => undefined);
      if (answer === undefined || (answer.rcode !== noError && answer.rcode !== nameError)) continue;
      return answer.answers.flatMap((record) =>
        record.type === "OTHER" && record.typeName === "DS" ? [dsText(record.rdata)] : [],
      );
    }
    return "unknown";
  }

  #parents(zone: string): readonly DnsServer[] {
    const settings = this.parts.settings().get(zone);
    const listed = typeof settings === "object" ? settings.parents : undefined;
    if (listed !== undefined) return listed.map(serverOf);
    const isBelow = this.parts.zones().some((other) => zone.endsWith(`.${other}`));
    return isBelow ? [this.parts.knot] : [];
  }
}

const [noError, nameError] = [0, 3];

/** Of `192.0.2.53` or `192.0.2.53@5353`. */
function serverOf(text: string): DnsServer {
  const [address = "", port = "53"] = text.split("@");
  return { address, port: Number(port) };
}

/** A parent may have made another digest of the same key than the zone asks for: then tag and algorithm must do. */
function isAmong(ds: string, wanted: readonly string[]): boolean {
  if (wanted.includes(ds)) return true;
  const [tag, algorithm, digestType] = ds.split(" ");
  const ofKey = wanted
    .map((each) => each.split(" "))
    .filter(([first, second]) => first === tag && second === algorithm);
  return ofKey.length > 0 && !ofKey.some(([, , type]) => type === digestType);
}
