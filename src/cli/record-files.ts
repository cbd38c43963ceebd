import { parseAllDocuments } from "yaml";
import { z } from "zod";

import { UserError } from "../base/errors";
import { fields } from "../base/json";
import { apiVersion, type DnsRecord, kind, recordTypes } from "../records/model";
import { textOf } from "./command";
import { readPlainJson, readPlainYaml } from "./plain-yaml";

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

/** The documents' values. What is written plainly, as kubectl and `mesh` do, takes a tenth of the time. */
function valuesIn(text: string, file: string): readonly unknown[] {
  const json = /^\s*[{[]/.test(text) ? readPlainJson(text) : undefined;
  if (json !== undefined) return [json.value];
  // A directive stands before its document's mark; a document by itself would be read without it.
  if (/^%/m.test(text)) return wholeValues(text, file);
  const values: unknown[] = [];
  for (const document of text.split(/^---\n/m)) {
    const plain = readPlainYaml(document);
    if (plain !== undefined) {
      values.push(plain.value);
      continue;
    }
    const parsed = [...parseAllDocuments(document)];
    // Read once more as a whole, so that lines are counted from the file's first.
    if (parsed.some(({ errors }) => errors.length > 0)) return wholeValues(text, file);
    values.push(...parsed.map((each): unknown => each.toJS()));
  }
  return values;
}

function wholeValues(text: string, file: string): readonly unknown[] {
  return [...parseAllDocuments(text)].map((document): unknown => {
    const [error] = document.errors;
    if (error !== undefined) throw new UserError(`${file}: ${error.message}`, { cause: error });
    return document.toJS();
  });
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
