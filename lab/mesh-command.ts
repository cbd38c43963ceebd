import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(__dirname, "..");

/** Runs `mesh` as a user does, in this process's network. */
export async function runMesh(
  args: readonly string[],
): Promise<{ readonly status: number; readonly said: string; readonly out: string }> {
  const program = join(root, "src/cli/mesh.ts");
  const child = spawn(process.execPath, ["--import", require.resolve("tsx"), program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [said, out] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [status] = (await once(child, "close")) as [number | null];
  return { status: status ?? 1, said, out };
}
