import { type ChildProcess, spawn } from "node:child_process";

import { UserError } from "../../base/errors";
import { exitCodes } from "../exit-codes";

const { interrupted } = exitCodes;

/** How a run of the Pulumi CLI ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and how it runs. */
export interface PulumiRun {
  readonly cwd: string;
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly onOutput?: (text: string) => void;
  readonly onError?: (text: string) => void;
}

/**
 * Runs the `pulumi` on PATH, in a process group by itself. A terminal's Ctrl-C reaches every process of the foreground
 * group, and the engine takes a second one, which is ours, for "at once": operations stay pending in the state.
 *
 * @throws UserError when there is no such program.
 */
export function runPulumi(args: readonly string[], run: PulumiRun): Promise<Ended> {
  const { cwd, signal } = run;
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true", ...run.env };
  const flags = args.includes("--non-interactive") ? args : [...args, "--non-interactive"];
  const child = spawn("pulumi", [...flags], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const stdout = collect(child.stdout, run.onOutput);
  const stderr = collect(child.stderr, run.onError);
  const stop = (): void => void child.kill("SIGINT");
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop);
  const release = signal === undefined ? endWithUs(child) : (): void => undefined;
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      release();
      reject(error.code === "ENOENT" ? new UserError("pulumi is not on PATH; install the Pulumi CLI") : error);
    });
    child.once("close", (code) => {
      signal?.removeEventListener("abort", stop);
      release();
      resolve({ code: code ?? -1, stdout: stdout(), stderr: stderr() });
    });
  });
}

const readers = new Set<ChildProcess>();
const endings = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A run that only reads ends with this process, which Ctrl-C ends: being in another group, it would not hear of it. */
function endWithUs(child: ChildProcess): () => void {
  if (readers.size === 0) for (const name of endings) process.once(name, endAll);
  readers.add(child);
  return () => {
    if (readers.delete(child) && readers.size === 0) for (const name of endings) process.off(name, endAll);
  };
}

function endAll(): void {
  for (const child of readers) child.kill("SIGINT");
  process.exit(interrupted);
}

function collect(stream: NodeJS.ReadableStream, print: ((text: string) => void) | undefined): () => string {
  const pieces: string[] = [];
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    pieces.push(text);
    print?.(text);
  });
  return () => pieces.join("");
}

/** What Pulumi says went wrong, of all that it printed. */
export function errorsIn(printed: string): string {
  const said = [...printed.matchAll(/^\s*(?:stderr: )?error: (.*)$/gm)].map(([, line]) => line);
  return said.length > 0 ? said.join("\n") : printed.trim();
}
