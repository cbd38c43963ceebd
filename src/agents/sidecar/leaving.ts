import type { DnsClient } from "../../dns/client/dns-client";
import { siblings, type SiteRuntime } from "../../knot/config/site-runtime";
import { answersAll } from "../pods";
import type { LeavingTimes } from "./inputs/options";

/** What {@link Leaving} works with. */
export interface LeavingParts {
  readonly times: LeavingTimes;
  /** Given when the pod is to end. */
  readonly signal: AbortSignal;
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * How a pod that is to end goes. From the first moment Kubernetes sends it no new clients when there is another pod, but a
 * load balancer learns that only by its health checks, and clients that keep their source port stay with the pod as long
 * as it is ready. So it stays ready for a while, then is not ready any more, and still answers whoever comes all the same.
 *
 * When no other pod of the site answers all that this one does, it stays ready to the end: a pod that is to go is better than none,
 * and than one that has stepped back for it.
 */
export class Leaving {
  #since: number | undefined;
  #out = false;

  constructor(private readonly parts: LeavingParts) {
    const begin = (): void => {
      this.#since ??= parts.now();
    };
    if (parts.signal.aborted) begin();
    parts.signal.addEventListener("abort", begin);
  }

  /**
   * Whether the pod is not to be ready any more. Never throws.
   *
   * @param zones - What it answers itself, by which the other pods are judged.
   */
  async isOut(runtime: SiteRuntime, zones: readonly string[]): Promise<boolean> {
    if (this.#out || this.#since === undefined) return this.#out;
    if (this.parts.now() < this.#since + this.parts.times.servedSeconds * 1000) return false;
    for (const sibling of siblings(runtime)) this.#out ||= await answersAll(this.parts.dns, sibling, zones);
    return this.#out;
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
