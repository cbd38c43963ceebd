import type { Dnssec, WelcomePacket, Zone } from "./model";

/** How zones were signed last, by their names. */
export type SigningState = Readonly<Record<string, true | Dnssec>>;

/** Takes note of how a packet wants zones signed. A zone that it no longer wants signed keeps what held before. */
export function noteSigning(before: SigningState, zones: readonly Zone[]): SigningState {
  const after: Record<string, true | Dnssec> = {};
  for (const { name, dnssec } of zones) {
    const settings = dnssec === false ? before[name] : dnssec;
    if (settings !== undefined) after[name] = settings;
  }
  return after;
}

/** Zones that a packet wants unsigned although their DS records were never withdrawn: resolvers would call them bogus. */
export function keptSigned(state: SigningState, zones: readonly Zone[]): readonly string[] {
  return zones.filter((zone) => lastSettings(state, zone) !== undefined && !isWithdrawn(state, zone)).map(nameOf);
}

/** Zones that were withdrawn and are to be without signatures now. */
export function toUnsign(state: SigningState, zones: readonly Zone[]): readonly string[] {
  return zones.filter((zone) => lastSettings(state, zone) !== undefined && isWithdrawn(state, zone)).map(nameOf);
}

/** The packet with those zones signed on that may not stop yet. */
export function withKeptSigned(packet: WelcomePacket, state: SigningState): WelcomePacket {
  const { zones } = packet.site;
  const kept = new Set(keptSigned(state, zones));
  if (kept.size === 0) return packet;
  const next = zones.map((zone) => (kept.has(zone.name) ? { ...zone, dnssec: state[zone.name] ?? false } : zone));
  return { ...packet, site: { ...packet.site, zones: next } };
}

/** How a zone was signed that is no longer to be. */
function lastSettings(state: SigningState, { name, dnssec }: Zone): true | Dnssec | undefined {
  return dnssec === false ? state[name] : undefined;
}

function isWithdrawn(state: SigningState, { name }: Zone): boolean {
  const settings = state[name];
  return typeof settings === "object" && settings.withdraw === true;
}

function nameOf({ name }: Zone): string {
  return name;
}

/** What is known of a zone that this site signs. */
export interface SignedZone {
  readonly zone: string;
  /** `withdrawing`: the parent is asked to drop the DS record. */
  readonly state: "signed" | "withdrawing";
  /** What the parent's DS records should be, as text; none while withdrawing. */
  readonly ds: readonly string[];
  readonly dnskeys: readonly string[];
  /** When the first of the apex's signatures ends, ISO 8601. */
  readonly signedUntil?: string;
}
