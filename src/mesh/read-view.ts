import { byName } from "../base/text";
import type { ResourceRecord } from "../dns/record";
import { type Catalog, decodeCatalog } from "./catalog";
import { RefusedZone } from "./central-zone";
import { decodeDirectory, type Directory } from "./directory";
import { checkedEpoch, type Epoch, epochText, isSameEpoch } from "./epoch";
import type { MeshView, RefusalKind, ZoneView } from "./view";

/** What the two central zones say together, with what is doubtful about it. */
export interface DiscoveredMesh {
  readonly kind: "view";
  /** Sites and zones that are beyond doubt. */
  readonly view: MeshView;
  /** Names that stand in a central zone, but not so that they could be used: what is known of them stays. */
  readonly uncertain: { readonly sites: readonly string[]; readonly zones: readonly string[] };
  /** One sentence per thing that is wrong, for people. None of them stops the rest. */
  readonly problems: readonly string[];
}

/** A pair of central zones that is not taken at all. */
export interface RefusedDiscovery {
  readonly kind: "refused";
  readonly refusal: { readonly kind: RefusalKind; readonly reason: string };
}

/**
 * Reads both transferred central zones.
 *
 * The two change one after the other, so a zone that only one of them has (or that they give to different owners) is
 * uncertain rather than an error. A zone that cannot be trusted as a whole is refused: no SOA, no version or another
 * one, no entries, or fewer entries than it says of itself.
 */
export function readMeshView(zones: {
  readonly directoryZone: string;
  readonly catalogZone: string;
  readonly signers?: readonly string[];
  readonly directory: readonly ResourceRecord[];
  readonly catalog: readonly ResourceRecord[];
}): DiscoveredMesh | RefusedDiscovery {
  const reader = new MeshReader(zones);
  reader.takeDirectory(zones.directory);
  reader.takeCatalog(zones.catalog);
  return reader.finish();
}

/** Names of both central zones, and the public keys by which the directory's epoch is checked. */
export interface CentralNames {
  readonly directoryZone: string;
  readonly catalogZone: string;
  readonly signers?: readonly string[];
}

/**
 * Transfers both central zones, one after the other, and reads them. Each zone's records can go before those of the next
 * come.
 *
 * @param transfer - Gives a whole zone or throws.
 */
export async function readMesh(
  names: CentralNames,
  transfer: (zone: string) => Promise<readonly ResourceRecord[]>,
): Promise<DiscoveredMesh | RefusedDiscovery> {
  const reader = new MeshReader(names);
  reader.takeDirectory(await transfer(names.directoryZone));
  reader.takeCatalog(await transfer(names.catalogZone));
  return reader.finish();
}

/** Does what {@link readMeshView} does a zone at a time, so that the records of both need not be in memory together. */
class MeshReader {
  #directory: Directory | undefined;
  #catalog: Catalog | undefined;
  #refused: RefusedDiscovery | undefined;

  constructor(private readonly zones: CentralNames) {}

  takeDirectory(records: readonly ResourceRecord[]): void {
    this.#attempt(() => (this.#directory = decodeDirectory(this.zones.directoryZone, records)));
  }

  takeCatalog(records: readonly ResourceRecord[]): void {
    this.#attempt(() => (this.#catalog = decodeCatalog(this.zones.catalogZone, records)));
  }

  /** What the zones say together, once both were taken. */
  finish(): DiscoveredMesh | RefusedDiscovery {
    const [directory, catalog] = [this.#directory, this.#catalog];
    const joined =
      directory !== undefined && catalog !== undefined
        ? this.#attempt(() => joinZones(directory, catalog, this.#epoch(directory, catalog)))
        : undefined;
    const found = this.#refused ?? joined;
    if (found === undefined) throw new Error("both central zones must be taken before the view is read");
    return found;
  }

  /** The directory's signature counts for both zones, which must be of one epoch: they change one after the other. */
  #epoch(directory: Directory, catalog: Catalog): Epoch | undefined {
    const { directoryZone: zone, catalogZone, signers } = this.zones;
    const epoch = checkedEpoch(zone, directory.epoch, signers);
    if (epoch === "bad")
      throw new RefusedZone("fenced", `directory ${zone} names an epoch that the shared stack did not sign`);
    if (epoch === undefined) return undefined;
    const other = catalog.epoch === "bad" ? undefined : catalog.epoch;
    if (isSameEpoch(epoch, other) || (other === undefined && epoch.number === 1)) return epoch;
    throw new RefusedZone(
      "incomplete",
      `directory ${zone} is of ${epochText(epoch)}, and catalog ${catalogZone} of ${epochText(other)}`,
    );
  }

  #attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof RefusedZone)) throw error;
      this.#refused ??= { kind: "refused", refusal: { kind: error.kind, reason: error.message } };
      return undefined;
    }
  }
}

function joinZones(directory: Directory, catalog: Catalog, epoch: Epoch | undefined): DiscoveredMesh {
  const sites = new Set(directory.sites.map((site) => site.name));
  const zones: ZoneView[] = [];
  const uncertain = new Set([...directory.badZones, ...catalog.badMembers]);
  const problems = [...directory.problems, ...catalog.problems];
  for (const name of new Set([...directory.zones.keys(), ...catalog.members.keys()])) {
    if (uncertain.has(name)) continue;
    const listed = directory.zones.get(name);
    const member = catalog.members.get(name);
    const problem = disagreement({ name, owner: listed?.owner, group: member?.group, sites });
    if (problem !== undefined) {
      uncertain.add(name);
      problems.push(problem);
    } else if (listed !== undefined && member !== undefined) {
      zones.push({
        name,
        owner: listed.owner,
        id: member.id,
        ...(listed.nameServers !== undefined && { nameServers: listed.nameServers }),
        ...(listed.retired !== undefined && { retired: listed.retired }),
      });
    }
  }
  if (catalog.members.size === 0 && directory.zones.size > 0) {
    throw new RefusedZone("empty", `the catalog lists no zone, while the directory knows ${directory.zones.size}`);
  }
  return {
    kind: "view",
    view: {
      directorySerial: directory.serial,
      catalogSerial: catalog.serial,
      sites: byName(directory.sites),
      zones: byName(zones),
      ...(directory.topology !== undefined && { topology: directory.topology }),
      ...(directory.nameServers !== undefined && { nameServers: directory.nameServers }),
      ...(epoch !== undefined && { epoch }),
    },
    uncertain: { sites: [...directory.badSites].sort(), zones: [...uncertain].sort() },
    problems: problems.sort(),
  };
}

function disagreement(zone: {
  name: string;
  owner: string | undefined;
  group: string | undefined;
  sites: ReadonlySet<string>;
}): string | undefined {
  const { name, owner, group, sites } = zone;
  if (owner === undefined) return `zone ${name} is in the catalog (of ${group ?? "no site"}), but not in the directory`;
  if (group === undefined) return `zone ${name} is in the directory (at ${owner}), but not in the catalog`;
  if (owner !== group) return `zone ${name} is at ${owner} in the directory and of ${group} in the catalog`;
  return sites.has(owner)
    ? undefined
    : `zone ${name} is owned by ${owner}, which the directory has no usable entry for`;
}
