import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "../../harness/tools/run";
import { UserError } from "../../src/base/errors";
import type { ChaosFigures } from "./report";

const root = join(__dirname, "..", "..");

/** What one run of the command printed. */
export type PrintedFigures = ChaosFigures & { readonly cpuSeconds: number };

/** Runs of `npm run chaos`, each a process of its own, which all end with this one's end. */
export class ChaosRuns {
  readonly #children = new Set<ChildProcess>();
  isOver = false;

  /** @param logs - folder for what each run said and what its sites logged; none when undefined */
  constructor(private readonly logs: string | undefined) {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => {
        this.isOver = true;
        for (const child of this.#children) child.kill("SIGTERM");
      });
  }

  /** @throws UserError with the last lines when it ended without figures. */
  async run(name: string, options: Readonly<Record<string, string | number>>): Promise<PrintedFigures> {
    if (this.logs !== undefined) mkdirSync(this.logs, { recursive: true });
    const all = { ...options, ...(this.logs !== undefined && { logs: join(this.logs, `${name}.log`) }) };
    const args = Object.entries(all).flatMap(([option, value]) => [`--${option}`, value]);
    const program = [...process.execArgv, join(root, "bench", "chaos.ts"), ...args, "--shrink", "no", "--json"];
    const child = spawn(process.execPath, program, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.add(child);
    let [printed, said] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    await once(child, "close");
    this.#children.delete(child);
    if (this.logs !== undefined) writeFileSync(join(this.logs, `${name}.txt`), `${said}\n${printed}`);
    const last = printed.trimEnd().split("\n").at(-1) ?? "";
    if (last.startsWith("{")) return JSON.parse(last) as PrintedFigures;
    throw new UserError(`${name} ended without figures: ${said.trimEnd().split("\n").slice(-3).join(" / ")}`);
  }
}

/** The revision that runs. */
export async function revision(): Promise<string> {
  return (await run("git", ["-C", root, "describe", "--always", "--dirty"])).trim();
}
