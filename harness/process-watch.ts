import { readdirSync, readFileSync } from "node:fs";

/** Command lines and environments of the machine's processes, as everybody on it may see the former and root the latter. */
function look(into: Set<string>): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    for (const file of ["cmdline", "environ"]) {
      try {
        into.add(readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " "));
      } catch {
        // It has ended, or is another user's.
      }
    }
  }
}

/** What processes were called with while something went on, looked at twenty times a second. This process is left out. */
export async function processesDuring<T>(work: () => Promise<T>): Promise<{ result: T; processes: string }> {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    look(seen);
  }, 50);
  try {
    const result = await work();
    look(seen);
    return { result, processes: [...seen].join("\n") };
  } finally {
    clearInterval(timer);
  }
}
