import { setTimeout as wait } from "node:timers/promises";

import type { Lab } from "../../lab";
import { firstRing, MeshVault } from "../../lab/mesh-vault";
import { LabRotator } from "../../lab/rotator";
import type { TsigKey } from "../../src/dns/tsig-key";

/** Between two runs of the rotator. */
const restMs = 1500;
/** Steps follow each other as fast as the sites' looks at Vault (every half second) allow; no site is away for longer than the patience. */
const settings = { every: 86_400, patience: 120, overlap: 1, margin: 2.5 };

/** A real Vault, from which every site has its keys, and the rotator that changes them there. */
export class VaultSide implements AsyncDisposable {
  readonly #seen = new Map<string, TsigKey>();
  #isAsked = false;
  #isOver = false;
  #work: Promise<void> = Promise.resolve();

  private constructor(readonly vault: MeshVault) {}

  static async start(): Promise<VaultSide> {
    return new VaultSide(await MeshVault.start(firstRing()));
  }

  /** The rotator of the primary's site runs from now on, as its CronJob has it. */
  rotate(lab: Lab): void {
    const { primary } = lab.plan;
    const rotator = new LabRotator({ lab, vault: this.vault, site: primary, settings });
    this.#work = this.#go(rotator);
  }

  /** The next run begins a rotation, unless one is under way. */
  ask(): void {
    this.#isAsked = true;
  }

  /** Every key that stood in the ring when somebody looked. */
  get keys(): readonly TsigKey[] {
    return [...this.#seen.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#work;
    await this.vault[Symbol.asyncDispose]();
  }

  async #go(rotator: LabRotator): Promise<void> {
    while (!this.#isOver) {
      const asked = this.#isAsked;
      try {
        await rotator.run(asked);
        if (asked) this.#isAsked = false;
        const { current, next, previous } = (await this.vault.ring()).document;
        for (const key of [current, next, previous]) if (key !== undefined) this.#seen.set(key.name, key);
      } catch {
        // Sites, or Vault, are away: the next run goes on.
      }
      await wait(restMs);
    }
  }
}
