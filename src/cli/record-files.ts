import { CORE_SCHEMA, loadAll, YAMLException } from "js-yaml";
import { z } from "zod";

import { UserError } from "../base/errors";
import { fields } from "../base/json";
import { apiVersion, type DnsRecord, kind, recordTypes } from "../records/model";
import { textOf } from "./command";

/** What the API server would have asked for, since an object may never have been there. */
const recordShape = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
  spec: z.object({
    zone: z.string(),
    name: z.string(),
    type: z.enum(recordTypes),
    ttl: z.number().optional(),
    value: z.string().optional(),
    values: z.array(z.string()).optional(),
  }),
});

/** The DnsRecords in a file of YAML documents, or of JSON. @throws UserError for anything else in it. */
export function objectsIn(file: string): DnsRecord[] {
  return valuesIn(textOf(file), file).flatMap((value) => recordsIn(value, file));
}

/** The documents' values. This parser takes a tenth of the time of the one that keeps comments. */
function valuesIn(text: string, file: string): readonly unknown[] {
  try {
    return loadAll(text, undefined, { schema: CORE_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { line, column } = error.mark;
    throw new UserError(`${file}:${line + 1}:${column + 1}: ${error.reason}`, { cause: error });
  }
}

function recordsIn(value: unknown, file: string): DnsRecord[] {
  if (value === null || value === undefined) return [];
  // `kubectl get -o yaml` makes a list of several objects.
  const { items } = fields(value);
  if (Array.isArray(items)) return items.flatMap((item) => recordsIn(item, file));
  const read = recordShape.safeParse(value);
  if (read.success) return [value as DnsRecord];
  const [issue] = read.error.issues;
  throw new UserError(
    `${file}: not a ${kind} of ${apiVersion}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
  );
}
