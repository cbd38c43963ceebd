import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../../harness/eventually";
import { isAlive, processId, type ProcessId } from "../../../harness/tools/lock";
import { defaultStorage } from "../../../lab/preflight";

const program = join(__dirname, "..", "..", "..", "lab", "main.ts");

/** `npm run lab` as users run it, with a folder of its own for everything that it stores. */
export class LabRun implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = "";
  #watched: readonly ProcessId[] = [];

  private constructor(
    readonly storage: string,
    args: readonly string[],
  ) {
    // A shell in between, as npm has one.
    const command = [process.execPath, "--import=tsx", program, "--storage", storage, ...args];
    this.#child = spawn("sh", ["-c", '"$@"; exit $?', "sh", ...command], { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    }
  }

  /** @param script - lines of a script; the lab asks for commands when there are none */
  static async start(args: readonly string[], script?: readonly string[]): Promise<LabRun> {
    const storage = await mkdtemp(join(defaultStorage(4), "lab-run-"));
    if (script === undefined) return new LabRun(storage, args);
    const file = `${storage}.script`;
    await writeFile(file, script.join("\n"));
    return new LabRun(storage, [...args, "--script", file]);
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until it wrote something, after so many characters of its output. */
  async says(words: RegExp, seconds = 30, after = 0): Promise<void> {
    await eventually(
      seconds,
      () => {
        if (!words.test(this.#output.slice(after))) throw new Error(`${String(words)} is not in:\n${this.#output}`);
      },
      50,
    );
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits for its end. Returns the exit status. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const [status] = (await once(this.#child, "exit")) as [number | null];
    return status;
  }

  /** Every process that it started, directly or not; the lab's own first. */
  processes(): ProcessId[] {
    const below = (pid: number): ProcessId[] => {
      const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
      const pids = text.split(" ").filter((word) => word !== "");
      return pids.flatMap((word) => {
        const id = processId(Number(word));
        return id === undefined ? [] : [id, ...below(id.pid)];
      });
    };
    return below(this.#child.pid ?? 0);
  }

  /** The process that holds the mesh: of those that it started, the one that started most of the others. */
  get pid(): number {
    const processes = this.processes().map(({ pid }) => pid);
    const children = (pid: number): number => processes.filter((each) => parentOf(each) === pid).length;
    return processes.reduce((best, pid) => (children(pid) > children(best) ? pid : best));
  }

  /** Kills the shell that started the lab, and nothing else. */
  killParent(): void {
    this.#child.kill("SIGKILL");
  }

  /** Waits until none of these processes and nothing in the storage folder is left. */
  async leavesNothing(processes: readonly ProcessId[]): Promise<void> {
    this.#watched = processes;
    await eventually(20, async () => {
      const alive = processes.filter(isAlive).map(({ pid }) => pid);
      if (alive.length > 0) throw new Error(`still there: ${alive.join(", ")}`);
      const files = await readdir(this.storage);
      if (files.length > 0) throw new Error(`still there: ${files.join(", ")}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
    for (const each of ended ? this.#watched : this.processes()) if (isAlive(each)) process.kill(each.pid, "SIGKILL");
    for (const path of [this.storage, `${this.storage}.script`]) await rm(path, { recursive: true, force: true });
  }
}

/** The milliseconds in the last line of an output that matches; the first group must hold them. */
export function lastMs(output: string, words: RegExp): number {
  const lines = output.split("\n").filter((line) => words.test(line));
  return Number(words.exec(lines.at(-1) ?? "")?.[1] ?? Number.NaN);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
