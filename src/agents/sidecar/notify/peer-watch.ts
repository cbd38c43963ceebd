import { Histogram } from "../../../base/prometheus";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import { type Target, targetKey } from "./open-entries";

/** What {@link PeerWatch} works with. */
export interface PeerWatchParts {
  readonly dns: Pick<DnsClient, "querySoa">;
  /** The pod's own Knot. */
  readonly knot: DnsServer;
  /** Other sites that this one announces zones to, and the other pods of this one. */
  readonly targets: () => readonly Target[];
  /** The zone that is asked for; undefined before one is known. */
  readonly zone: () => string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How it was with a peer at the last question. */
export interface PeerLook extends Pick<Target, "site" | "pod"> {
  readonly isUp: boolean;
  /** How long its last answer took. */
  readonly answerMs?: number;
}

/** Upper bounds of the buckets, in seconds: an answer of a server next door, up to the longest that is waited for. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
/** What counts for no answer at all, in seconds. */
const unanswered = 10;
/** Between questions to the own Knot, and to one peer. */
const [ownEveryMs, peerEveryMs] = [5000, 30_000];
/** From one peer to the next: so that many of them are asked more rarely, and never all at once. */
const nextPeerMs = 1000;

/**
 * Asks who should answer: the own Knot, for the time that it takes, and each peer in its turn, whether it is there. What
 * else is asked of peers depends on changes, so that one that is away at rest would be noticed by nobody. Any answer counts.
 */
export class PeerWatch {
  /** Of the own Knot. */
  readonly answers = new Histogram(bounds);
  readonly #looks = new Map<string, PeerLook & { readonly at: number }>();
  #ownAt = 0;
  #peerAt = 0;

  constructor(private readonly parts: PeerWatchParts) {}

  /** Each peer that was asked, as of its last question. */
  get looks(): readonly PeerLook[] {
    const keys = new Set(this.parts.targets().map(targetKey));
    return [...this.#looks].flatMap(([key, look]) => (keys.has(key) ? [look] : []));
  }

  /** Asks who is due. Never throws. */
  async round(): Promise<void> {
    const zone = this.parts.zone();
    if (zone !== undefined) await Promise.all([this.#lookAtOwn(zone), this.#lookAtPeer(zone)]);
  }

  async #lookAtOwn(zone: string): Promise<void> {
    const { now, knot } = this.parts;
    if (now() < this.#ownAt) return;
    this.#ownAt = now() + ownEveryMs;
    const ms = await this.#ask(knot, zone);
    this.answers.observe(ms === undefined ? unanswered : ms / 1000);
  }

  async #lookAtPeer(zone: string): Promise<void> {
    const { now } = this.parts;
    if (now() < this.#peerAt) return;
    const target = this.#longestNotAsked();
    if (target === undefined) return;
    this.#peerAt = now() + nextPeerMs;
    const key = targetKey(target);
    const { site, pod } = target;
    const before = this.#looks.get(key)?.answerMs;
    let answerMs: number | undefined;
    for (const server of target.servers) answerMs ??= await this.#ask(server, zone);
    const lastMs = answerMs ?? before;
    this.#looks.set(key, {
      site,
      ...(pod !== undefined && { pod }),
      isUp: answerMs !== undefined,
      ...(lastMs !== undefined && { answerMs: lastMs }),
      at: now(),
    });
  }

  /** Undefined where all were asked of late. */
  #longestNotAsked(): Target | undefined {
    const targets = this.parts.targets();
    const keys = new Set(targets.map(targetKey));
    for (const key of this.#looks.keys()) if (!keys.has(key)) this.#looks.delete(key);
    const askedAt = (target: Target): number => this.#looks.get(targetKey(target))?.at ?? -Infinity;
    const [first, ...others] = targets;
    if (first === undefined) return undefined;
    const target = others.reduce((oldest, each) => (askedAt(each) < askedAt(oldest) ? each : oldest), first);
    return this.parts.now() - askedAt(target) >= peerEveryMs ? target : undefined;
  }

  /** Milliseconds until an answer, whatever it says; undefined without one. */
  async #ask(server: DnsServer, zone: string): Promise<number | undefined> {
    const began = performance.now();
    const elapsed = (): number => performance.now() - began;
    return this.parts.dns
      .querySoa(server, zone)
      .then(elapsed, (error: unknown) => (isUnreachable(error) ? undefined : elapsed()));
  }
}
