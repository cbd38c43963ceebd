import type { DnsClient } from "../../dns/client/dns-client";
import { type Sibling, siblings, type SiteRuntime } from "../../knot/config/site-runtime";
import { answersAll } from "../pods";
import type { LeavingTimes } from "./inputs/options";

/** What {@link Leaving} works with. */
export interface LeavingParts {
  readonly times: LeavingTimes;
  /** Given when the pod is to end. */
  readonly signal: AbortSignal;
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Zones that the pod's Knot serves, other sites' among them. */
  readonly served: () => Promise<readonly string[]>;
  /** Whether a sibling's agent says that its pod is ready and not to end itself. Throws when it says nothing. */
  readonly isStaying: (sibling: Sibling) => Promise<boolean>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** So long one look asks a sibling, which is less than a probe waits; the next look goes on. */
const lookMs = 1500;
/** Zones that a sibling is asked for between two looks at the clock. */
const zonesAtOnce = 64;

/**
 * How a pod that is to end goes. From the first moment Kubernetes sends it no new clients when there is another pod, but a
 * load balancer learns that only by its health checks, and clients that keep their source port stay with the pod as long
 * as it is ready. So it stays ready for a while, then is not ready any more, and still answers whoever comes all the same.
 *
 * When no other pod of the site answers all that this one does, it stays ready to the end: a pod that is to go is better than none,
 * than one that has stepped back for it, and than a new one that waits for other sites' zones and is not ready either. So it is
 * better than another one that is to end as well: of two that go at once both would step back for each other.
 */
export class Leaving {
  #since: number | undefined;
  #out = false;
  /** By the sibling's id, what it answered since. */
  readonly #answered = new Map<string, Set<string>>();

  constructor(private readonly parts: LeavingParts) {
    const begin = (): void => {
      this.#since ??= parts.now();
    };
    if (parts.signal.aborted) begin();
    parts.signal.addEventListener("abort", begin);
  }

  /** Whether the pod is to end, ready or not. */
  get isUnderWay(): boolean {
    return this.#since !== undefined;
  }

  /**
   * Whether the pod is not to be ready any more. Never throws.
   *
   * @param zones - What it answers itself of the site's own, by which the other pods are judged, with all else that it serves.
   */
  async isOut(runtime: SiteRuntime, zones: readonly string[]): Promise<boolean> {
    if (this.#out || this.#since === undefined) return this.#out;
    const { now, times, served } = this.parts;
    if (now() < this.#since + times.servedSeconds * 1000) return false;
    const others = siblings(runtime);
    if (others.length === 0) return false;
    const rest = await served().catch(() => undefined);
    // By what it does not know nobody can be judged.
    if (rest === undefined) return this.#out;
    const all = [...new Set([...zones, ...rest])];
    this.#out = (await Promise.all(others.map((sibling) => this.#servesFor(sibling, all)))).includes(true);
    return this.#out;
  }

  /** What it says of itself is asked last: since then it cannot have stepped back. */
  async #servesFor(sibling: Sibling, zones: readonly string[]): Promise<boolean> {
    if (!(await this.#answersAll(sibling, zones))) return false;
    return this.parts.isStaying(sibling).catch(() => false);
  }

  async #answersAll(sibling: Sibling, zones: readonly string[]): Promise<boolean> {
    const { dns, now } = this.parts;
    const answered = this.#answered.get(sibling.id) ?? new Set<string>();
    this.#answered.set(sibling.id, answered);
    const open = zones.filter((zone) => !answered.has(zone));
    const end = now() + lookMs;
    for (let i = 0; i < open.length; i += zonesAtOnce) {
      if (now() >= end) return false;
      const asked = open.slice(i, i + zonesAtOnce);
      if (!(await answersAll(dns, sibling, asked))) return false;
      for (const zone of asked) answered.add(zone);
    }
    return true;
  }
}

/** Given when a pod that is to end has gone: as long after `signal` as it takes. */
export function whenGone(signal: AbortSignal, { servedSeconds, answeringSeconds }: LeavingTimes): AbortSignal {
  const ms = (servedSeconds + answeringSeconds) * 1000;
  if (ms === 0) return signal;
  const controller = new AbortController();
  signal.addEventListener("abort", () => {
    setTimeout(() => {
      controller.abort();
    }, ms).unref();
  });
  return controller.signal;
}
