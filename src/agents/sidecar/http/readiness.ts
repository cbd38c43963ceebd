import { messageOf } from "../../../base/errors";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { WelcomePacket } from "../../../mesh/model";

/** What a look at readiness needs to know. */
export interface ReadinessInput {
  readonly packet: WelcomePacket;
  /** Own zones that have a first content here. */
  readonly own: readonly string[];
  /** Whether this server was ready once. */
  readonly wasReady: boolean;
}

/** Whether traffic may come, and if not, why. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** So many own zones are asked for in one look once the server was ready; the next look goes on from there. */
const sample = 20;
const cacheMs = 1000;

/**
 * Readiness is about content. At the first boot both central zones and every own zone must be answered with authority;
 * later the own zones alone, so that a central zone that is missing or expired takes no site out of service.
 */
export class ReadinessCheck {
  #cached: { at: number; readiness: Readiness } | undefined;
  #next = 0;

  constructor(
    private readonly parts: {
      readonly dns: Pick<DnsClient, "querySoa" | "query">;
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

  async #ask({ packet, own, wasReady }: ReadinessInput): Promise<Readiness> {
    if (!wasReady && own.length < packet.site.zones.length) {
      return { ready: false, reason: "an own zone has no content yet" };
    }
    const zones = wasReady ? this.#some(own) : [packet.directoryZone, packet.catalogZone, ...own];
    try {
      if (zones.length === 0) await this.parts.dns.query(this.parts.knot, packet.directoryZone, "SOA");
      for (const zone of zones) await this.parts.dns.querySoa(this.parts.knot, zone);
      return { ready: true };
    } catch (error) {
      return { ready: false, reason: messageOf(error) };
    }
  }

  #some(zones: readonly string[]): readonly string[] {
    if (zones.length <= sample) return zones;
    const start = this.#next % zones.length;
    this.#next = start + sample;
    return [...zones, ...zones].slice(start, start + sample);
  }
}
