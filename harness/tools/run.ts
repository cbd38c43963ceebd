import { spawn } from "node:child_process";

/** How a command is run. */
export interface RunOptions {
  /** Text for its standard input. @default none */
  readonly input?: string;
  /** Milliseconds until it is killed. @default 120000 */
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Is given each line of its output as it comes. */
  readonly onLine?: (line: string) => void;
  /** Interrupts it (SIGINT) when it is given. */
  readonly interrupt?: AbortSignal;
}

/** A command that ended with another status than zero, or was killed. `output` is what it said. */
export class CommandError extends Error {
  override readonly name = "CommandError";

  constructor(
    message: string,
    /** Absent when it was killed or could not be started. */
    readonly status: number | null,
    readonly output: { readonly stdout: string; readonly stderr: string },
  ) {
    super(message);
  }
}

/** What a command wrote to its standard output. A failure is a CommandError with the end of what it complained of. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = 120_000, env, cwd, onLine, interrupt } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: env ?? process.env, cwd });
    // Not spawn's own time limit, which runs on when the program is not there.
    const limit = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    interrupt?.addEventListener("abort", () => child.kill("SIGINT"));
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      text.split("\n").forEach((line) => onLine?.(line));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      text.split("\n").forEach((line) => onLine?.(line));
    });
    child.on("error", (error) => {
      clearTimeout(limit);
      reject(new CommandError(`${command}: ${error.message}`, null, { stdout, stderr }));
    });
    child.on("close", (status, signal) => {
      clearTimeout(limit);
      if (status === 0) {
        resolve(stdout);
        return;
      }
      const how = signal ? `killed by ${signal} (limit ${timeoutMs} ms)` : `status ${String(status)}`;
      const said = (stderr || stdout).trim().split("\n").slice(-8).join("\n");
      reject(new CommandError(`${command} ${args[0] ?? ""}: ${how}: ${said}`, status, { stdout, stderr }));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
  });
}
