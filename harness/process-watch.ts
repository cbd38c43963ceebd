import { readdirSync, readFileSync } from "node:fs";

const everyMs = 50;
/** For how many looks a process counts as new, which may yet become another program (`exec`). */
const newLooks = 20;

/** Command lines and environments of the machine's processes, as everybody on it may see the former and root the latter. */
class ProcessWatch {
  readonly seen = new Set<string>();
  /** How often each process that is there was found, by its id. */
  #found = new Map<string, number>();

  /** Reads those that are new each time, and the others once a second: reading all of them each time takes half a core. */
  look(): void {
    const found = new Map<string, number>();
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue;
      const looks = this.#found.get(pid) ?? 0;
      found.set(pid, looks + 1);
      if (looks < newLooks || looks % newLooks === 0) this.#read(pid);
    }
    this.#found = found;
  }

  #read(pid: string): void {
    for (const file of ["cmdline", "environ"]) {
      try {
        this.seen.add(readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " "));
      } catch {
        // It has ended, or is another user's.
      }
    }
  }
}

/** What processes were called with while something went on, looked at twenty times a second. This process is left out. */
export async function processesDuring<T>(work: () => Promise<T>): Promise<{ result: T; processes: string }> {
  const watch = new ProcessWatch();
  const timer = setInterval(() => {
    watch.look();
  }, everyMs);
  try {
    const result = await work();
    watch.look();
    return { result, processes: [...watch.seen].join("\n") };
  } finally {
    clearInterval(timer);
  }
}
