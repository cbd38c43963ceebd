import { stringify } from "yaml";

/**
 * Kubernetes objects as YAML documents, every string in quotes.
 *
 * The API server's YAML is a dialect of 1.1 with additions of Go's, in which `no`, `0b11`, `1_000` and `1:30` are no
 * strings. A list of those words would only be as good as our knowledge of that parser.
 */
export function manifestText(objects: readonly object[]): string {
  const options = {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    singleQuote: true,
    ...({ defaultStringType: "QUOTE_SINGLE", defaultKeyType: "PLAIN" } as const),
  };
  return objects.map((object) => `---\n${stringify(object, options)}`).join("");
}
