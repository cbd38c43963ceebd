import { readFileSync } from "node:fs";

import type { Lab } from "./lab";

/** MiB of memory that a lab's servers and agents take, shared pages counted in parts. */
export function measureMemory(lab: Lab): { readonly siteMiB: number; readonly totalMiB: number } {
  const pids = [...lab.sites.values()].flatMap(({ pids: { knot, agent } }) => [knot, agent]);
  const totalMiB = pids.reduce((sum: number, pid) => sum + (pid === undefined ? 0 : proportionalMiB(pid)), 0);
  return { siteMiB: totalMiB / Math.max(1, lab.sites.size), totalMiB };
}

function proportionalMiB(pid: number): number {
  try {
    const kib = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}
