import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import type { Dnssec, WelcomePacket } from "../../../mesh/model";
import { keptSigned, type SigningState, withKeptSigned } from "../../../mesh/signing-state";
import type { Inputs } from "../inputs/inputs";
import type { AgentState } from "../state-store";
import { outsideIn } from "./seeding";

/** What {@link SiteZones} follow from. */
export interface SiteZonesParts {
  readonly runtime: FixedRuntime;
  readonly mounts: { readonly inputs: Inputs | undefined };
  readonly store: { readonly state: AgentState };
}

/**
 * What is known of the site's own zones now: which have a content, and which this server signs. Probes, journal writes and
 * every pass ask for it, and there may be thousands, so that each answer is computed once for a packet and a state.
 */
export class SiteZones {
  readonly #withContent = rememberLast(namesWithContent);
  readonly #outside = rememberLast(outsideIn);
  readonly #offered = rememberLast((own: readonly string[], outside: readonly string[]) =>
    outside.length === 0 ? own : [...new Set([...own, ...outside])],
  );
  readonly #signed = rememberLast(signedZones);
  readonly #toSign = rememberLast(
    (packet: WelcomePacket, signing: SigningState, ...here: readonly (readonly string[])[]) => [
      ...signedZones(packet, here.flat(), signing).keys(),
    ],
  );
  readonly #kept = rememberLast((packet: WelcomePacket, signing: SigningState) =>
    keptSigned(signing, packet.site.zones),
  );

  constructor(private readonly parts: SiteZonesParts) {}

  /** Own zones that have a first content here. */
  get withContent(): readonly string[] {
    const { inputs } = this.parts.mounts;
    return inputs === undefined ? [] : this.#withContent(inputs.packet, this.parts.store.state.seeded);
  }

  /** Own zones that a primary outside the mesh gives, or gave until they are wholly ours. */
  get fromOutside(): readonly string[] {
    const { inputs } = this.parts.mounts;
    if (inputs === undefined || !isWriter(this.parts.runtime)) return [];
    return this.#outside(inputs.packet, this.parts.store.state.outside ?? noZones);
  }

  /** Zones that originate here as far as the mesh goes: those with a content of their own, and those from outside. */
  get offered(): readonly string[] {
    return this.#offered(this.withContent, this.fromOutside);
  }

  /** Zones that this server signs, and how. */
  get signed(): ReadonlyMap<string, true | Dnssec> {
    const { inputs } = this.parts.mounts;
    if (inputs === undefined || !isWriter(this.parts.runtime)) return new Map();
    return this.#signed(inputs.packet, this.parts.store.state.seeded, this.parts.store.state.signing ?? unsigned);
  }

  /** Zones that this server signs, or will sign again once their content is found; not those that were never here. */
  get toSign(): readonly string[] {
    const { inputs } = this.parts.mounts;
    if (inputs === undefined || !isWriter(this.parts.runtime)) return [];
    const { seeded, sought = noZones, signing = unsigned } = this.parts.store.state;
    return this.#toSign(inputs.packet, signing, seeded, sought);
  }

  /** Zones that stay signed although the packet says otherwise. */
  get keptSigned(): readonly string[] {
    const { inputs } = this.parts.mounts;
    if (inputs === undefined || !isWriter(this.parts.runtime)) return [];
    return this.#kept(inputs.packet, this.parts.store.state.signing ?? unsigned);
  }
}

const unsigned: SigningState = {};
const noZones: readonly string[] = [];

function namesWithContent(packet: WelcomePacket, seeded: readonly string[]): readonly string[] {
  const has = new Set(seeded);
  return packet.site.zones.map(({ name }) => name).filter((name) => has.has(name));
}

function signedZones(
  packet: WelcomePacket,
  seeded: readonly string[],
  signing: SigningState,
): ReadonlyMap<string, true | Dnssec> {
  const has = new Set(seeded);
  const signed = new Map<string, true | Dnssec>();
  for (const { name, dnssec } of withKeptSigned(packet, signing).site.zones) {
    if (dnssec !== false && has.has(name)) signed.set(name, dnssec);
  }
  return signed;
}

/**
 * A function that remembers its last result: called again with the very same arguments it does not compute. For what is
 * asked for often and follows from immutable values that change rarely.
 */
function rememberLast<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last?.args.every((arg, i) => arg === args[i]) !== true) last = { args, result: compute(...args) };
    return last.result;
  };
}
