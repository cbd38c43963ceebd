import type { Logger } from "../../../base/log";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { dnskeyText, dsText, isCdsDelete, signatureEnd, signerTypes } from "../../../dns/rdata/trust-types";
import type { ResourceRecord } from "../../../dns/record";
import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { Dnssec } from "../../../mesh/model";
import { type SignedZone, toUnsign } from "../../../mesh/signing-state";
import type { Inputs } from "../inputs/inputs";
import { ownSource } from "../own-zones/zone-source";
import type { StateStore } from "../state-store";

/** What {@link SigningWatch} works with. */
export interface SigningWatchOptions {
  readonly dns: Pick<DnsClient, "query">;
  readonly knot: DnsServer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Zones that this server signs, and how. */
  readonly zones: () => ReadonlyMap<string, true | Dnssec>;
  /** Those, and the zones that are to be signed as soon as they have a content. */
  readonly toSign: () => readonly string[];
}

const lookEveryMs = 10_000;
/** Signatures are made anew two weeks before they end. One that has less than this left was not. */
const leastSeconds = 3 * 86_400;

/** Reads from the site's own Knot the DS records for a parent, and whether signing goes on. */
export class SigningWatch {
  #dueAt = 0;
  #seen: readonly SignedZone[] = [];
  /** What was to be signed at the last look. */
  #looked = "";

  constructor(private readonly options: SigningWatchOptions) {}

  get zones(): readonly SignedZone[] {
    return this.#seen;
  }

  /**
   * Whether every zone that is to be signed showed its keys at the last look: those that Knot has can be used. A zone that
   * is looked for shows none; it may be the damaged key database that keeps Knot from loading it.
   */
  get areSigned(): boolean {
    const signed = new Set(this.#seen.flatMap(({ zone, dnskeys }) => (dnskeys.length > 0 ? [zone] : [])));
    return this.options.toSign().every((zone) => signed.has(zone));
  }

  /** What is wrong, as sentences. */
  get failures(): readonly string[] {
    return this.#seen.flatMap(({ zone, dnskeys, signedUntil }) => {
      if (dnskeys.length === 0) return [`zone ${zone} is to be signed and has no DNSKEY record yet`];
      if (signedUntil === undefined) return [`zone ${zone} has keys and no signatures`];
      const left = Date.parse(signedUntil) / 1000 - this.options.now() / 1000;
      return left < leastSeconds ? [`signatures of zone ${zone} end at ${signedUntil} and were not made anew`] : [];
    });
  }

  /** Looks when it is time, or when other zones are to be signed. Throws what the client throws. */
  async round(): Promise<void> {
    const zones = this.options.zones();
    const wanted = JSON.stringify([...zones]);
    if (wanted === this.#looked && this.options.now() < this.#dueAt) return;
    const seen: SignedZone[] = [];
    for (const zone of zones.keys()) seen.push(await this.#look(zone));
    this.#seen = seen;
    this.#looked = wanted;
    // What was just changed is done within moments.
    this.#dueAt =
      this.options.now() + (seen.every((zone) => isAsWanted(zone, zones.get(zone.zone))) ? lookEveryMs : 1000);
  }

  async #look(zone: string): Promise<SignedZone> {
    const [keys, cds, signatures] = await Promise.all(
      ["DNSKEY", "CDS", "RRSIG"].map((type) => this.#rdata(zone, type)),
    );
    const ends = (signatures ?? []).map((rdata) => signatureEnd(rdata, Math.floor(this.options.now() / 1000)));
    const deletes = (cds ?? []).some(isCdsDelete);
    return {
      zone,
      state: deletes ? "withdrawing" : "signed",
      ds: deletes ? [] : (cds ?? []).map(dsText).sort(),
      dnskeys: (keys ?? []).map(dnskeyText).sort(),
      ...(ends.length > 0 && { signedUntil: new Date(Math.min(...ends) * 1000).toISOString() }),
    };
  }

  async #rdata(zone: string, type: string): Promise<Uint8Array[]> {
    const { answers } = await this.options.dns.query(this.options.knot, zone, type);
    const isAsked = (record: ResourceRecord) => record.type === "OTHER" && record.typeName === type;
    return answers.filter(isAsked).flatMap((record) => (record.type === "OTHER" ? [record.rdata] : []));
  }
}

function isAsWanted({ state, dnskeys }: SignedZone, settings: true | Dnssec | undefined): boolean {
  const withdraw = typeof settings === "object" && settings.withdraw === true;
  return dnskeys.length > 0 && (state === "withdrawing") === withdraw;
}

/** What a {@link SigningKeeper} works with. */
interface SigningKeeperParts {
  readonly runtime: FixedRuntime;
  readonly knot: DnsServer;
  readonly control: Pick<KnotControl, "zoneUnset">;
  readonly dns: Pick<DnsClient, "transfer">;
  readonly store: StateStore;
  readonly log: Logger;
}

/** Takes a zone that was withdrawn from its parent out of signing. */
export class SigningKeeper {
  constructor(private readonly parts: SigningKeeperParts) {}

  /**
   * Takes signatures and keys out of zones that are no longer signed: Knot leaves them where they are, and they would
   * soon be wrong. The private keys stay, for the day that the zone is signed again.
   *
   * @returns the zones.
   */
  async unsign(inputs: Inputs): Promise<readonly string[]> {
    const { store, knot, control, dns, log } = this.parts;
    if (!isWriter(this.parts.runtime)) return [];
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
