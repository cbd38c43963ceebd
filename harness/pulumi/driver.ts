import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import {
  type Deployment,
  type EngineEvent,
  LocalWorkspace,
  type OutputMap,
  type ProjectSettings,
  PulumiCommand,
  type PulumiFn,
  type Stack,
  type StackSettings,
} from "@pulumi/pulumi/automation";

import { messageOf } from "../../src/base/errors";
import { diagnosticsIn } from "../../src/cli/stacks/engine-events";
import { pluginsFolder } from "../plugins/folder";
import { ensureTools, toolPath } from "../tools";
import { cacheDir, keepCompiled } from "../tools/cache";

/** How many resources an operation did what to: `{ same: 12, update: 1 }`. Kinds that did not occur are left out. */
export type Changes = Partial<Record<string, number>>;

/** What an operation of the engine did. */
export interface OperationResult {
  readonly changes: Changes;
  /** Everything that the engine told, in its order. */
  readonly events: readonly EngineEvent[];
  readonly stdout: string;
}

/** What to drive, and where. */
export interface DriverOptions {
  /** Pulumi's state and the stacks' settings are kept there, and nowhere else. */
  readonly workDir: string;
  /** The program: what `program.ts` exports. */
  readonly program: () => Promise<Record<string, unknown>>;
  /** @default "dns-mesh" */
  readonly projectName?: string;
  /** Settings of stacks, as with `setConfig`. */
  readonly stacks?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /**
   * When the engine writes its state: at each step, as for a user, or once, when it is done or has failed, which halves its CPU.
   * Nothing is left of an engine that is killed then.
   *
   * @default "each step"
   */
  readonly writes?: "each step" | "at the end";
  /** Environment of the engine and of the plugins, on top of this process's. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Stacks of one project on the real Pulumi engine. Operations throw an Error whose message is what a user would read. */
export interface MeshDriver {
  /** Settings of a stack as they would stand in `Pulumi.STACK.yaml`: structured values stay structured. Replaces earlier ones. */
  setConfig(stack: string, values: Readonly<Record<string, unknown>>): Promise<void>;
  up(stack: string, options?: UpOptions): Promise<OperationResult>;
  preview(stack: string, options?: UpOptions): Promise<OperationResult>;
  refresh(stack: string): Promise<OperationResult>;
  destroy(stack: string): Promise<OperationResult>;
  /** Gives up what an engine that died had begun: `pulumi cancel`. */
  cancel(stack: string): Promise<void>;
  /** Outputs with their values in the clear; `secret` tells which are secret. Empty for a stack that was never brought up. */
  outputs(stack: string): Promise<OutputMap>;
  exportState(stack: string): Promise<Deployment>;
}

/** Settings of one `up` or `preview`. */
export interface UpOptions {
  /** Reads what is really there first. @default false */
  readonly refresh?: boolean;
  /** Folders of policy packs that judge it. */
  readonly policyPacks?: readonly string[];
  /** Their configurations, JSON files in the same order. */
  readonly policyConfigs?: readonly string[];
  /** Goes on with everything that does not depend on what failed; of an `up` alone. @default false */
  readonly continueOnError?: boolean;
  /** Ends the engine as Ctrl-C would; of an `up` alone. */
  readonly signal?: AbortSignal;
  /** Sees what the engine tells as it tells it; of an `up` alone. */
  readonly onEvent?: (event: EngineEvent) => void;
}

/** PATH for engine and plugins, which are built when they are missing. With `DNS_MESH_PLUGINS=real` the installed plugins serve. */
export async function enginePath(): Promise<string> {
  await ensureTools(usesRealPlugins() ? ["pulumi"] : ["pulumi", "provider"]);
  const plugins = usesRealPlugins() ? [] : [await pluginsFolder(), dirname(toolPath("pulumi-resource-kubernetes"))];
  return [...plugins, dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
}

function usesRealPlugins(): boolean {
  return process.env["DNS_MESH_PLUGINS"] === "real";
}

/**
 * Keeps an engine from the log that it writes of every operation, with all that resources have: nine megabytes for a site without a
 * change, for which it takes a third of its CPU. There is no setting for it; it goes on without where it cannot make the folder.
 *
 * @param home - Pulumi's, of this test alone.
 */
export function withoutEngineLogs(home: string): void {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "logs"), "In the place of a folder, so that the engine writes no logs.\n");
}

/** The environment in which engine and plugins run, also for `pulumi` itself in the driver's folder. */
export async function driverEnvironment(
  options: Pick<DriverOptions, "workDir" | "env" | "writes">,
): Promise<Record<string, string>> {
  const real = usesRealPlugins();
  const home = join(options.workDir, "home");
  if (!real) withoutEngineLogs(home);
  return {
    PATH: await enginePath(),
    ...keepCompiled(),
    PULUMI_BACKEND_URL: `file://${join(options.workDir, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: process.env["PULUMI_CONFIG_PASSPHRASE"] ?? "a passphrase for tests",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: real ? "false" : "true",
    ...(!real && { PULUMI_HOME: home }),
    ...(options.writes === "at the end" && { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" }),
    ...options.env,
  };
}

/**
 * In the place of what the SDK asks the engine after each operation, and nobody here reads: the outputs, shown and hidden, and the
 * history. Each starts the engine once more, which takes as long as a small operation.
 */
const withoutReport = {
  outputs: () => Promise.resolve({}),
  info: () => Promise.resolve(undefined),
} satisfies Partial<Stack>;

class AutomationDriver implements MeshDriver {
  readonly #stacks = new Map<string, Promise<Stack>>();
  readonly #project: ProjectSettings;
  #workspace: Promise<LocalWorkspace> | undefined;

  constructor(private readonly options: DriverOptions) {
    this.#project = { name: options.projectName ?? "dns-mesh", runtime: "nodejs" };
  }

  async setConfig(stack: string, values: Readonly<Record<string, unknown>>): Promise<void> {
    const { workspace } = await this.#stack(stack);
    const before = await workspace.stackSettings(stack).catch((): StackSettings => ({}));
    await workspace.saveStackSettings(stack, {
      ...before,
      config: { ...values },
    });
  }

  async up(stack: string, options: UpOptions = {}): Promise<OperationResult> {
    const selected = await this.#stack(stack);
    const { refresh = false, continueOnError = false, signal, onEvent } = options;
    const policies = policiesIn(options);
    return this.#run(
      (hooks) => selected.up({ ...hooks, ...policies, refresh, continueOnError, ...(signal && { signal }) }),
      onEvent,
    );
  }

  async preview(stack: string, options: UpOptions = {}): Promise<OperationResult> {
    const selected = await this.#stack(stack);
    const policies = policiesIn(options);
    return this.#run((hooks) => selected.preview({ ...hooks, ...policies, refresh: options.refresh ?? false }));
  }

  async refresh(stack: string): Promise<OperationResult> {
    const selected = await this.#stack(stack);
    return this.#run((hooks) => selected.refresh(hooks));
  }

  async destroy(stack: string): Promise<OperationResult> {
    const selected = await this.#stack(stack);
    return this.#run((hooks) => selected.destroy(hooks));
  }

  async cancel(stack: string): Promise<void> {
    await (await this.#stack(stack)).cancel();
  }

  async outputs(stack: string): Promise<OutputMap> {
    const { workspace } = await this.#stack(stack);
    return workspace.stackOutputs(stack);
  }

  async exportState(stack: string): Promise<Deployment> {
    return (await this.#stack(stack)).exportStack();
  }

  async #run(
    operation: (hooks: { color: "never"; onEvent: (event: EngineEvent) => void }) => Promise<{ stdout: string }>,
    watch?: (event: EngineEvent) => void,
  ): Promise<OperationResult> {
    const events: EngineEvent[] = [];
    try {
      const onEvent = (event: EngineEvent): void => {
        events.push(event);
        watch?.(event);
      };
      const { stdout } = await operation({ color: "never", onEvent });
      return { changes: changesIn(events), events, stdout };
    } catch (error) {
      throw readableFailure(error, events);
    }
  }

  async #stack(name: string): Promise<Stack> {
    let stack = this.#stacks.get(name);
    if (!stack) {
      stack = this.#open(name);
      this.#stacks.set(name, stack);
      stack.catch(() => this.#stacks.delete(name));
    }
    return stack;
  }

  async #open(name: string): Promise<Stack> {
    this.#workspace ??= this.#createWorkspace();
    const workspace = await this.#workspace;
    const { Stack: AutomationStack } = await import("@pulumi/pulumi/automation");
    const stack = await (this.#has(name)
      ? AutomationStack.select(name, workspace)
      : AutomationStack.create(name, workspace));
    Object.assign(stack, withoutReport);
    const config = this.options.stacks?.[name];
    if (config)
      await workspace.saveStackSettings(name, {
        ...(await workspace.stackSettings(name)),
        config: { ...config },
      });
    return stack;
  }

  /** Whether there is such a stack. The SDK would start the engine to ask. */
  #has(stack: string): boolean {
    const { workDir } = this.options;
    return existsSync(join(workDir, "state", ".pulumi", "stacks", this.#project.name, `${stack}.json`));
  }

  async #createWorkspace(): Promise<LocalWorkspace> {
    mkdirSync(join(this.options.workDir, "state"), { recursive: true });
    return LocalWorkspace.create({
      workDir: this.options.workDir,
      projectSettings: this.#project,
      program: this.options.program as PulumiFn,
      envVars: await driverEnvironment(this.options),
      pulumiCommand: await PulumiCommand.get({ root: cacheDir() }),
    });
  }
}

function policiesIn({ policyPacks, policyConfigs }: UpOptions) {
  return {
    ...(policyPacks && { policyPacks: [...policyPacks] }),
    ...(policyConfigs && { policyPackConfigs: [...policyConfigs] }),
  };
}

function changesIn(events: readonly EngineEvent[]): Changes {
  const summary = events.findLast((event) => event.summaryEvent)?.summaryEvent?.resourceChanges ?? {};
  return Object.fromEntries(Object.entries(summary).filter(([, count]) => count > 0));
}

/**
 * Drives the real Pulumi engine with an inline program: its state in a folder, no service, no language host. The engine is the one in
 * the cache of tools.
 *
 * @example
 * const driver = createDriver({ workDir, program });
 * await driver.setConfig("shared", { "dns-mesh:mesh": { sites: [] } });
 * expect((await driver.up("shared")).changes).to.deep.equal({ create: 7 });
 */
export function createDriver(options: DriverOptions): MeshDriver {
  return new AutomationDriver(options);
}

/** What a user reads when an operation failed: the errors that the engine told, with the warnings about the same resources, else whatever the command printed. */
function readableFailure(error: unknown, events: readonly EngineEvent[]): Error {
  const diagnostics = diagnosticsIn(events);
  return new Error(diagnostics.length > 0 ? diagnostics.join("\n") : messageOf(error));
}
