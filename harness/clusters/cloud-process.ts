import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { isAlive, type ProcessId, processId } from "../tools/lock";
import { until } from "./machine";

/** Runs what a cloud would do in a process of its own, so that it goes on when this one ends. */
export function startCloud(stateDir: string): void {
  const tsx = createRequire(__filename).resolve("tsx");
  const log = openSync(join(stateDir, "cloud.log"), "a");
  const program = join(__dirname, "cloud-main.ts");
  const child = spawn(process.execPath, ["--import", `file://${tsx}`, program, stateDir], {
    detached: true,
    stdio: ["ignore", log, log],
    cwd: "/",
  });
  closeSync(log);
  child.unref();
  const id = child.pid === undefined ? undefined : processId(child.pid);
  writeFileSync(join(stateDir, "cloud.json"), JSON.stringify(id ?? {}));
}

/** Ends it, if it is not this process itself. */
export async function stopCloud(stateDir: string): Promise<void> {
  const file = join(stateDir, "cloud.json");
  if (!existsSync(file)) return;
  const id = JSON.parse(readFileSync(file, "utf8")) as ProcessId;
  if (!isAlive(id) || id.pid === process.pid) return;
  process.kill(id.pid, "SIGKILL");
  await until("the end of the cloud", 10, () => !isAlive(id));
}
