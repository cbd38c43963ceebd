import { join } from "node:path";

import { binDir } from "./cache";
import { ensureKnotResolver, ensureNsd, ensurePowerDns, ensurePrometheus, ensureRestic, ensureUnbound } from "./debian";
import { ensureDefinitions } from "./definitions";
import { ensureGoTool, goTools } from "./go-tools";
import type { Progress } from "./install";
import { ensureKnot } from "./knot";
import { ensurePython } from "./python";
import { ensureSchemas } from "./schemas";

/** What can be asked for: each gives several programs. */
const tools = {
  kubernetes: (progress: Progress) => ensureGoTool(goTools.kubernetes, progress),
  pulumi: (progress: Progress) => ensureGoTool(goTools.pulumi, progress),
  provider: (progress: Progress) => ensureGoTool(goTools.provider, progress),
  vault: (progress: Progress) => ensureGoTool(goTools.vault, progress),
  policies: (progress: Progress) => ensureGoTool(goTools.policies, progress),
  kubeconform: (progress: Progress) => ensureGoTool(goTools.kubeconform, progress),
  "external-dns": (progress: Progress) => ensureGoTool(goTools["external-dns"], progress),
  coredns: (progress: Progress) => ensureGoTool(goTools.coredns, progress),
  pebble: (progress: Progress) => ensureGoTool(goTools.pebble, progress),
  "cert-manager": (progress: Progress) => ensureGoTool(goTools["cert-manager"], progress),
  gitops: (progress: Progress) => ensureGoTool(goTools.gitops, progress),
  versitygw: (progress: Progress) => ensureGoTool(goTools.versitygw, progress),
  knot: ensureKnot,
  nsd: ensureNsd,
  powerdns: ensurePowerDns,
  unbound: ensureUnbound,
  "knot-resolver": ensureKnotResolver,
  prometheus: ensurePrometheus,
  restic: ensureRestic,
  python: (progress: Progress) => ensurePython("python", progress),
  checkers: (progress: Progress) => ensurePython("checkers", progress),
  schemas: ensureSchemas,
  definitions: ensureDefinitions,
} as const;

/** Name of a tool, or of a family of programs. */
export type ToolName = keyof typeof tools;

/**
 * Those that compile, in chains that run beside each other, since linking and large packages leave one of two cores idle. The programs
 * of the first have packages in common, which compile once; the demo needs none of the second.
 */
const chains: readonly (readonly ToolName[])[] = [
  ["kubernetes", "pulumi", "provider", "gitops"],
  ["vault", "policies", "coredns", "kubeconform", "external-dns", "cert-manager", "pebble", "versitygw"],
];

/** What nothing of `npm test` runs, and `npm run test:long` does. */
const forLongTests: readonly ToolName[] = [
  "external-dns",
  "cert-manager",
  "coredns",
  "pebble",
  "kubeconform",
  "checkers",
];

/** Every tool, or those that `npm test` needs. */
export const toolsFor = (tests: "all" | "usual"): readonly ToolName[] =>
  (Object.keys(tools) as ToolName[]).filter((name) => tests === "all" || !forLongTests.includes(name));

/**
 * Sees to it that tools are in the cache: links what is on PATH and fits, builds the rest, which takes minutes the first time and
 * nothing later. Tells what it builds, how long that usually takes and how far it is.
 *
 * @throws UserError that says what is missing on this machine.
 */
export async function ensureTools(names: readonly ToolName[], progress: Progress = () => undefined): Promise<void> {
  const build = async (chain: readonly ToolName[]): Promise<void> => {
    for (const name of chain) if (names.includes(name)) await tools[name](progress);
  };
  const compiled = chains.flat();
  const others = names.filter((name) => !compiled.includes(name)).map((name) => tools[name](progress));
  const results = await Promise.allSettled([...chains.map(build), ...others]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/** Where a program is: `kubectl`, `pulumi`, `knotd`, … `ensureTools` puts it there. */
export function toolPath(program: string): string {
  return join(binDir(), program);
}
