import { parseAllDocuments } from "yaml";
import { z } from "zod";

import { UserError } from "../base/errors";
import { apiVersion, type DnsRecord, kind, recordTypes } from "../records/model";
import { textOf } from "./command";

/** `kubectl get -o yaml` makes a list of several objects. */
const itemsShape = z.object({ items: z.array(z.unknown()) });

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
  const documents = parseAllDocuments(textOf(file));
  return [...documents].flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new UserError(`${file}: ${error.message}`, { cause: error });
    return recordsIn(document.toJS(), file);
  });
}

function recordsIn(value: unknown, file: string): DnsRecord[] {
  if (value === null || value === undefined) return [];
  const items = itemsShape.safeParse(value);
  if (items.success) return items.data.items.flatMap((item) => recordsIn(item, file));
  const read = recordShape.safeParse(value);
  if (read.success) return [value as DnsRecord];
  const [issue] = read.error.issues;
  throw new UserError(
    `${file}: not a ${kind} of ${apiVersion}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
  );
}
