import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { Backups } from "./backups/backups";
import type { SigningWatch } from "./dnssec/signing";
import type { Problems } from "./http/status";
import type { KeyKeeper } from "./keys/keeper";
import type { Announcer } from "./notify/announcer";
import { peerFields } from "./notify/open-entries";
import type { NewerCopy } from "./notify/peers";
import type { DamageWatch } from "./own-zones/damage";
import type { SiteZones } from "./own-zones/site-zones";
import type { VolumeWatch } from "./volume-watch";

/** What {@link Upkeep} works with. */
export interface UpkeepParts {
  readonly announcer: Pick<Announcer, "round" | "takeAhead" | "expect">;
  readonly signing: Pick<SigningWatch, "round" | "failures">;
  /** Keeps the zones' keys in a second place; at the writer alone. */
  readonly keys?: Pick<KeyKeeper, "round">;
  readonly volume: Pick<VolumeWatch, "round">;
  readonly damage: Pick<DamageWatch, "round">;
  readonly ownZones: { round(): Promise<void> };
  /** What only watches, and reports: nothing waits for it. */
  readonly watches?: readonly { round(): Promise<void> }[];
  /** Puts back what a restore brought; at the writer alone. */
  readonly backups?: Pick<Backups, "round">;
  readonly zones: Pick<SiteZones, "keptSigned">;
  readonly problems: Problems;
  /** Takes an own zone back from a site that holds a newer copy; resolves to whether it did. */
  readonly regain: (zone: string, copy: NewerCopy) => Promise<boolean>;
  readonly log: Logger;
}

/** What is done from time to time, beside the passes: NOTIFYs, signatures, own zones to regain. */
export class Upkeep {
  #watching: Promise<void> | undefined;
  readonly #watchFailures: unknown[] = [];

  constructor(private readonly parts: UpkeepParts) {}

  /** Does all that is due. What fails does not keep the rest from being done; returns the failures. Never throws. */
  async round(): Promise<readonly unknown[]> {
    const { announcer, signing, keys, backups, volume, damage, ownZones, zones, problems } = this.parts;
    const failures: unknown[] = this.#watchFailures.splice(0);
    this.#watching ??= this.#watch();
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    await Promise.all(
      [announcer, signing, volume, damage, ownZones, keys, backups].map((part) => attempt(async () => part?.round())),
    );
    problems.set("dnssec", [...zones.keptSigned.map(keptSentence), ...signing.failures]);
    for (const [zone, copy] of announcer.takeAhead()) await this.#regain(zone, copy);
    return failures;
  }

  /** What fails is among the failures of a later round. */
  async #watch(): Promise<void> {
    const { watches = [] } = this.parts;
    const rounds = await Promise.allSettled(watches.map((part) => part.round()));
    for (const each of rounds) if (each.status === "rejected") this.#watchFailures.push(each.reason);
    this.#watching = undefined;
  }

  /** A peer that holds a newer copy than the owner shows that the owner lost its volume. */
  async #regain(zone: string, copy: NewerCopy): Promise<void> {
    const { announcer, log } = this.parts;
    const where = { zone, ...peerFields(copy) };
    try {
      const regained = await this.parts.regain(zone, copy);
      if (regained) announcer.expect([zone]);
      log.warn(regained ? "an own zone is taken back from a peer" : "a peer holds a newer copy of an own zone", where);
    } catch (error) {
      // The next look finds this copy, or a newer one, once more.
      announcer.expect([zone]);
      log.warn("an own zone cannot be taken back from a peer yet", { ...where, reason: messageOf(error) });
    }
  }
}

function keptSentence(zone: string): string {
  return (
    `zone ${zone} stays signed: its DS record was not withdrawn from the parent; ` +
    `set "dnssec: { withdraw: true }" for it first, and false once the DS record is gone`
  );
}
