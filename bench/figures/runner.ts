import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { UserError } from "../../src/base/errors";

const root = join(__dirname, "..", "..");

/** Runs benches, one at a time, each a process of its own that ends with this one. */
export class BenchRunner {
  #child: ChildProcess | undefined;
  #isOver = false;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => {
        this.#isOver = true;
        this.#child?.kill("SIGTERM");
      });
  }

  /** Whether somebody wants it to end. */
  isOver(): boolean {
    return this.#isOver;
  }

  /** Returns what a bench printed with `--json`. What it says goes to standard error. @throws UserError when it failed. */
  async run(bench: string, args: readonly string[]): Promise<unknown> {
    const program = [...process.execArgv, join(root, "bench", `${bench}.ts`), ...args, "--json"];
    const child = spawn(process.execPath, program, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    const [status, signal] = (await once(child, "close")) as [number | null, string | null];
    this.#child = undefined;
    const last = printed.trimEnd().split("\n").at(-1) ?? "";
    process.stderr.write(printed.slice(0, printed.lastIndexOf(last)));
    if (status !== 0) throw new UserError(`it ended with ${signal ?? `status ${String(status)}`}`);
    if (!last.startsWith("{")) throw new UserError("it printed no figures");
    return JSON.parse(last);
  }
}
