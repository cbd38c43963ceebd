import { UserError } from "../base/errors";
import { object, text, zoneName } from "../base/json-fields";
import type { TsigKey } from "../dns/tsig-key";

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Octets of the shortest secret that is taken (RFC 8945 section 7). */
const shortestSecret = 16;

/**
 * Reads a TSIG key from parsed JSON; other fields are left out.
 *
 * @throws UserError that names the field and never shows a secret.
 */
export function parseTsigKey(json: unknown, path: string): TsigKey {
  const key = object(json, path);
  const algorithm = key["algorithm"];
  if (algorithm !== "hmac-sha256" && algorithm !== "hmac-sha384" && algorithm !== "hmac-sha512") {
    throw new UserError(`${path}.algorithm must be hmac-sha256, hmac-sha384 or hmac-sha512`);
  }
  const secret = text(key["secret"], `${path}.secret`);
  if (!isSecret(secret)) {
    throw new UserError(`${path}.secret must be base64 of at least ${shortestSecret} octets (RFC 8945 section 7)`);
  }
  return { name: zoneName(key["name"], `${path}.name`), algorithm, secret };
}

/** Whether a text can be a key's secret: base64 of enough octets (RFC 8945 section 7). */
export function isSecret(text: string): boolean {
  return base64.test(text) && Buffer.from(text, "base64").length >= shortestSecret;
}
