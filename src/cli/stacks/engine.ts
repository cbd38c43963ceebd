import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import type { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation";

import { messageOf, UserError } from "../../base/errors";
import { diagnosticsIn, type ResourceStep, stepsIn, warningsIn } from "./engine-events";
import { type Ended, errorsIn, runPulumi } from "./pulumi-process";

/** What an operation did, or would do. */
export interface EngineResult {
  readonly steps: readonly ResourceStep[];
  readonly warnings: readonly string[];
}

/** Settings of an `up`. */
export interface UpHooks {
  /** Has the engine stop as Ctrl-C does: what is under way ends, and nothing new begins. */
  readonly signal?: AbortSignal;
  /** Gets each resource when its change begins. */
  readonly onStep?: (step: ResourceStep) => void;
}

/** Operations on stacks of one project. A failure is a UserError with what the engine said. */
export interface Engine {
  preview(stack: string): Promise<EngineResult>;
  /** Brings a stack up; one that is not there is made. With policy packs it is previewed first, and left alone when they refuse that. */
  up(stack: string, hooks?: UpHooks): Promise<EngineResult>;
}

type Hooks = { readonly color: "never"; readonly onEvent: (event: EngineEvent) => void };

/** How an engine looks at stacks, and judges what it is to do. */
export interface EngineOptions {
  /** Looks at what is really there first, and not only at what the state says. @default false */
  readonly refresh?: boolean | undefined;
  /** Folders of policy packs, relative to the working directory. What one of them has as mandatory fails an operation. */
  readonly policyPacks?: readonly string[] | undefined;
  /** Their configurations, JSON files in the same order. */
  readonly policyConfigs?: readonly string[] | undefined;
}

/** The engine of Pulumi's Automation API, over the very program that `pulumi up` runs in the project's folder. */
export async function openEngine(folder: string, options: EngineOptions = {}): Promise<Engine> {
  await import("../../../components/late-modules");
  const { LocalWorkspace: Workspace, Stack: AutomationStack } = await import("@pulumi/pulumi/automation");
  const settings = { workDir: folder, pulumiCommand: await ownCommand(), envVars: keepCompiled(folder, process.env) };
  const workspace = await Workspace.create(settings);
  withoutSelecting(workspace);
  const policies = policiesIn(options);
  // The state has the path of the kubeconfig by which a stack was brought up last, maybe on another machine: what is there
  // is read as the program says now.
  const looks = options.refresh === true ? { refresh: true, runProgram: true } : { refresh: false };
  const common = { ...policies, ...looks };
  return {
    preview: async (name) => {
      const stack = await AutomationStack.select(name, workspace);
      return run((hooks) => quietly(stack).preview({ ...hooks, ...common }));
    },
    up: async (name, { signal, onStep } = {}) => {
      await ensureStack(folder, name, signal);
      const stack = quietly(await AutomationStack.select(name, workspace));
      const settings = { ...common, ...(signal && { signal }) };
      // The SDK's `up` plans nothing first, and the engine judges a stack as a whole only when all of it was changed.
      if (policies.policyPacks !== undefined) await run((hooks) => stack.preview({ ...hooks, ...settings }));
      return run((hooks) => stack.up({ ...hooks, ...settings }), onStep);
    },
  };
}

/** Has the engine's Node.js programs keep what they compiled beside the packages that it is of: loading Pulumi's takes half the CPU. */
function keepCompiled(folder: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const own = join(folder, "node_modules", ".cache", "dns-mesh", "compiled");
  return { NODE_COMPILE_CACHE: env["NODE_COMPILE_CACHE"] ?? own };
}

/** @throws UserError for more configurations than packs, and for files that are not there: a pack without its settings judges by others. */
function policiesIn({ policyPacks = [], policyConfigs = [] }: EngineOptions): {
  readonly policyPacks?: string[];
  readonly policyPackConfigs?: string[];
} {
  if (policyConfigs.length > policyPacks.length)
    throw new UserError("--policy-pack-config goes with a --policy-pack each, in the same order");
  for (const pack of policyPacks)
    if (!existsSync(join(pack, "PulumiPolicy.yaml")))
      throw new UserError(`--policy-pack "${pack}": there is no PulumiPolicy.yaml`);
  for (const file of policyConfigs)
    if (!existsSync(file)) throw new UserError(`--policy-pack-config "${file}": there is no such file`);
  return {
    ...(policyPacks.length > 0 && { policyPacks: policyPacks.map((pack) => resolve(pack)) }),
    ...(policyConfigs.length > 0 && { policyPackConfigs: policyConfigs.map((file) => resolve(file)) }),
  };
}

/**
 * Selecting a stack writes into Pulumi's home which one is selected, for whoever works there by hand; every command here
 * names its stack.
 */
function withoutSelecting(workspace: LocalWorkspace): void {
  Object.assign(workspace, { selectStack: () => Promise.resolve() });
}

/**
 * In the place of what the SDK asks the engine after each operation, and nobody here reads: outputs and history. Each
 * starts the engine once more.
 */
function quietly(stack: Stack): Stack {
  return Object.assign(stack, { outputs: () => Promise.resolve({}), info: () => Promise.resolve(undefined) });
}

async function ensureStack(cwd: string, name: string, signal: AbortSignal | undefined): Promise<void> {
  const { code, stderr } = await runPulumi(["stack", "init", name, "--no-select"], { cwd, signal });
  if (code !== 0 && !/already exists/.test(stderr)) throw new UserError(errorsIn(stderr));
}

async function run(
  operation: (hooks: Hooks) => Promise<unknown>,
  onStep?: (step: ResourceStep) => void,
): Promise<EngineResult> {
  const events: EngineEvent[] = [];
  const onEvent = (event: EngineEvent): void => {
    events.push(event);
    for (const step of stepsIn([event])) onStep?.(step);
  };
  try {
    await operation({ color: "never", onEvent });
  } catch (error) {
    const said = diagnosticsIn(events);
    throw new UserError(said.length > 0 ? said.join("\n") : errorsIn(messageOf(error)), { cause: error });
  }
  return { steps: stepsIn(events), warnings: warningsIn(events) };
}

/** The SDK's command with a way to run it of our own. */
async function ownCommand() {
  const { PulumiCommand } = await import("@pulumi/pulumi/automation");
  const command = await PulumiCommand.get().catch((error: unknown) => {
    throw new UserError(`the Pulumi CLI cannot be used: ${messageOf(error)}; install 3.259 or newer`, { cause: error });
  });
  return Object.assign(command, { run: runForSdk });
}

type Printer = ((text: string) => void) | undefined;

/** As the SDK calls its own, which it does with that many arguments. */
// eslint-disable-next-line max-params -- the SDK's signature
async function runForSdk(
  args: readonly string[],
  cwd: string,
  extra: Readonly<Record<string, string>>,
  onOutput?: Printer,
  onError?: Printer,
  signal?: AbortSignal,
): Promise<Ended> {
  const env = { ...extra, PULUMI_AUTOMATION_API: "true" };
  const ended = await runPulumi(args, { cwd, env, signal, ...(onOutput && { onOutput }), ...(onError && { onError }) });
  if (ended.code === 0) return ended;
  throw new Error(`code: ${ended.code}\n stdout: ${ended.stdout}\n stderr: ${ended.stderr}`);
}
