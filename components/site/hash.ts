import { createHash } from "node:crypto";

/** A short name for a content: equal contents, equal names. Not a secret's: it can be guessed from for short contents. */
export function contentHash(...contents: readonly string[]): string {
  const hash = createHash("sha256");
  for (const content of contents) hash.update(`${Buffer.byteLength(content)}:`).update(content);
  return hash.digest("hex").slice(0, 32);
}
