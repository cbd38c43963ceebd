import { messageOf } from "../../../base/errors";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { WelcomePacket } from "../../../mesh/model";
import { answeredByAny } from "../../pods";

/** What a look at readiness needs to know. */
export interface ReadinessInput {
  readonly packet: WelcomePacket;
  /** Own zones that have a first content here. */
  readonly own: readonly string[];
  /** Whether this server was ready once. */
  readonly wasReady: boolean;
  /** The site's other pods. */
  readonly siblings: readonly DnsServer[];
  /** Every zone of the mesh, once Knot has taken them from the central zones. */
  readonly zones: readonly { readonly name: string }[] | undefined;
}

/** Whether traffic may come, and if not, why. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Of so many zones is asked in one look; the next look goes on from there. */
const sample = 20;
const cacheMs = 1000;
/** So long a new pod waits for zones that another one has: one that lacks some is better than none. */
const longestWaitMs = 60_000;

/**
 * Readiness is about content. At the first boot both central zones and every own zone must be answered with authority, and a pod that
 * joins others waits until it has the zones that they have; later the own zones alone, so that a central zone that is missing or
 * expired takes no site out of service.
 */
export class ReadinessCheck {
  #cached: { at: number; readiness: Readiness } | undefined;
  #next = 0;
  /** Since when nothing is missing but zones that other pods have. */
  #waitingSince: number | undefined;

  constructor(
    private readonly parts: {
      readonly dns: Pick<DnsClient, "querySoa" | "query">;
      readonly control: Pick<KnotControl, "zoneStatus">;
      readonly knot: DnsServer;
      /** Milliseconds since 1970. */
      readonly now: () => number;
    },
  ) {}

  /** Never throws. */
  async look(input: ReadinessInput): Promise<Readiness> {
    const now = this.parts.now();
    if (this.#cached !== undefined && now - this.#cached.at < cacheMs) return this.#cached.readiness;
    const readiness = await this.#ask(input);
    this.#cached = { at: now, readiness };
    return readiness;
  }

  async #ask(input: ReadinessInput): Promise<Readiness> {
    const { packet, own, wasReady } = input;
    if (!wasReady && own.length < packet.site.zones.length) {
      return { ready: false, reason: "an own zone has no content yet" };
    }
    const zones = wasReady ? this.#some(own) : [packet.directoryZone, packet.catalogZone, ...own];
    try {
      if (zones.length === 0) await this.parts.dns.query(this.parts.knot, packet.directoryZone, "SOA");
      for (const zone of zones) await this.parts.dns.querySoa(this.parts.knot, zone);
      const awaited = wasReady ? undefined : await this.#awaited(input);
      return awaited === undefined ? { ready: true } : { ready: false, reason: awaited };
    } catch (error) {
      return { ready: false, reason: messageOf(error) };
    }
  }

  /** What a new pod waits for beside others; undefined when it need not. */
  async #awaited({ zones, siblings }: ReadinessInput): Promise<string | undefined> {
    const now = this.parts.now();
    this.#waitingSince ??= now;
    if (siblings.length === 0 || now - this.#waitingSince >= longestWaitMs) return undefined;
    if (zones === undefined) return "the zones of the mesh are not known yet";
    const statuses = await this.parts.control.zoneStatus();
    const served = new Set(statuses.filter(({ serial }) => serial !== undefined).map(({ zone }) => zone));
    const lacking = zones.map(({ name }) => name).filter((zone) => !served.has(zone));
    const zone = await answeredByAny(this.parts.dns, siblings, this.#some(lacking));
    return zone && `zone ${zone}, which another pod of the site has, has no content yet`;
  }

  #some(zones: readonly string[]): readonly string[] {
    if (zones.length <= sample) return zones;
    const start = this.#next % zones.length;
    this.#next = start + sample;
    return [...zones, ...zones].slice(start, start + sample);
  }
}
