import { z } from "zod";

import { zoneNameProblem } from "../base/names";
import { isSecret } from "../keyring/tsig-key";
import { secretShape, zoneNameShape } from "./shapes";

/** Names that the mesh gives its own keys. */
const ownKeyNames = /^(local|records|mesh-\d+)$/;

/** A key of somebody outside the mesh. */
export const keySchema = z.strictObject({
  name: z
    .string()
    .refine((name) => zoneNameProblem(name) === undefined, "must be a name in lower case, such as bind.example")
    .refine((name) => !ownKeyNames.test(name), "is a name that the mesh gives its own keys; choose another")
    .meta({ ...zoneNameShape, not: { pattern: ownKeyNames.source } })
    .describe('Of the key, as the other side has it. Example: "bind".'),
  algorithm: z
    .enum(["hmac-sha256", "hmac-sha384", "hmac-sha512"], "must be hmac-sha256, hmac-sha384 or hmac-sha512")
    .describe('Example: "hmac-sha256".'),
  secret: z
    .string()
    .refine((text) => isSecret(text), "must be base64 of at least 16 octets; make one with tsig-keygen or keymgr -t")
    .meta(secretShape)
    .describe("Base64 of at least 16 octets. Example: made by `keymgr -t bind` or `tsig-keygen bind`."),
});

/** Two keys of one name cannot be told apart. */
export function uniqueNames(keys: readonly { readonly name: string }[], ctx: z.RefinementCtx): void {
  const names = keys.map(({ name }) => name);
  if (new Set(names).size < names.length) ctx.addIssue("has two keys of the same name; give each its own");
}
