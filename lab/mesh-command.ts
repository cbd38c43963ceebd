import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** `mesh` beside the lab, as a package has both, or as in a clone. */
function meshProgram(): readonly string[] {
  const packed = join(__dirname, "mesh.js");
  if (existsSync(packed)) return [packed];
  return ["--import", require.resolve("tsx"), join(__dirname, "..", "src/cli/mesh.ts")];
}

/** Starts `mesh` as a user does, in this process's network. */
export function startMesh(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [...meshProgram(), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8");
  return child;
}

/** Runs `mesh` to its end. */
export async function runMesh(
  args: readonly string[],
): Promise<{ readonly status: number; readonly said: string; readonly out: string }> {
  const child = startMesh(args);
  let [said, out] = ["", ""];
  child.stdout.on("data", (text: string) => {
    said += text;
    out += text;
  });
  child.stderr.on("data", (text: string) => (said += text));
  const [status] = (await once(child, "close")) as [number | null];
  return { status: status ?? 1, said, out };
}
