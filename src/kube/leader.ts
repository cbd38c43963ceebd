import { type Clock, isAborted } from "../base/clock";
import { messageOf } from "../base/errors";
import type { Logger } from "../base/log";
import { KubeError, type KubeObject } from "./answer";
import type { KubeClient } from "./client";

/** What {@link leadInTurn} needs. */
export interface LeaderOptions {
  readonly client: Pick<KubeClient, "get" | "create" | "replace">;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Who we are, unlike all others. */
  readonly identity: string;
  /** The difference of two times is all that counts. */
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Seconds without a sign of life after which another one may lead. */
  readonly leaseSeconds: number;
  /** The Lease was tried for, and the Kubernetes API did or did not say whose it is. */
  readonly onTry?: (isAnswered: boolean) => void;
}

/**
 * Does the work while we hold the Lease (coordination.k8s.io/v1), again and again, until the signal is given. The signal of
 * the work is given well before another one may take over, even when the API is away; at our own end the Lease is given up
 * at once. Other clocks do not matter: a Lease is over when nothing of it changed for its time by ours.
 */
export async function leadInTurn(options: LeaderOptions, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const lease = new Lease(options);
  while (!isAborted(options.signal)) {
    if (await lease.take()) await lead(lease, options, work);
    else await options.clock.pause(lease.renewMs * (1 + options.random() / 4), options.signal);
  }
}

async function lead(lease: Lease, options: LeaderOptions, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  options.log.info("leading");
  const lost = new AbortController();
  const signal = AbortSignal.any([options.signal, lost.signal]);
  const renewing = (async () => {
    while (!isAborted(signal)) {
      await options.clock.pause(lease.renewMs, signal);
      if (isAborted(signal)) return;
      if (!(await lease.take()) && !lease.holds()) lost.abort();
    }
  })();
  // A lease that is not renewed in time ends our turn, whatever the call that should renew it is doing.
  const watching = (async () => {
    while (!isAborted(signal)) {
      await options.clock.pause(lease.renewMs / 4, signal);
      if (!lease.holds()) lost.abort();
    }
  })();
  try {
    await work(signal);
  } finally {
    lost.abort();
    await Promise.all([renewing, watching]);
    await lease.release();
    options.log.info("no longer the leader");
  }
}

class Lease {
  readonly renewMs: number;
  readonly #leaseMs: number;
  readonly #path: string;
  /** What was seen of the Lease, and since when it is like that. */
  #seen: { readonly version: string; readonly at: number } | undefined;
  /** When we asked for the renewal that was last granted. */
  #renewedAt: number | undefined;
  /** The Lease as we wrote it last: a leader need not read it again. */
  #written: KubeObject | undefined;

  constructor(private readonly options: LeaderOptions) {
    this.#leaseMs = options.leaseSeconds * 1000;
    this.renewMs = this.#leaseMs / 5;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
  }

  /** Whether it is ours without any doubt: others wait for the whole time, we stop after two thirds of it. */
  holds(): boolean {
    return this.#renewedAt !== undefined && this.options.clock.now() - this.#renewedAt < (this.#leaseMs * 2) / 3;
  }

  /** Takes or renews it. Returns whether it is ours now; never throws. */
  async take(): Promise<boolean> {
    const at = this.options.clock.now();
    try {
      const lease = this.#written ?? (await this.#read());
      const mayTake = lease !== undefined && this.#mayTake(lease);
      this.options.onTry?.(true);
      if (!mayTake) return false;
      this.#written = await this.options.client.replace(`${this.#path}/${this.options.name}`, this.#mine(lease));
      this.#renewedAt = at;
      return true;
    } catch (error) {
      if (this.#written !== undefined && error instanceof KubeError && error.status === 409) {
        this.#written = undefined;
        return this.take();
      }
      this.options.onTry?.(false);
      this.options.log.warn("the lease cannot be taken or renewed", { reason: messageOf(error) });
      return false;
    }
  }

  /** Lets another one lead at once. */
  async release(): Promise<void> {
    this.#renewedAt = undefined;
    this.#written = undefined;
    try {
      const lease = await this.options.client.get(`${this.#path}/${this.options.name}`);
      if (lease === undefined || holderOf(lease) !== this.options.identity) return;
      const spec = { ...specOf(lease), holderIdentity: "" };
      await this.options.client.replace(`${this.#path}/${this.options.name}`, { ...lease, spec });
    } catch (error) {
      this.options.log.warn("the lease could not be given up", { reason: messageOf(error) });
    }
  }

  async #read(): Promise<KubeObject | undefined> {
    const found = await this.options.client.get(`${this.#path}/${this.options.name}`);
    if (found !== undefined) return found;
    const metadata = { name: this.options.name, namespace: this.options.namespace };
    await this.options.client.create(this.#path, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata,
      spec: {},
    });
    return this.options.client.get(`${this.#path}/${this.options.name}`);
  }

  #mayTake(lease: KubeObject): boolean {
    const holder = holderOf(lease);
    const version = lease.metadata?.resourceVersion ?? "";
    const now = this.options.clock.now();
    if (this.#seen?.version !== version) this.#seen = { version, at: now };
    return holder === "" || holder === this.options.identity || now - this.#seen.at >= this.#leaseMs;
  }

  #mine(lease: KubeObject): KubeObject {
    const before = specOf(lease);
    const time = new Date(this.options.clock.now()).toISOString().replace("Z", "000Z");
    const own = holderOf(lease) === this.options.identity;
    const transitions = Number(before["leaseTransitions"] ?? 0) + (own ? 0 : 1);
    const spec = {
      ...before,
      holderIdentity: this.options.identity,
      leaseDurationSeconds: Math.round(this.#leaseMs / 1000),
      renewTime: time,
      acquireTime: own ? (before["acquireTime"] ?? time) : time,
      leaseTransitions: transitions,
    };
    return { ...lease, spec };
  }
}

function specOf(lease: KubeObject): Readonly<Record<string, unknown>> {
  return (lease["spec"] as Readonly<Record<string, unknown>> | undefined) ?? {};
}

function holderOf(lease: KubeObject): string {
  const holder = specOf(lease)["holderIdentity"];
  return typeof holder === "string" ? holder : "";
}
