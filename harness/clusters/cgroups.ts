import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = "/sys/fs/cgroup";

/** Hierarchies: one with cgroup v2, one for each controller with v1. */
function hierarchies(): string[] {
  if (existsSync(join(root, "cgroup.controllers"))) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name));
}

/**
 * Makes a cluster's own control group in each hierarchy. Kubelets that share one kill each other's pods as orphans.
 * A v1 cpuset is empty at birth and lets nothing in until it has processors and memory.
 */
export function createCgroup(name: string): void {
  for (const hierarchy of hierarchies()) {
    const folder = join(hierarchy, name);
    mkdirSync(folder, { recursive: true });
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const parent = join(hierarchy, file);
      if (existsSync(parent) && existsSync(join(folder, file))) writeFileSync(join(folder, file), readFileSync(parent));
    }
    if (existsSync(join(hierarchy, "cgroup.subtree_control"))) {
      delegate(hierarchy);
      delegate(folder);
    }
  }
}

/** Hands each v2 controller on to children; one that cannot be had is left out, as the kubelet then says. */
function delegate(folder: string): void {
  const controllers = readFileSync(join(folder, "cgroup.controllers"), "utf8").trim().split(" ");
  for (const controller of controllers.filter((one) => one !== "")) {
    try {
      writeFileSync(join(folder, "cgroup.subtree_control"), `+${controller}`);
    } catch {
      continue;
    }
  }
}

function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  rmdirSync(folder);
}

/** Removes a cluster's control groups. Processes that were just killed may hold them for a moment. */
export async function removeCgroup(name: string): Promise<void> {
  for (const hierarchy of hierarchies()) {
    const folder = join(hierarchy, name);
    for (let tries = 0; existsSync(folder); tries++) {
      try {
        removeTree(folder);
      } catch (error) {
        if (tries >= 100) throw error;
        await delay(50);
      }
    }
  }
}
