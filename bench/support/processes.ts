import { readFileSync } from "node:fs";

/** Length of one tick of the kernel's process times. */
const tickMs = 10;

/** CPU time (user and system, all threads) of a process so far, in milliseconds, to 10 ms. */
export function cpuMs(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** CPU time (user and system, all threads) of all children of this process that have ended, in milliseconds, to 10 ms. */
export function endedChildrenCpuMs(): number {
  const fields = statFields("self");
  return (Number(fields[13]) + Number(fields[14])) * tickMs;
}

/** What the kernel says of a process, from its state on. */
function statFields(pid: number | "self"): readonly string[] {
  return readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
}

/** The most memory that a process held at once. */
export function peakMiB(pid: number): number {
  const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round((Number(kib) / 1024) * 10) / 10;
}
