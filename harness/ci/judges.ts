import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { toolPath } from "../tools";
import { run } from "../tools/run";

/** What a tool makes of an object. */
export interface Verdict {
  readonly status: string;
  readonly message?: string;
}

/** What kstatus says of each object, which kubectl, Flux and others go by. */
export function kstatusOf(objects: readonly object[]): Promise<readonly Verdict[]> {
  return judge("kstatus", [], objects);
}

/** What Argo CD says of each object by a health script. */
export function argoHealthOf(script: string, objects: readonly object[]): Promise<readonly Verdict[]> {
  return withFile("health.lua", script, (file) => judge("argo-health", [file], objects));
}

/** What Flux says of each object by the expressions of a Kustomization. */
export function fluxHealthOf(
  expressions: Readonly<Record<string, string>>,
  objects: readonly object[],
): Promise<readonly Verdict[]> {
  return withFile("expressions.json", JSON.stringify(expressions), (file) => judge("flux-health", [file], objects));
}

async function judge(
  program: string,
  args: readonly string[],
  objects: readonly object[],
): Promise<readonly Verdict[]> {
  return JSON.parse(await run(toolPath(program), args, { input: JSON.stringify(objects) })) as Verdict[];
}

async function withFile<T>(name: string, text: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "dns-mesh-judge-"));
  try {
    const file = join(folder, name);
    writeFileSync(file, text);
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
