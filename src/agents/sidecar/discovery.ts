import { messageOf } from "../../base/errors";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { WelcomePacket } from "../../mesh/model";
import { type DiscoveredMesh as DiscoveredView, readMesh, type RefusedDiscovery } from "../../mesh/read-view";
import type { Inputs } from "./inputs/inputs";
import { ownSource } from "./own-zones/zone-source";

/** Serials of both central zones, as far as the site's own Knot answers them. */
export interface CentralSerials {
  readonly directorySerial?: number;
  readonly catalogSerial?: number;
  /** One sentence for each zone that is not answered. */
  readonly failures: readonly string[];
}

/** Reads the central zones from the site's own Knot, never from afar. */
export class Discovery {
  constructor(
    private readonly parts: { readonly dns: Pick<DnsClient, "querySoa" | "transfer">; readonly knot: DnsServer },
  ) {}

  /** Both serials: two queries. Never throws. */
  async observe(packet: WelcomePacket): Promise<CentralSerials> {
    const [directory, catalog] = await Promise.all([
      this.#serial(packet.directoryZone),
      this.#serial(packet.catalogZone),
    ]);
    return {
      ...(directory.serial !== undefined && { directorySerial: directory.serial }),
      ...(catalog.serial !== undefined && { catalogSerial: catalog.serial }),
      failures: [directory.failure, catalog.failure].filter((failure) => failure !== undefined),
    };
  }

  /** Both zones, whole and signed. Throws DnsError for anything less. */
  read(inputs: Inputs): Promise<DiscoveredView | RefusedDiscovery> {
    const { packet } = inputs;
    const { server, key } = ownSource(this.parts.knot, inputs);
    return readMesh(packet, (zone) => this.parts.dns.transfer(server, zone, key));
  }

  async #serial(zone: string): Promise<{ serial?: number; failure?: string }> {
    try {
      return { serial: (await this.parts.dns.querySoa(this.parts.knot, zone)).serial };
    } catch (error) {
      return { failure: messageOf(error) };
    }
  }
}
