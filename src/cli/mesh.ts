import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

import { parseAllDocuments } from "yaml";
import { z } from "zod";

import { messageOf, UserError } from "../base/errors";
import { writeAtomically } from "../base/files";
import { DnsClient } from "../dns/client/dns-client";
import { KubeError } from "../kube/answer";
import { clusterClient } from "../kube/cluster-client";
import { exportZone, importZone } from "../records/convert";
import { recordDefinition, recordRoles } from "../records/crd";
import { apiVersion, type DnsRecord, kind, recordTypes } from "../records/model";
import { readZoneFile } from "../records/zone-file";
import { manifestText } from "./manifest-text";
import { promote } from "./promote";
import { placeOf, restoreSite, timeOf } from "./restore";

const usage = `npm run --silent mesh -- import ZONEFILE [--zone NAME]    a zone file as DnsRecords
npm run --silent mesh -- export [FILE…] [--zone NAME]    DnsRecords (YAML or JSON) as a zone file
npm run --silent mesh -- crd                             the definition of DnsRecord and its roles
npm run --silent mesh -- restore --site NAME [--at TIME] a site's zones and keys from its backup
npm run --silent mesh -- promote SITE [--file FILE]      another primary catalog, in the one list (Pulumi.shared.yaml)

restore finds the cluster by Pulumi.NAME.yaml, or by --context, --namespace and --kubeconfig.
promote asks the sites first, unless --unasked, and edits two roles in the list.
All others print to the standard output, and tell on the standard error what they leave out. "-" and no FILE read the standard input:

  kubectl get dnsrecords -o yaml | npm run --silent mesh -- export`;

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

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const place = { site: text, at: text, context: text, namespace: text, kubeconfig: text };
  const options = { ...place, zone: text, file: text, unasked: flag, help: flag } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UserError(`${messageOf(error)}\n${usage}`, { cause: error });
  }
}

/** The text of a file. Zone files with other octets than UTF-8 would silently mean something else. */
function textOf(file: string): string {
  let octets: Uint8Array;
  try {
    octets = readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch (error) {
    throw new UserError(`${file} is not in UTF-8; write other octets as \\DDD`, { cause: error });
  }
}

/** Puts the file's name before what is wrong in it. */
function within<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message.replace(/^/gm, `${file}: `), { cause: error });
  }
}

function importFile(file: string, zone: string | undefined): string {
  const text = textOf(file);
  const { objects, leftOut } = within(file, () => importZone(readZoneFile(text, zone)));
  for (const { line, why } of leftOut) console.error(`${file}: line ${line}: left out: ${why}`);
  return manifestText(objects);
}

function exportFiles(files: readonly string[], zone: string | undefined): string {
  const { text, problems } = exportZone(files.flatMap(objectsIn), zone);
  for (const problem of problems) console.error(`left out: ${problem}`);
  return text;
}

function objectsIn(file: string): DnsRecord[] {
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

async function restore(values: ReturnType<typeof parse>["values"]): Promise<void> {
  const { site, at, context, namespace, kubeconfig } = values;
  if (site === undefined) throw new UserError("the site is missing: --site NAME");
  const time = at === undefined ? {} : { at: timeOf(at, Date.now()) };
  const place = placeOf(site, {
    ...(context !== undefined && { context }),
    ...(namespace !== undefined && { namespace }),
    ...(kubeconfig !== undefined && { kubeconfig }),
  });
  await restoreSite({
    kube: await clusterClient(place),
    request: { site, namespace: place.namespace, ...time },
    now: Date.now,
    pause: (ms) => delay(ms),
    print: console.log,
  });
}

async function promoteIn(file: string, site: string, isUnasked: boolean): Promise<void> {
  const dns = isUnasked ? {} : { dns: new DnsClient({ timeoutMs: 1500 }) };
  const promotion = await promote({ file, text: textOf(file), site, ...dns });
  if (promotion !== undefined) await writeAtomically(file, promotion.text, statSync(file).mode & 0o777);
  for (const line of promotion?.lines ?? [`${file}: ${site} is the primary-catalog already`]) console.log(line);
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [command, ...files] = positionals;
  if (values.help === true || command === undefined) {
    console.log(usage);
  } else if (command === "import" && files.length <= 1) {
    process.stdout.write(importFile(files[0] ?? "-", values.zone));
  } else if (command === "crd" && files.length === 0) {
    process.stdout.write(manifestText([recordDefinition(), ...recordRoles()]));
  } else if (command === "restore" && files.length === 0) {
    await restore(values);
  } else if (command === "promote" && files.length === 1) {
    await promoteIn(values.file ?? "Pulumi.shared.yaml", files[0] ?? "", values.unasked === true);
  } else if (command === "export") {
    process.stdout.write(exportFiles(files.length === 0 ? ["-"] : files, values.zone));
  } else {
    throw new UserError(`there is no "${positionals.join(" ")}"\n${usage}`);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof UserError || error instanceof KubeError ? error.message : error);
  process.exitCode = 1;
});
