import { setTimeout as delay } from "node:timers/promises";

import type { DnsClient } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import { isNewerSerial } from "../../../dns/serial";
import type { TsigKey } from "../../../dns/tsig-key";
import { siblings, type SiteRuntime } from "../../../knot/config/site-runtime";
import type { KnownMesh } from "../../../mesh/topology";
import { Convergence, type ConvergenceOptions } from "./convergence";
import type { Lag, OpenEntry, Target } from "./open-entries";
import type { ServedChange } from "./served-serials";

/** The site's other pods. */
export function siblingTargets(site: string, runtime: SiteRuntime): readonly Target[] {
  return siblings(runtime).map(({ ordinal, address, port }) => ({
    site,
    pod: ordinal,
    servers: [{ address, port }],
  }));
}

/** What {@link Siblings} works with. */
export interface SiblingsOptions extends Omit<ConvergenceOptions, "onSilent" | "concerns"> {
  /** Asks pods next door, where something waits for the answer: gives up soon. */
  readonly near: Pick<DnsClient, "querySoa">;
  /** @default a timer */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Zones of one look whose way to the other pods is waited for. */
const mostAwaited = 16;
/** Milliseconds between looks at the other pods after they were notified; the last one ends the waiting. */
const looksAfter = [10, 15, 25, 40, 60, 80, 100] as const;

/**
 * What every pod does for the others of its site: a NOTIFY to a site reaches one of its pods, whichever its Service picks.
 * The pod at which a zone changed notifies the others, whosever zone it is, and goes on until they have it.
 */
export class Siblings {
  readonly #convergence: Convergence;
  #targets: readonly Target[] = [];
  /** Zones that the writer does not transfer: those that originate at this site. */
  #local: ReadonlySet<string> = new Set();

  constructor(private readonly options: SiblingsOptions) {
    this.#convergence = new Convergence({ ...options, concerns: (target, zone) => this.#concerns(target, zone) });
  }

  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Whether there are any. */
  get exist(): boolean {
    return this.#targets.length > 0;
  }

  /** Everything that is open. */
  get entries(): Iterable<OpenEntry> {
    return this.#convergence.entries;
  }

  /** Zones that are open at targets which answered the last time. */
  get open(): readonly OpenEntry[] {
    return this.#convergence.open;
  }

  get lags(): readonly Lag[] {
    return this.#convergence.lags;
  }

  /** Knot runs this view now, among these pods. */
  aim({ packet, view, runtime }: KnownMesh & { readonly runtime: SiteRuntime }): void {
    const { site, directoryZone, catalogZone } = packet;
    const central = [directoryZone, catalogZone];
    const own = site.zones.map(({ name }) => name);
    this.#targets = siblingTargets(site.name, runtime);
    this.#local = new Set([...own, ...(site.role === "primary-catalog" ? central : [])]);
    const zones = new Set([...central, ...own, ...view.zones.map(({ name }) => name)]);
    this.#convergence.aim(this.#targets, this.exist ? [...zones] : []);
  }

  /** Looks at these zones, or all, at every pod again. */
  expect(zones?: readonly string[]): void {
    this.#convergence.expect(zones);
  }

  /** Does what is due. Never throws. */
  round(key: TsigKey): Promise<void> {
    return this.#convergence.round(key);
  }

  /**
   * Notifies the other pods of changes and waits a moment until they have them: whoever is notified next may ask any
   * pod. What they do not have by then is looked at in the rounds to come. Never throws.
   *
   * @returns zones that another pod had first: it sees to what follows from that.
   */
  async announce(changes: readonly ServedChange[], key: TsigKey): Promise<ReadonlySet<string>> {
    const hadFirst = new Set<string>();
    if (!this.exist || changes.length === 0) return hadFirst;
    const awaited = changes.slice(0, mostAwaited);
    await Promise.all([
      this.#convergence.announce(changes.slice(mostAwaited), key),
      ...awaited.map((change) => this.#settle(change, key, hadFirst)),
    ]);
    return hadFirst;
  }

  async #settle({ zone, serial }: ServedChange, key: TsigKey, hadFirst: Set<string>): Promise<void> {
    const targets = this.#targets.filter((target) => this.#concerns(target, zone));
    // Whatever comes of the waiting, the rounds look at each pod once more, the silent ones too.
    this.#convergence.lookLater(targets, zone);
    const heard = targets.filter((target) => !this.#convergence.isSilent(target));
    const answers = await Promise.all(heard.map(async (target) => [target, await this.#serial(target, zone)] as const));
    const isOld = (theirs: number | "none" | "silent"): boolean => theirs === "none" || isOlder(theirs, serial);
    if (answers.some(([, theirs]) => typeof theirs === "number" && !isOld(theirs))) hadFirst.add(zone);
    const lacking = answers.filter(([, theirs]) => theirs === "silent" || isOld(theirs)).map(([target]) => target);
    const send = this.options.dns.notifier(zone, serial, key);
    await Promise.allSettled(lacking.flatMap(({ servers }) => servers.map(send)));
    let awaited = answers.filter(([, theirs]) => isOld(theirs)).map(([target]) => target);
    for (const ms of looksAfter) {
      if (awaited.length === 0) return;
      await (this.options.pause ?? delay)(ms);
      const still = await Promise.all(awaited.map(async (target) => isOld(await this.#serial(target, zone))));
      awaited = awaited.filter((_, i) => still[i]);
    }
  }

  /** What a pod answers; `none` when it has no such zone (yet). */
  async #serial({ servers: [server] }: Target, zone: string): Promise<number | "none" | "silent"> {
    if (server === undefined) return "silent";
    try {
      return (await this.options.near.querySoa(server, zone)).serial;
    } catch (error) {
      return isUnreachable(error) ? "silent" : "none";
    }
  }

  #concerns(target: Target, zone: string): boolean {
    return target.pod !== 0 || !this.#local.has(zone);
  }
}

function isOlder(theirs: number | "none" | "silent", serial: number): boolean {
  return typeof theirs === "number" && isNewerSerial(serial, theirs);
}
