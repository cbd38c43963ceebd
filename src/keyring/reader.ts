import * as z from "zod/mini";

import { listOf, objectOf, plainText, readShape, type Shape, zoneName } from "../base/shape";
import { tsigKeyFields } from "./tsig-key";

const reader = objectOf({
  ...tsigKeyFields,
  /** Own zones of the site; every zone that it serves when left out. */
  zones: z.optional(listOf(zoneName)),
  /** Where the server is told of changes: addresses, with a port as in `192.0.2.53@5353` unless that is 53. */
  notify: z.optional(listOf(plainText)),
  /** Networks from which it takes zones over TLS, and over nothing else then; over whatever it speaks when left out. */
  tls: z.optional(listOf(plainText)),
});
const readers = listOf(reader);

/** A server outside the mesh that may take zones from a site, by a key of its own, and may be told when they change. */
export type Reader = Shape<typeof reader>;

/**
 * Reads readers from parsed JSON; other fields are left out.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseReaders(json: unknown): readonly Reader[] {
  return readShape(readers, json, "readers");
}
