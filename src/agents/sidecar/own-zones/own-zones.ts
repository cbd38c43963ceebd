import type { DnsClient } from "../../../dns/client/dns-client";
import { siblings } from "../../../knot/config/site-runtime";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { WelcomePacket } from "../../../mesh/model";
import type { Problems } from "../http/status";
import type { Inputs } from "../inputs/inputs";
import type { AgentOptions } from "../inputs/options";
import type { NewerCopy } from "../notify/peers";
import type { AgentState } from "../state-store";
import { Seeder, withoutUnseeded } from "./seeding";
import { ownSource, podSource, siteSource } from "./zone-source";

/** What {@link OwnZones} works with. */
export interface OwnZonesParts {
  readonly options: Pick<AgentOptions, "runtime" | "knot">;
  readonly control: KnotControl;
  readonly dns: DnsClient;
  readonly problems: Problems;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between attempts to take over an own zone that waits for its content. */
const seedAgainMs = 3000;

/** Sees to the first contents of the site's own zones while Knot runs, and tells which wait for theirs. */
export class OwnZones {
  #againAt = Infinity;
  #waiting: readonly string[] = [];
  readonly #seeder: Seeder;

  constructor(private readonly parts: OwnZonesParts) {
    this.#seeder = new Seeder({ runtime: parts.options.runtime, dns: parts.dns, now: parts.now });
  }

  /** Whether zones that wait are to be looked at again. */
  get areDue(): boolean {
    return this.parts.now() >= this.#againAt;
  }

  /** Own zones whose files stand on the volume: all that is known of them when the state is lost. */
  standing(packet: WelcomePacket): Promise<readonly string[]> {
    return this.#seeder.standing(packet);
  }

  /** Gives zones that never had one a first content. Returns all that have, or had, one. */
  async seed(inputs: Inputs, state: AgentState): Promise<readonly string[]> {
    const { zones } = inputs.packet.site;
    const has = new Set(state.seeded);
    if (zones.length === has.size && zones.every(({ name }) => has.has(name))) {
      this.#waiting = [];
      this.#againAt = Infinity;
      return state.seeded;
    }
    const { seeded, waiting } = await this.#seeder.seed({
      packet: inputs.packet,
      ...(state.view !== undefined && { view: state.view }),
      seeded: state.seeded,
      moment: "running",
      sources: [ownSource(this.parts.options.knot, inputs)],
    });
    this.#waiting = waiting;
    this.parts.problems.set("zones", waiting);
    this.#againAt = waiting.length > 0 ? this.parts.now() + seedAgainMs : Infinity;
    return seeded;
  }

  /** Makes sure that Knot has the contents, once it took the zones. */
  async finish(packet: WelcomePacket, seeded: readonly string[]): Promise<void> {
    const failures = await this.#seeder.finish(withoutUnseeded(packet, seeded), this.parts.control);
    this.parts.problems.set("zones", [...this.#waiting, ...failures]);
  }

  /** Takes a zone back from a site that holds a newer copy; see {@link Seeder.regain}. */
  async regain(inputs: Inputs | undefined, zone: string, copy: NewerCopy): Promise<boolean> {
    const isOwn = inputs?.packet.site.zones.some(({ name }) => name === zone) === true;
    if (inputs === undefined || !isOwn) return false;
    const { packet } = inputs;
    const { site, server } = copy;
    const pod = siblings(inputs.runtime).find(({ address }) => address === server.address);
    const source = pod === undefined ? siteSource({ inputs, site, address: server.address }) : podSource(inputs, pod);
    return this.#seeder.regain({ zone, packet, source, serial: copy.serial, control: this.parts.control });
  }
}
