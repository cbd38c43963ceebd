import { sha256 } from "../base/json";
import { zoneNameProblem } from "../base/names";
import { byName } from "../base/text";
import type { ResourceRecord } from "../dns/record";
import { printZone } from "../dns/zone-text";
import { apexRecord, factsOf, RefusedZone, serialOf, textsByName } from "./central-zone";
import { type Epoch, epochFacts, readEpoch } from "./epoch";
import type { Mesh } from "./model";

/** One zone of a catalog and the group that it belongs to (RFC 9432 section 4.3.2). */
export interface CatalogMember {
  readonly name: string;
  readonly group: string;
}

/**
 * The unique-id label of a catalog member (RFC 9432 section 4.1): the first 32 hexadecimal digits of SHA-256 of the
 * zone's name. A changed id makes consumers purge and fetch the zone anew, so it depends on nothing but the name.
 */
export function memberId(zone: string): string {
  return sha256(zone).slice(0, 32);
}

/**
 * The records of a catalog zone of schema version 2 (RFC 9432), sorted by member; {@link decodeCatalog} reads them.
 *
 * @param soa - The zone's SOA record, which names the zone.
 */
export function encodeCatalog(soa: ResourceRecord, members: readonly CatalogMember[]): readonly ResourceRecord[] {
  const { name: zone, class: of, ttl } = soa;
  const at = (name: string): { name: string; class: typeof of; ttl: number } => ({ name, class: of, ttl });
  return [
    soa,
    { ...at(zone), type: "NS", target: "invalid" },
    { ...at(`version.${zone}`), type: "TXT", strings: ["2"] },
    ...byName(members).flatMap(({ name, group }): readonly ResourceRecord[] => {
      const node = `${memberId(name)}.zones.${zone}`;
      return [
        { ...at(node), type: "PTR", target: name },
        { ...at(`group.${node}`), type: "TXT", strings: [group] },
      ];
    }),
  ];
}

/** Label below the catalog, as a property of our own (RFC 9432 section 4.4), that says of which epoch it is. */
const epochLabel = "epoch.ext";

/** Where the catalog says of which epoch it is. */
export function catalogEpochName(catalogZone: string): string {
  return `${epochLabel}.${catalogZone}`;
}

/** The records of the mesh's catalog zone, the serial a placeholder. `group` names the owner. */
export function encodeMeshCatalog(mesh: Mesh): readonly ResourceRecord[] {
  const soa = apexRecord(mesh, mesh.catalogZone);
  const members = mesh.sites.flatMap((site) => site.zones.map((zone) => ({ name: zone.name, group: site.name })));
  const records = encodeCatalog(soa, members);
  if (mesh.epoch === undefined) return records;
  const { number, primary } = mesh.epoch;
  const { class: of, ttl } = soa;
  const name = catalogEpochName(mesh.catalogZone);
  return [...records, { name, class: of, ttl, type: "TXT", strings: epochFacts({ number, primary }) }];
}

/** The mesh's catalog zone in master-file format. */
export function renderCatalog(mesh: Mesh): string {
  return printZone(mesh.catalogZone, encodeMeshCatalog(mesh));
}

/** A member zone as the catalog has it. */
interface CatalogEntry {
  readonly id: string;
  readonly group?: string;
}

/** The catalog zone, read member by member. */
export interface Catalog {
  readonly serial: number;
  /** Of which epoch the zone says that it is; the directory has the signature. */
  readonly epoch?: Epoch | "bad";
  readonly members: ReadonlyMap<string, CatalogEntry>;
  readonly badMembers: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Reads a transferred catalog zone (RFC 9432). A broken member node becomes a problem and leaves the others alone.
 *
 * @throws RefusedZone for a zone without SOA, or of another schema version than 2 (RFC 9432 section 4.2.1).
 */
export function decodeCatalog(zone: string, records: readonly ResourceRecord[]): Catalog {
  const serial = serialOf(zone, records);
  const texts = textsByName(records);
  const version = texts.get(`version.${zone}`);
  if (version?.length !== 1 || version[0]?.length !== 1 || version[0][0] !== "2") {
    throw new RefusedZone("malformed", `catalog ${zone} is not of version 2 (RFC 9432)`);
  }
  const members = new Map<string, CatalogEntry>();
  const bad = new Set<string>();
  const problems: string[] = [];
  for (const [id, targets] of memberNodes(zone, records)) {
    const group = texts.get(`group.${id}.zones.${zone}`)?.[0]?.[0];
    for (const name of targets) {
      const problem = memberProblem({ id, name, targets, members });
      if (problem === undefined) members.set(name, { id, ...(group !== undefined && { group }) });
      else {
        problems.push(problem);
        bad.add(name);
      }
    }
  }
  const epoch = readEpoch(factsOf(texts.get(catalogEpochName(zone))?.[0] ?? []));
  return { serial, members, badMembers: [...bad], problems, ...(epoch !== undefined && { epoch }) };
}

/** PTR targets by unique-id: one each in a sound catalog (RFC 9432 section 4.1). */
function memberNodes(zone: string, records: readonly ResourceRecord[]): ReadonlyMap<string, readonly string[]> {
  const end = `.zones.${zone}`;
  const nodes = new Map<string, string[]>();
  for (const record of records) {
    if (record.type !== "PTR" || !record.name.endsWith(end)) continue;
    const id = record.name.slice(0, -end.length);
    const known = nodes.get(id);
    if (known === undefined) nodes.set(id, [record.target]);
    else known.push(record.target);
  }
  return nodes;
}

function memberProblem(member: {
  id: string;
  name: string;
  targets: readonly string[];
  members: ReadonlyMap<string, CatalogEntry>;
}): string | undefined {
  if (zoneNameProblem(member.name) !== undefined)
    return `catalog member ${JSON.stringify(member.name)} is not a name for a zone`;
  if (member.targets.length !== 1) return `catalog member ${member.name} shares the id ${member.id} with another`;
  if (member.members.has(member.name)) return `catalog member ${member.name} stands under two ids`;
  return undefined;
}
