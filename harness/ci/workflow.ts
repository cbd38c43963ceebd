import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { CommandError, run } from "../tools/run";

/** A step of a GitHub workflow, as far as it runs something. */
interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A job of a GitHub workflow. */
export interface Job {
  readonly needs?: string | readonly string[];
  readonly environment?: string;
  readonly if?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly "fail-fast"?: boolean; readonly "max-parallel"?: number };
  readonly steps: readonly Step[];
}

/** A workflow of GitHub Actions. */
export interface Workflow {
  readonly env?: Readonly<Record<string, string>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** Reads a workflow's file. */
export function readWorkflow(file: string): Workflow {
  return parse(readFileSync(file, "utf8")) as Workflow;
}

/** Where jobs run, and what the hosting service would put into their expressions. */
export interface JobOptions {
  readonly workflow: Workflow;
  readonly folder: string;
  /** Where the runner keeps its own files. */
  readonly temp: string;
  readonly env: NodeJS.ProcessEnv;
  /** By expression: `vars.PULUMI_BACKEND_URL`, `github.token`, … One that is missing is an error. */
  readonly expressions: Readonly<Record<string, string>>;
  /** Commands that are left out, with what they would do: they need the hosting service, or a registry. */
  readonly leftOut: readonly string[];
}

/** How a job ended. */
export interface JobResult {
  /** The step that failed, by its name or command; undefined when all went well. */
  readonly failed?: string;
  readonly printed: string;
  /** What its steps wrote to `GITHUB_OUTPUT`, as `steps.ID.outputs.NAME`. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

/** Runs what a job's steps run, as GitHub's runner does: each by itself, in `bash -e`, up to the first that fails. Actions (`uses`) are left out. */
export async function runJob(name: string, options: JobOptions): Promise<JobResult> {
  try {
    return await runSteps(name, options);
  } finally {
    // A runner empties it after each job: no later one finds what this one was given.
    rmSync(options.temp, { recursive: true, force: true });
  }
}

async function runSteps(name: string, options: JobOptions): Promise<JobResult> {
  const { workflow, folder, temp } = options;
  const job = workflow.jobs[name];
  if (job === undefined) throw new Error(`there is no job ${name}`);
  const files = { output: "GITHUB_OUTPUT", env: "GITHUB_ENV", summary: "GITHUB_STEP_SUMMARY" } as const;
  mkdirSync(temp, { recursive: true });
  const path = (file: keyof typeof files): string => join(temp, file);
  for (const file of Object.keys(files)) writeFileSync(path(file as keyof typeof files), "");
  const given = Object.fromEntries(Object.entries(files).map(([file, variable]) => [variable, path(file as "env")]));
  const outputs: Record<string, string> = {};
  let printed = "";
  for (const step of job.steps) {
    if (step.run === undefined || options.leftOut.includes(step.run.trim())) continue;
    const known = { ...options.expressions, ...outputs };
    const own = { ...filled(workflow.env, known), ...pairsIn(path("env")), ...filled(step.env, known) };
    const env = { ...options.env, RUNNER_TEMP: temp, ...given, ...own };
    const before = Object.keys(pairsIn(path("output"))).length;
    try {
      printed += await run("bash", ["--noprofile", "--norc", "-e", "-c", step.run], {
        cwd: folder,
        env,
        timeoutMs: 600_000,
      });
    } catch (error) {
      const said = error instanceof CommandError ? `${error.output.stdout}${error.output.stderr}` : String(error);
      return {
        failed: step.name ?? step.run.trim(),
        printed: printed + said,
        outputs,
        summary: readFileSync(path("summary"), "utf8"),
      };
    }
    const written = Object.entries(pairsIn(path("output"))).slice(before);
    for (const [key, value] of written) outputs[`steps.${step.id ?? "?"}.outputs.${key}`] = value;
  }
  return { printed, outputs, summary: readFileSync(path("summary"), "utf8") };
}

/** Values with their expressions replaced. @throws Error for one that is not known. */
function filled(
  env: Readonly<Record<string, string>> | undefined,
  known: Readonly<Record<string, string>>,
): Record<string, string> {
  const fill = (text: string): string =>
    text.replaceAll(/\$\{\{\s*(.+?)\s*\}\}/g, (_all, expression: string) => {
      const value = known[expression];
      if (value === undefined) throw new Error(`what is ${expression}?`);
      return value;
    });
  return Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, fill(value)]));
}

/** Lines `name=value`, as steps write them for later ones. */
function pairsIn(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
