import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = "/sys/fs/cgroup";

/**
 * A control group with little memory, in which the kernel kills what takes more (cgroup v1 or v2; needs root). What a program
 * had when it was put there does not count with v1, so that a limit may be far below it.
 */
export class MemoryLimit implements AsyncDisposable {
  readonly #folder: string;
  readonly #isV2 = existsSync(join(root, "cgroup.controllers"));

  constructor(name: string, octets: number) {
    this.#folder = this.#isV2 ? join(root, name) : join(root, "memory", name);
    mkdirSync(this.#folder);
    this.#write(this.#isV2 ? "memory.max" : "memory.limit_in_bytes", String(octets));
  }

  /** Puts a running program there. */
  add(pid: number): void {
    this.#write("cgroup.procs", String(pid));
  }

  /** How many programs the kernel has killed there. */
  get kills(): number {
    const file = this.#isV2 ? "memory.events" : "memory.oom_control";
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(this.#folder, file), "utf8"))?.[1] ?? "0");
  }

  /** What was just killed may hold it for a moment. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = 0; existsSync(this.#folder); tries++) {
      try {
        rmdirSync(this.#folder);
      } catch (error) {
        if (tries >= 100) throw error;
        await delay(50);
      }
    }
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }
}
