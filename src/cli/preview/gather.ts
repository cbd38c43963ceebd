import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import { messageOf, UserError } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { fields } from "../../base/json";
import { listedSites } from "../../mesh/waiting";
import { nextEpoch } from "../../preflight/epochs";
import type { FormerOutputs, FoundStack } from "../../preflight/former-outputs";
import { primaryIn } from "../../preflight/published";
import { lostAddresses } from "../../preflight/waiting-sites";
import { signedBefore, unwithdrawn } from "../../preflight/withdrawn";
import { reviewRemovals } from "../../preflight/zone-removal";
import { effectOf } from "../../settings/effects";
import { parseShared, type SharedConfig } from "../../settings/shared-settings";
import type { Engine } from "../stacks/engine";
import { findShared, noStack, stackOf, type StackReader } from "../stacks/reader";
import { asSettings, settingsIn, stackText } from "../stacks/stack-file";
import { type DnsChange, listChanges, ordered } from "./dns-change";
import { formerMesh, hasPublished } from "./former-mesh";
import { centralChanges, peerChanges } from "./spread";
import { irreversibleIn, planStack, restartsIn, type StackPlan } from "./stack-plan";
import { trustChanges } from "./trust-change";

/** What a preview is made of. */
export interface PreviewRequest {
  /** The shared stack's file. */
  readonly file: string;
  /** Its text, where that is to be another one. @default what is in the file */
  readonly text?: string;
  /** What the clusters say of addresses that the list does not have, a sentence each, with its part that is not for strangers. */
  readonly addresses?: readonly { readonly said: string; readonly words: string }[];
  readonly reader: StackReader;
  /** Left out where no engine is to run: the list and the last outputs must do. */
  readonly engine?: Engine;
  /** Stacks to plan. @default all */
  readonly stacks?: readonly string[];
  /** ISO date. */
  readonly today: string;
  /** How many stacks are planned at a time. @default 4 */
  readonly width?: number;
  /** Gets a line for each stack that is planned. */
  progress?(line: string): void;
}

/** What `up` of all stacks would do, as far as it can be seen. */
export interface Preview {
  /** Sites, zones, records, peers and policies, in an order that does not change. */
  readonly changes: readonly DnsChange[];
  /** Resources, the shared stack's first. */
  readonly stacks: readonly StackPlan[];
  /** What `up` would refuse, or the sites would hold back: a sentence each. */
  readonly refused: readonly string[];
  readonly warnings: readonly string[];
  /** Both without the engine's words, for where strangers read. */
  readonly inPublic: Readonly<Record<"refused" | "warnings", readonly string[]>>;
  /** Pods that are replaced, and why. */
  readonly restarts: readonly string[];
  /** What an undo does not bring back. */
  readonly irreversible: readonly string[];
  /** Sites and zones that leave, and resources that are deleted or replaced. */
  readonly removals: number;
  /** Whether all that was to be planned was seen. */
  readonly complete: boolean;
  /** Whether there is a shared stack, whose last outputs the list was compared with. */
  readonly compared: boolean;
}

/**
 * Compares the list with what the stacks said last, and has the engine plan what it can reach. It writes nothing.
 *
 * @throws UserError when the list breaks a rule, or what the shared stack said last cannot be read.
 */
export async function previewMesh(request: PreviewRequest): Promise<Preview> {
  const { file, today, addresses = [] } = request;
  const heard = addresses.map(({ words }) => words);
  const reader = hearing(request.reader, heard);
  const shared = stackOf(file);
  const config = parseShared(asSettings(settingsIn(file, request.text ?? stackText(file))), shared);
  const found = await findShared(reader, shared);
  const former = found.kind === "found" ? found.outputs : undefined;
  const known = formerMesh(former);
  const step = { before: known?.mesh, after: config.mesh };
  const changes = ordered([
    ...listChanges(step),
    ...peerChanges(step),
    ...centralChanges(step),
    ...trustChanges(known?.packets ?? [], config),
  ]);
  const facts = { former, today, find: (stack: string) => reader.find(stack) };
  const removals = await reviewRemovals(config, facts);
  const stacks = await plansOf(request, { config, former, shared });
  const seen = [
    ...lostAddresses(config.mesh, former),
    ...removals.refused,
    ...unwithdrawn(signedBefore(former?.["sites"]), config.mesh),
    ...epochProblem(config, former),
  ];
  const planned = stacks.flatMap((plan) => (plan.kind === "planned" ? [plan] : []));
  const warnings = [
    ...notCompared(found, shared),
    ...removals.warnings,
    ...(await lagging(reader, former)),
    ...addresses.map(({ said }) => said),
  ];
  const covered = (lines: readonly string[]): readonly string[] => lines.map((line) => withoutWords(line, heard));
  return {
    changes,
    stacks,
    refused: [...seen, ...refusedPlans(stacks, seen, ({ reason }) => reason)],
    warnings,
    inPublic: {
      refused: [...covered(seen), ...refusedPlans(stacks, seen, ({ brief, reason }) => brief ?? reason)],
      warnings: covered(warnings),
    },
    restarts: [...listRestarts(changes), ...planned.flatMap(({ stack, steps }) => podRestarts(stack, steps))],
    irreversible: [
      ...changes.flatMap(({ what, action, name, irreversible }) =>
        irreversible === undefined ? [] : [`${action} ${what} ${name}: ${irreversible}`],
      ),
      ...planned.flatMap(({ stack, steps }) => irreversibleIn(steps).map((line) => `${stack}: ${line}`)),
    ],
    removals: countRemovals(changes, planned),
    complete: stacks.every(({ kind }) => kind === "planned"),
    compared: found.kind === "found",
  };
}

function notCompared({ kind }: FoundStack, shared: string): readonly string[] {
  return kind === "found" ? [] : [`${noStack(shared)}: nothing to compare with, and removals are not checked`];
}

/** Plans that are refused, unless in words that were found already. */
function refusedPlans(
  stacks: readonly StackPlan[],
  seen: readonly string[],
  textOf: (plan: Extract<StackPlan, { readonly kind: "refused" }>) => string,
): readonly string[] {
  return stacks.flatMap((plan) => {
    if (plan.kind !== "refused" || plan.reason.split("\n").every((line) => seen.includes(line))) return [];
    return [`${plan.stack}: ${textOf(plan)}`];
  });
}

/** A reader that notes why stacks could not be read. */
function hearing(reader: StackReader, heard: string[]): StackReader {
  return {
    find: (stack) =>
      reader.find(stack).catch((error: unknown) => {
        heard.push(messageOf(error));
        throw error;
      }),
  };
}

function withoutWords(line: string, words: readonly string[]): string {
  return words
    .filter((text) => text !== "")
    .reduce((rest, text) => rest.replaceAll(text, "mesh preview prints why"), line);
}

function epochProblem({ mesh, epoch }: SharedConfig, former: FormerOutputs | undefined): readonly string[] {
  // Nothing is published yet, and no epoch begins.
  if (mesh.sites.length === 0) return [];
  try {
    nextEpoch(mesh, { former, least: epoch });
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** A primary that was not brought up since the shared stack was: what that said last is not published. */
async function lagging(reader: StackReader, former: FormerOutputs | undefined): Promise<readonly string[]> {
  const primary = primaryIn(former?.["sites"]);
  if (primary === undefined) return [];
  try {
    if (hasPublished(await reader.find(primary), former)) return [];
    return [`${primary}, the primary, has yet to publish what the shared stack said last: bring it up too`];
  } catch (error) {
    return [`what ${primary}, the primary, published last cannot be read: ${messageOf(error)}`];
  }
}

interface Known {
  readonly config: SharedConfig;
  readonly former: FormerOutputs | undefined;
  readonly shared: string;
}

async function plansOf(request: PreviewRequest, known: Known): Promise<readonly StackPlan[]> {
  const { config, shared } = known;
  const all = [shared, ...listedSites(config.mesh).map(({ name }) => name)];
  const unknown = request.stacks?.find((stack) => !all.includes(stack));
  if (unknown !== undefined)
    throw new UserError(`${request.file}: there is no site "${unknown}"; there are ${all.slice(1).join(", ")}`);
  const wanted = all.filter((stack) => request.stacks?.includes(stack) ?? true);
  const plans = new Map<string, StackPlan>();
  await inParallel(request.width ?? 4, wanted, async (stack) => {
    const plan = await planOf(stack, request, known);
    plans.set(stack, plan);
    request.progress?.(`${stack}: ${plan.kind === "planned" ? "planned" : plan.reason.split("\n")[0]}`);
  });
  return wanted.flatMap((stack) => plans.get(stack) ?? []);
}

async function planOf(stack: string, { engine, file }: PreviewRequest, { former, shared }: Known): Promise<StackPlan> {
  if (engine === undefined) return { stack, kind: "unseen", reason: "no engine was asked (--offline)" };
  if (stack === shared) return planStack(engine, stack);
  if (!(stack in fields(former?.["sites"])) && !(stack in fields(former?.["waiting"])))
    return { stack, kind: "waits", reason: `new: all of it is made, once ${shared} was brought up with it` };
  if (!existsSync(join(dirname(file), `Pulumi.${stack}.yaml`)))
    return { stack, kind: "unseen", reason: `there is no Pulumi.${stack}.yaml here` };
  return planStack(engine, stack);
}

/** What the settings of the list restart at the ups that carry them. */
function listRestarts(changes: readonly DnsChange[]): readonly string[] {
  const found = changes.flatMap(({ site, setting }) => {
    if (setting === undefined || effectOf(setting).knot !== "restart") return [];
    const where = site === "mesh" ? "every site" : site;
    return [`Knot's pods of ${where}, one by one, by its next up: ${setting}`];
  });
  return [...new Set(found)];
}

function podRestarts(stack: string, steps: Parameters<typeof restartsIn>[0]): readonly string[] {
  return restartsIn(steps).map((name) => `${stack}: pods of ${name}, one by one`);
}

function countRemovals(
  changes: readonly DnsChange[],
  planned: readonly { readonly steps: readonly { readonly op: string }[] }[],
): number {
  const leaving = changes.filter(({ what, action }) => action === "remove" && (what === "site" || what === "zone"));
  const gone = planned.flatMap(({ steps }) => steps.filter(({ op }) => op === "delete" || op === "replace"));
  return leaving.length + gone.length;
}

/** Whether anything would change, of what was seen. */
export function changesAnything({ changes, stacks }: Preview): boolean {
  return (
    changes.length > 0 ||
    stacks.some((plan) => plan.kind === "waits" || (plan.kind === "planned" && plan.steps.length > 0))
  );
}
