import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toolPath } from "../../../harness/tools";
import { pythonOf } from "../../../harness/tools/python";
import { CommandError, run } from "../../../harness/tools/run";
import type { Manifest } from "./site-manifests";

/** The version of Kubernetes whose schemas are used: that of the clusters of the harness. */
const version = "1.34.0";

/** What `kubernetes-validate --strict` has against files; empty when all pass. */
export async function kubernetesValidate(files: readonly string[]): Promise<string> {
  const args = ["-m", "kubernetes_validate", "--strict", "--quiet", "-k", version, ...files];
  return run(pythonOf("checkers"), args).then(complaint, failure);
}

function complaint(output: string): string {
  return output.trim();
}

function failure(error: unknown): string {
  if (error instanceof CommandError) return `${error.output.stdout}${error.output.stderr}`.trim() || error.message;
  throw error;
}

/** Schemas that kubeconform can read without a network: those of kubernetes-validate's package, each with what it refers to. */
export async function kubeconformSchemas(folder: string, manifests: readonly Manifest[]): Promise<string> {
  const show = "import kubernetes_validate, os; print(os.path.dirname(kubernetes_validate.__file__))";
  const home = (await run(pythonOf("checkers"), ["-c", show])).trim();
  const source = join(home, "kubernetes-json-schema", `v${version}-local-strict`);
  const definitions = readJson(join(source, "_definitions.json"))["$defs"];
  mkdirSync(folder, { recursive: true });
  for (const name of new Set(manifests.map(schemaName))) {
    // Under its own `$id` it would refer to the package's address instead of to itself.
    const schema = { ...readJson(join(source, `${name}.json`)), $defs: definitions, $id: undefined };
    const text = JSON.stringify(schema).replaceAll("/api/_definitions.json#", "#");
    writeFileSync(join(folder, `${name}.json`), text);
  }
  return join(folder, "{{.ResourceKind}}{{.KindSuffix}}.json");
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
}

function schemaName({ apiVersion, kind }: Manifest): string {
  const [first = "", second] = apiVersion.split("/");
  return [kind.toLowerCase(), ...(second === undefined ? [first] : [first.split(".")[0], second])].join("-");
}

/** What kubeconform has against a folder of manifests, one line each; empty when all are valid. */
export async function kubeconform(folder: string, schemas: string): Promise<string> {
  const args = ["-strict", "-output", "json", "-schema-location", schemas, folder];
  const text = await run(toolPath("kubeconform"), args).catch((error: unknown) => {
    if (error instanceof CommandError) return error.output.stdout;
    throw error;
  });
  const { resources } = JSON.parse(text) as { resources?: { kind: string; name: string; msg: string }[] };
  return (resources ?? []).map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`).join("\n");
}

/** Something that checkov would have otherwise. */
export interface Finding {
  readonly check: string;
  /** Kind and name. */
  readonly object: string;
  readonly title: string;
}

interface CheckovReport {
  readonly results: {
    readonly failed_checks: readonly { check_id: string; check_name: string; resource: string }[];
  };
  readonly summary: { readonly parsing_errors: number; readonly passed: number };
}

/** What checkov finds in a folder of manifests. It is kept from the network. */
export async function checkov(folder: string): Promise<Finding[]> {
  const args = ["-m", "checkov.main", "-d", folder, "--framework", "kubernetes", "--skip-download"];
  const env = { ...process.env, LOG_LEVEL: "ERROR" };
  const options = [...args, "--compact", "--quiet", "--soft-fail", "-o", "json"];
  const report = JSON.parse(await run(pythonOf("checkers"), options, { env })) as CheckovReport;
  const { parsing_errors: unread, passed } = report.summary;
  if (unread > 0 || passed === 0)
    throw new Error(`checkov could not read ${unread} files, and passed ${passed} checks`);
  return report.results.failed_checks.map(({ check_id: check, check_name: title, resource }) => {
    const [kind = "", , name = ""] = resource.split(".");
    return { check, title, object: `${kind} ${name}` };
  });
}
