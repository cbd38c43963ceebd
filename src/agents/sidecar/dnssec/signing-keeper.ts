import type { Logger } from "../../../base/log";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { signerTypes } from "../../../dns/rdata/trust-types";
import type { ResourceRecord } from "../../../dns/record";
import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import type { KnotControl } from "../../../knot/control/knot-control";
import { toUnsign } from "../../../mesh/signing-state";
import type { Inputs } from "../inputs/inputs";
import { ownSource } from "../own-zones/zone-source";
import type { StateStore } from "../state-store";

/** What a {@link SigningKeeper} works with. */
export interface SigningKeeperParts {
  readonly runtime: FixedRuntime;
  readonly knot: DnsServer;
  readonly control: Pick<KnotControl, "zoneUnset">;
  readonly dns: Pick<DnsClient, "transfer">;
  readonly store: StateStore;
  readonly log: Logger;
}

/** Takes a zone that was withdrawn from its parent out of signing. */
export class SigningKeeper {
  constructor(private readonly o: SigningKeeperParts) {}

  /**
   * Takes signatures and keys out of zones that are no longer signed: Knot leaves them where they are, and they would
   * soon be wrong. The private keys stay, for the day that the zone is signed again.
   *
   * @returns the zones.
   */
  async unsign(inputs: Inputs): Promise<readonly string[]> {
    const { store, knot, control, dns, log } = this.o;
    if (!isWriter(this.o.runtime)) return [];
    const zones = toUnsign(store.state.signing ?? {}, inputs.packet.site.zones);
    for (const zone of zones) {
      const { server, key } = ownSource(knot, inputs);
      const sets = signerSets(await dns.transfer(server, zone, key));
      if (sets.length > 0) await control.zoneUnset(zone, sets);
      log.info("a zone is no longer signed", { zone });
      await store.update(({ signing = {}, ...state }) => ({
        ...state,
        signing: Object.fromEntries(Object.entries(signing).filter(([name]) => name !== zone)),
      }));
    }
    return zones;
  }
}

/** RRsets that a signer made, of a whole zone. */
function signerSets(records: readonly ResourceRecord[]): readonly { readonly owner: string; readonly type: string }[] {
  const sets = new Map<string, { owner: string; type: string }>();
  for (const record of records) {
    if (record.type !== "OTHER" || !signerTypes.has(record.typeName)) continue;
    sets.set(`${record.name} ${record.typeName}`, { owner: record.name, type: record.typeName });
  }
  return [...sets.values()];
}
