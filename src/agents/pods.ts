import type { DnsClient, DnsServer } from "../dns/client/dns-client";
import type { TsigKey } from "../dns/tsig-key";
import { parsePodId, type PodId } from "../mesh/pod-id";

/** A zone's serial as one server answers it. */
export interface PodAnswer {
  readonly serial: number;
  /** Undefined for servers that do not name themselves as pods of a site do. */
  readonly pod?: PodId;
}

/** What is asked, and where. */
export interface PodQuestion {
  /** Without a `channel`: each question must have a source port of its own, by which another pod may get it. */
  readonly dns: Pick<DnsClient, "querySoaWithNsid">;
  /** An address behind which there may be several pods. */
  readonly server: DnsServer;
  readonly zone: string;
  readonly key?: TsigKey;
}

/** Asks whichever pod gets the question. @throws DnsError as `querySoa` does. */
export async function askPod({ dns, server, zone, key }: PodQuestion): Promise<PodAnswer> {
  const { soa, nsid } = await dns.querySoaWithNsid(server, zone, key);
  const pod = nsid && parsePodId(nsid);
  return { serial: soa.serial, ...(pod && { pod }) };
}

/** The zone of which any of these servers answers the SOA first; undefined when none answers any. Never throws. */
export function answeredByAny(
  dns: Pick<DnsClient, "querySoa">,
  servers: readonly DnsServer[],
  zones: readonly string[],
): Promise<string | undefined> {
  const asked = zones.flatMap((zone) => servers.map((server) => dns.querySoa(server, zone).then(() => zone)));
  return Promise.any(asked).catch(() => undefined);
}

/** Questions of {@link answersAll} that wait for their answers at a time. */
const askWidth = 16;

/** Whether a server answers each of these zones with authority; it is asked little more after the first that it does not. Never throws. */
export async function answersAll(
  dns: Pick<DnsClient, "querySoa">,
  server: DnsServer,
  zones: readonly string[],
): Promise<boolean> {
  try {
    for (let i = 0; i < zones.length; i += askWidth)
      await Promise.all(zones.slice(i, i + askWidth).map((zone) => dns.querySoa(server, zone)));
    return true;
  } catch {
    return false;
  }
}

/** What the pods behind one address said. */
export interface PodsAnswer<T> {
  /** By ordinal: the latest answer of each pod. A server without a name counts as pod 0 of one. */
  readonly answers: ReadonlyMap<number, T>;
  /** Pods that there are and that did not answer, by ordinal. */
  readonly missing: readonly number[];
  /** What questions failed with. */
  readonly failures: readonly unknown[];
}

/** Rounds of questions; with two pods all but one in a thousand such rounds have met both. */
const mostRounds = 6;

/**
 * Asks an address until each of the pods behind it answered, or has had its chances: what balances load picks one anew for
 * each question. Never throws.
 *
 * @param least - Questions to start with; more where servers do not name themselves, which may be several all the same.
 */
export async function askEveryPod<T extends Pick<PodAnswer, "pod">>(
  ask: () => Promise<T>,
  least = 1,
): Promise<PodsAnswer<T>> {
  const answers = new Map<number, T>();
  const failures: unknown[] = [];
  let replicas = 1;
  for (let round = 0; round < mostRounds && answers.size < replicas; round++) {
    const questions = round === 0 ? least : 2 * (replicas - answers.size);
    const asked = await Promise.allSettled(Array.from({ length: questions }, ask));
    for (const each of asked) {
      if (each.status === "rejected") failures.push(each.reason);
      else {
        answers.set(each.value.pod?.ordinal ?? 0, each.value);
        replicas = Math.max(replicas, each.value.pod?.replicas ?? 1);
      }
    }
    if (answers.size === 0 && failures.length > 1) break;
  }
  const missing = Array.from({ length: replicas }, (_, ordinal) => ordinal).filter((ordinal) => !answers.has(ordinal));
  return { answers, missing, failures };
}
