import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";

/** Waits for the end of its input, then removes a folder; what was just killed may hold it for a moment. */
const script = `
read -r _
tries=0
while [ -e "$1" ] && [ $tries -lt 100 ]; do
  rm -rf -- "$1" 2>/dev/null
  tries=$((tries + 1))
  [ -e "$1" ] && sleep 0.1
done
exit 0
`;

/** Sees to it that a lab's folder goes when the lab's process ends, however that comes about. */
export class Guardian implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(private readonly folder: string) {
    // In a session of its own: what ends the lab by way of its terminal must not end this first.
    this.#child = spawn("sh", ["-c", script, "lab-guardian", folder], {
      ...{ detached: true, cwd: "/", stdio: ["pipe", "ignore", "ignore"] },
    });
    this.#child.on("error", () => undefined);
    this.#child.unref();
  }

  /** Removes the folder now. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    this.#child.stdin?.end();
  }
}
