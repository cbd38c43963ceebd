/** What a field may hold; a list is written in brackets. */
type Value = string | number | boolean | readonly string[];
/** One item of a section by field. */
export type Stanza = Readonly<Record<string, Value>>;

/** A section of Knot's configuration; nothing when it has no items. The first field of an item must be its id. */
export function section(name: string, items: readonly Stanza[]): string {
  if (items.length === 0) return "";
  return `${name}:\n${items.map(renderStanza).join("")}\n`;
}

function renderStanza(stanza: Stanza): string {
  const { id, domain, ...rest } = stanza;
  const head = id === undefined ? { domain } : { id };
  const fields = Object.entries({ ...head, ...rest });
  return fields.map(([key, value], i) => `${i === 0 ? "  - " : "    "}${key}: ${renderValue(value)}\n`).join("");
}

function renderValue(value: Value | undefined): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "object") return `[${value.join(", ")}]`;
  return String(value);
}

/** Octets of one list; Knot takes 65,535, three more for each item included. */
const longestList = 60_000;

/** Parts of a list that each fit into one of Knot's; none for an empty list. */
export function splitList(items: readonly string[]): readonly (readonly string[])[] {
  const lists: string[][] = [];
  let room = 0;
  for (const item of items) {
    room -= item.length + 3;
    if (room < 0) {
      lists.push([]);
      room = longestList;
    }
    lists.at(-1)?.push(item);
  }
  return lists;
}
