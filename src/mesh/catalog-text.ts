import { memberId } from "./member-id";

/** One zone of a catalog and the group that it belongs to (RFC 9432 section 4.3.2). */
export interface CatalogMember {
  readonly name: string;
  readonly group: string;
}

/** A catalog zone of schema version 2 (RFC 9432) in master-file format, sorted by member. `apex` brings origin and SOA. */
export function renderCatalogZone(o: {
  readonly apex: readonly string[];
  readonly members: readonly CatalogMember[];
}): string {
  const members = [...o.members].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const lines = [
    ...o.apex,
    "@ NS invalid.",
    'version TXT "2"',
    ...members.flatMap(({ name, group }) => {
      const id = memberId(name);
      return [`${id}.zones PTR ${name}.`, `group.${id}.zones TXT "${group}"`];
    }),
  ];
  return `${lines.join("\n")}\n`;
}
