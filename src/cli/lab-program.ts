import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../base/errors";

/** How the lab is started: what must be there first, and its own program. */
interface LabProgram {
  readonly setup?: readonly string[];
  readonly program: readonly string[];
}

/**
 * Where the lab is: a file beside this one, as a package has it, or the sources of a clone.
 *
 * @param here - The folder of the running file.
 * @throws UserError where neither is there.
 */
export function labProgram(here: string): LabProgram {
  const packed = join(here, "lab.js");
  if (existsSync(packed)) return { program: [packed] };
  const root = join(here, "..", "..");
  const source = join(root, "lab", "main.ts");
  if (!existsSync(source))
    throw new UserError(
      "the lab is not beside this file: call mesh lab in a clone (npm run mesh -- lab), or install what npm pack makes of it",
    );
  return {
    setup: ["bash", join(root, "scripts", "setup"), "lab"],
    program: [`--import=${require.resolve("tsx")}`, source],
  };
}

/** Runs the lab before this terminal. Returns its exit status; it ends when this process does. */
export async function runLab(args: readonly string[]): Promise<number> {
  const { setup, program } = labProgram(__dirname);
  // A terminal sends Ctrl-C to both, and the lab ends in its own way.
  process.on("SIGINT", () => undefined);
  if (setup !== undefined) {
    const [shell = "", ...rest] = setup;
    // What it installs is no part of what the lab prints.
    const status = await ended(spawn(shell, rest, { stdio: ["ignore", 2, 2] }));
    if (status !== 0) return status;
  }
  const lab = spawn(process.execPath, [...program, ...args], { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => lab.kill(signal));
  return ended(lab);
}

async function ended(child: ChildProcess): Promise<number> {
  const [status] = (await once(child, "exit")) as [number | null];
  return status ?? 1;
}
