import { readFileSync } from "node:fs";

/** Length of one tick of the kernel's process times. */
const tickMs = 10;

/** CPU time (user and system, all threads) of a process so far, in milliseconds, to 10 ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** The most memory that a process held at once. */
export function peakMiB(pid: number): number {
  const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round((Number(kib) / 1024) * 10) / 10;
}
