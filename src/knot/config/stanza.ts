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
