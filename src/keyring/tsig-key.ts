import * as z from "zod/mini";

import { objectOf, readShape, textWithout, zoneName } from "../base/shape";
import type { TsigKey } from "../dns/tsig-key";

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Octets of the shortest secret that is taken (RFC 8945 section 7). */
const shortestSecret = 16;

/** Fields of a TSIG key. */
export const tsigKeyFields = {
  name: zoneName,
  algorithm: z.enum(["hmac-sha256", "hmac-sha384", "hmac-sha512"], "must be hmac-sha256, hmac-sha384 or hmac-sha512"),
  secret: textWithout((secret) =>
    isSecret(secret) ? undefined : `must be base64 of at least ${shortestSecret} octets (RFC 8945 section 7)`,
  ),
};

const tsigKey = objectOf(tsigKeyFields);

/**
 * Reads a TSIG key from parsed JSON; other fields are left out.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseTsigKey(json: unknown, path: string): TsigKey {
  return readShape(tsigKey, json, path);
}

/** Whether a text can be a key's secret: base64 of enough octets (RFC 8945 section 7). */
export function isSecret(text: string): boolean {
  return base64.test(text) && Buffer.from(text, "base64").length >= shortestSecret;
}
