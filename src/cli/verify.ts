import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { compareText } from "../base/text";
import { type RawTransfer, TransferConnection } from "../dns/client/transfer-connection";
import { DnsError, isUnreachable } from "../dns/errors";
import { formatRecord, recordKey } from "../dns/rdata";
import { type ResourceRecord, serialIn } from "../dns/record";
import { zoneDigest } from "../dns/zone-digest";
import type { LookedZone } from "./look";
import { ownerFirst, type TransferPoint } from "./mesh-access";

/** A copy that is not the owner's. Records are as in a zone file. */
export interface DifferingCopy {
  readonly at: string;
  readonly serial: number;
  readonly digest: string;
  /** What only the owner has, and what only this copy has; cut off after {@link mostRecords}. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly cut: number;
}

/** What was found of a zone. */
export interface ZoneVerdict {
  readonly zone: string;
  readonly owner: string;
  /** Where the copy comes from that the others are compared with: the owner, or the first that answered in its place. */
  readonly reference?: string;
  readonly serial?: number;
  /** SHA-384 of the canonical zone. */
  readonly digest?: string;
  readonly alike: number;
  readonly differing: readonly DifferingCopy[];
  /** Who could not be asked, and why. */
  readonly failures: readonly { readonly at: string; readonly reason: string }[];
}

/** What `mesh verify` reports. */
export interface VerifyReport {
  readonly ok: boolean;
  readonly points: readonly string[];
  /** Copies that were compared, the references among them. */
  readonly copies: number;
  /** Sites that there is no key for. */
  readonly notAsked: readonly string[];
  readonly zones: readonly ZoneVerdict[];
}

/** What {@link verifyZones} works with. */
export interface VerifyParts {
  readonly zones: readonly LookedZone[];
  readonly points: readonly TransferPoint[];
  readonly notAsked: readonly string[];
  readonly pause: (ms: number) => Promise<void>;
  /** Milliseconds of silence after which a server is given up. */
  readonly timeoutMs: number;
  /** Octets of owners' copies that are in memory at a time. @default 64 MiB */
  readonly mostOctets?: number;
  /** Ends the comparison with its reason. */
  readonly signal?: AbortSignal;
  /** Is given how many copies of how many have been compared. */
  readonly progress?: (done: number, all: number) => void;
}

/** Records that are listed of a difference. */
const mostRecords = 100;
/** Points that are asked at a time: all, so that answers of one second are for the same zones. Each has a connection to each address. */
const pointWidth = 512;
/** Transfers under way at a time, all in all and on a connection, and on each in any case. */
const [mostUnderWay, mostOnEach, leastOnEach] = [4096, 8, 2];
/** Owners' copies that are asked for at a time. */
const referenceWidth = 64;
/** How often, and after how long, a zone is asked for again of which serials differ: a change may be on its way. */
const [mostAgain, againMs] = [4, 1500];
/** Octets of reference copies that are in memory at a time, in all threads together. */
export const mostReferenceOctets = 64 * 1024 * 1024;

/**
 * Compares the content of every zone at every point with its owner's. Copies of different serials are taken again, for a
 * while, before they count as different; copies of one serial never may differ.
 */
export async function verifyZones(parts: VerifyParts): Promise<VerifyReport> {
  const fetcher = new Fetcher(parts.points, parts.timeoutMs);
  const { signal } = parts;
  const end = (): void => {
    fetcher[Symbol.dispose]();
  };
  signal?.throwIfAborted();
  signal?.addEventListener("abort", end);
  try {
    return verifyReport(await new Comparison(parts, fetcher).run(), parts);
  } finally {
    signal?.removeEventListener("abort", end);
    fetcher[Symbol.dispose]();
  }
}

/** What zones' verdicts come to. */
export function verifyReport(
  zones: readonly ZoneVerdict[],
  { points, notAsked }: Pick<VerifyParts, "points" | "notAsked">,
): VerifyReport {
  const copies = zones.reduce((sum, { alike, differing }) => sum + alike + differing.length, 0);
  const isOk = zones.every(({ differing, failures }) => differing.length + failures.length === 0);
  return { ok: isOk && notAsked.length === 0, points: points.map(({ name }) => name), copies, notAsked, zones };
}

interface Reference {
  readonly at: TransferPoint;
  readonly copy: RawTransfer;
}

/** What came of a point that has not the same copy. */
type Outcome =
  { readonly kind: "other"; readonly copy: RawTransfer } | { readonly kind: "failed"; readonly reason: string };

/** What came of the points that were asked for a zone. Of those that have the same copy only the number is kept: there are millions. */
class Tally {
  alike = 0;
  readonly others = new Map<string, Outcome>();
  /** Points that were asked for the reference. */
  readonly asked = new Set<string>();

  /** Takes what a point has. */
  add(point: string, outcome: Outcome | "same"): void {
    if (outcome === "same") this.alike++;
    else this.others.set(point, outcome);
  }
}

class Comparison {
  readonly #verdicts = new Map<string, ZoneVerdict>();
  #done = 0;

  constructor(
    private readonly parts: VerifyParts,
    private readonly fetcher: Fetcher,
  ) {}

  async run(): Promise<readonly ZoneVerdict[]> {
    const { zones, pause, signal } = this.parts;
    let rest = zones;
    while (rest.length > 0) rest = await this.#batch(rest);
    for (let again = 0; again < mostAgain; again++) {
      const open = zones.filter(({ name }) => isUnsettled(this.#verdicts.get(name)));
      if (open.length === 0) break;
      await pause(againMs);
      signal?.throwIfAborted();
      let left: readonly LookedZone[] = open;
      while (left.length > 0) left = await this.#batch(left);
    }
    return zones.flatMap(({ name }) => this.#verdicts.get(name) ?? []);
  }

  /** Compares as many zones as fit into memory. Returns the others. */
  async #batch(zones: readonly LookedZone[]): Promise<readonly LookedZone[]> {
    const references = new Map<string, Reference>();
    const tallies = new Map(zones.map(({ name }) => [name, new Tally()]));
    const taken = await this.#takeReferences({ zones, references, tallies });
    const known = taken.filter(({ name }) => references.has(name));
    const { points, signal } = this.parts;
    const isOver = (): boolean => signal?.aborted === true;
    const zoneWidth = Math.max(leastOnEach, Math.min(mostOnEach, Math.floor(mostUnderWay / points.length)));
    await inParallel(pointWidth, points, async (point) => {
      if (isOver()) return;
      const asked = known.filter(({ name }) => tallies.get(name)?.asked.has(point.name) === false);
      await inParallel(zoneWidth, asked, async ({ name }) => {
        if (isOver()) return;
        tallies.get(name)?.add(point.name, await this.#compare(point, name, references.get(name)?.copy));
        this.#count();
      });
    });
    for (const zone of taken)
      this.#verdicts.set(zone.name, verdictOf(zone, references.get(zone.name), tallies.get(zone.name) ?? new Tally()));
    this.parts.signal?.throwIfAborted();
    return zones.slice(taken.length);
  }

  /** Takes zones from their owners, or from the first that has them. Returns those that were asked for. */
  async #takeReferences({
    zones,
    references,
    tallies,
  }: {
    readonly zones: readonly LookedZone[];
    readonly references: Map<string, Reference>;
    readonly tallies: ReadonlyMap<string, Tally>;
  }): Promise<readonly LookedZone[]> {
    const { mostOctets = mostReferenceOctets, signal } = this.parts;
    let octets = 0;
    let taken = 0;
    while (taken < zones.length && signal?.aborted !== true && (taken === 0 || octets < mostOctets)) {
      const next = zones.slice(taken, taken + referenceWidth);
      taken += next.length;
      await inParallel(referenceWidth, next, async ({ name, owner }) => {
        const ordered = ownerFirst(this.parts.points, owner);
        for (const at of ordered) {
          if (signal?.aborted === true) return;
          const outcome = await this.#compare(at, name, undefined);
          this.#count();
          const isReference = outcome !== "same" && outcome.kind === "other";
          const tally = tallies.get(name);
          tally?.asked.add(at.name);
          tally?.add(at.name, isReference ? "same" : outcome);
          if (!isReference) continue;
          references.set(name, { at, copy: outcome.copy });
          octets += outcome.copy.messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
          return;
        }
      });
    }
    return zones.slice(0, taken);
  }

  async #compare(point: TransferPoint, zone: string, like: RawTransfer | undefined): Promise<Outcome | "same"> {
    try {
      const result = await this.fetcher.fetch(point, zone, like);
      return result === "same" ? result : { kind: "other", copy: result };
    } catch (error) {
      return { kind: "failed", reason: messageOf(error) };
    }
  }

  #count(): void {
    const { progress, zones, points } = this.parts;
    progress?.(++this.#done, zones.length * points.length);
  }
}

/** Copies of different serials: a change may be on its way. */
function isUnsettled(verdict: ZoneVerdict | undefined): boolean {
  return verdict?.differing.some(({ serial }) => serial !== verdict.serial) === true;
}

function verdictOf(
  { name: zone, owner }: LookedZone,
  reference: Reference | undefined,
  { alike, others }: Tally,
): ZoneVerdict {
  const all = [...others].sort(([a], [b]) => compareText(a, b));
  const failures = all.flatMap(([at, outcome]) => (outcome.kind === "failed" ? [{ at, reason: outcome.reason }] : []));
  if (reference === undefined) return { zone, owner, alike: 0, differing: [], failures };
  const digest = zoneDigest(reference.copy.records);
  const differing = all.flatMap(([at, outcome]) =>
    outcome.kind === "other" ? difference(at, { digest, records: reference.copy.records }, outcome.copy.records) : [],
  );
  // Some of the others differ in order, case or compression alone.
  const alikeAll = alike + all.length - failures.length - differing.length;
  const serial = serialIn(reference.copy.records) ?? 0;
  return { zone, owner, reference: reference.at.name, serial, digest, alike: alikeAll, differing, failures };
}

/** What differs; nothing when only the order, the case or the compression of names did. */
function difference(
  at: string,
  reference: { readonly digest: string; readonly records: readonly ResourceRecord[] },
  records: readonly ResourceRecord[],
): readonly DifferingCopy[] {
  const digest = zoneDigest(records);
  if (digest === reference.digest) return [];
  const [missing, extra] = [only(reference.records, records), only(records, reference.records)];
  const cut = Math.max(0, missing.length - mostRecords) + Math.max(0, extra.length - mostRecords);
  return [
    {
      ...{ at, serial: serialIn(records) ?? 0, digest, cut },
      missing: missing.slice(0, mostRecords),
      extra: extra.slice(0, mostRecords),
    },
  ];
}

/** Records of the first that the second has not, with their TTLs. */
function only(these: readonly ResourceRecord[], those: readonly ResourceRecord[]): readonly string[] {
  const keyOf = (record: ResourceRecord): string => `${recordKey(record)} ${record.ttl}`;
  const known = new Set(those.map(keyOf));
  return these
    .filter((record) => !known.has(keyOf(record)))
    .map(formatRecord)
    .sort(compareText);
}

interface Address {
  readonly connection: TransferConnection;
  /** Since when it does not answer, in milliseconds of no clock, and why; missing while it does. */
  away?: { readonly since: number; readonly error: unknown } | undefined;
  hasAnswered?: true;
}

/**
 * A connection to each address of each point, which stays open from zone to zone, with several transfers under way. An address
 * that has not answered for as long as a transfer may be silent is not asked again: it would be as silent for every zone. One
 * that did answer before may be silent for longer: it is busy, or this machine is.
 */
class Fetcher implements Disposable {
  readonly #addresses = new Map<string, readonly Address[]>();
  #isEnded = false;

  constructor(
    points: readonly TransferPoint[],
    private readonly timeoutMs: number,
  ) {
    for (const { name, servers, key } of points)
      this.#addresses.set(
        name,
        servers.map((server) => ({ connection: new TransferConnection({ server, key, timeoutMs }) })),
      );
  }

  /** A zone from a point; from its next address where one does not answer. */
  async fetch({ name }: TransferPoint, zone: string, like: RawTransfer | undefined): Promise<RawTransfer | "same"> {
    let failure: unknown;
    for (const address of this.#addresses.get(name) ?? []) {
      const began = performance.now();
      const patienceMs = (address.hasAnswered === true ? mostTries : 1) * this.timeoutMs;
      if (address.away !== undefined && began - address.away.since >= patienceMs) {
        failure = address.away.error;
        continue;
      }
      try {
        const result = await again(address, () => {
          // A connection would open again.
          if (this.#isEnded) throw new DnsError({ kind: "aborted" });
          return address.connection.transfer(zone, like);
        });
        address.away = undefined;
        address.hasAnswered = true;
        return result;
      } catch (error) {
        failure = error;
        if (!isAway(error)) break;
        address.away = { since: address.away?.since ?? began, error };
      }
    }
    throw failure;
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    for (const { connection } of [...this.#addresses.values()].flat()) connection[Symbol.dispose]();
  }
}

/** How often a transfer is tried whose connection the server ended. */
const mostTries = 3;
const endings = ["ECONNRESET", "EPIPE"];

/** A server ends connections that were idle, or slow for half a second, at any moment: that says nothing of the zone. */
async function again<T>(address: Pick<Address, "hasAnswered">, work: () => Promise<T>, tries = 1): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isPassing = isEnding(error) || (address.hasAnswered === true && isSilence(error));
    if (tries === mostTries || !isPassing) throw error;
    return again(address, work, tries + 1);
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof DnsError && error.failure.kind === "timeout";
}

function isEnding(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  return failure.kind === "incomplete" || (failure.kind === "unreachable" && endings.includes(failure.code));
}

function isAway(error: unknown): boolean {
  return isUnreachable(error) || (error instanceof DnsError && error.failure.kind === "incomplete");
}
