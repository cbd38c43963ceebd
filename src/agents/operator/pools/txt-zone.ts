import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { ResourceRecord } from "../../../dns/record";
import type { TsigKey } from "../../../dns/tsig-key";
import type { Change } from "../../../dns/update";
import { txtRecord } from "../../../pools/wire";
import { ZoneMirror } from "../zone-mirror";

/** What a {@link TxtZone} works with. */
export interface TxtZoneOptions {
  readonly zone: string;
  readonly dns: Pick<DnsClient, "querySoa" | "transfer" | "transferIncremental" | "update">;
  /** The site's own server, which has every zone of the mesh. */
  readonly writer: () => DnsServer;
  /** By which zones are read. */
  readonly key: TsigKey;
}

/** Octets of records in one UPDATE message: a message over TCP has 65,535. */
const mostOctets = 30_000;

/** The TXT records of a zone, as the site's own server has it. */
export class TxtZone {
  readonly #mirror: ZoneMirror;
  #texts = new Map<string, readonly string[]>();

  constructor(private readonly options: TxtZoneOptions) {
    this.#mirror = new ZoneMirror(options);
  }

  get zone(): string {
    return this.options.zone;
  }

  /** Strings by name. A name with several records has those of the first: what we write has one. */
  get texts(): ReadonlyMap<string, readonly string[]> {
    return this.#texts;
  }

  /**
   * Takes what changed.
   *
   * @returns the names that changed.
   * @throws DnsError
   */
  async follow(isChanged = false): Promise<ReadonlySet<string>> {
    const changed = await this.#mirror.follow(isChanged);
    if (changed === undefined) return this.#takeAll();
    for (const name of changed) this.#take(name, this.#mirror.at(name).get("TXT"));
    return changed;
  }

  #takeAll(): ReadonlySet<string> {
    const before = this.#texts;
    this.#texts = new Map();
    for (const record of this.#mirror.records()) if (record.type === "TXT") this.#take(record.name, [record]);
    return new Set([...before.keys(), ...this.#texts.keys()]);
  }

  #take(name: string, records: readonly ResourceRecord[] = []): void {
    const [record] = records;
    if (record?.type === "TXT") this.#texts.set(name, record.strings);
    else this.#texts.delete(name);
  }

  /**
   * Makes these the TXT records at their names, with as few changes and messages as that takes. Names of which nothing is wanted have
   * none then. What is there is what {@link follow} found last.
   *
   * @param key - By which zones are changed.
   * @returns whether anything was changed.
   * @throws DnsError
   */
  async write(wanted: ReadonlyMap<string, readonly string[] | undefined>, key: TsigKey): Promise<boolean> {
    const { zone, dns, writer } = this.options;
    const changes = [...wanted].flatMap(([name, strings]) =>
      name === zone ? [] : changesOf(name, this.#texts.get(name), strings),
    );
    const batches = batchesOf(changes);
    for (const batch of batches) await dns.update(writer(), { zone, changes: batch.flat() }, key);
    return batches.length > 0;
  }
}

function changesOf(
  name: string,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): readonly (readonly Change[])[] {
  if (isSame(before, after)) return [];
  const removal: readonly Change[] = before === undefined ? [] : [{ kind: "deleteRrset", name, type: "TXT" }];
  return [[...removal, ...(after === undefined ? [] : [{ kind: "add" as const, record: txtRecord(name, after) }])]];
}

function isSame(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a?.length === b?.length && a?.every((each, i) => each === b?.[i]) === true);
}

/** Changes in messages of a size that a server takes; those of a name stay together. */
function batchesOf(changes: readonly (readonly Change[])[]): readonly (readonly (readonly Change[])[])[] {
  const batches: (readonly Change[])[][] = [];
  let octets = Number.POSITIVE_INFINITY;
  for (const each of changes) {
    const size = each.reduce((sum, change) => sum + sizeOf(change), 0);
    if (octets + size > mostOctets) {
      batches.push([]);
      octets = 0;
    }
    batches.at(-1)?.push(each);
    octets += size;
  }
  return batches;
}

function sizeOf(change: Change): number {
  const strings = change.kind === "add" && change.record.type === "TXT" ? change.record.strings : [];
  return 280 + strings.reduce((sum, each) => sum + each.length + 1, 0);
}
