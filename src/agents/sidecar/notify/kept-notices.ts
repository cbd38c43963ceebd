import type { Notice } from "./notice";

/** Zones of which one server is yet to be told. What the agent announces by itself may go when there are more. */
const mostKept = 250;

/** What one server is yet to be told: the newest NOTIFY of each zone. */
export class KeptNotices {
  readonly #kept = new Map<string, Notice>();
  readonly #underWay = new Set<string>();

  /** Takes the place of an older one of the same zone. */
  keep(notice: Notice): void {
    if (this.#kept.size >= mostKept && !this.#kept.has(notice.zone)) this.#forgetOne();
    this.#kept.set(notice.zone, notice);
  }

  /** The one that has waited longest, but for zones of which an older one is under way: the newest is to come last. */
  take(): Notice | undefined {
    for (const [zone, notice] of this.#kept) {
      if (this.#underWay.has(zone)) continue;
      this.#kept.delete(zone);
      this.#underWay.add(zone);
      return notice;
    }
    return undefined;
  }

  /** One that was taken has arrived, or is kept until it does, or until there is a newer one. */
  done(notice: Notice, hasArrived: boolean): void {
    this.#underWay.delete(notice.zone);
    if (!hasArrived && !this.#kept.has(notice.zone)) this.keep(notice);
  }

  /** Forgets all that are not under way. */
  clear(): void {
    this.#kept.clear();
  }

  #forgetOne(): void {
    for (const { zone, isCentral } of this.#kept.values()) {
      if (isCentral) continue;
      this.#kept.delete(zone);
      return;
    }
  }
}
