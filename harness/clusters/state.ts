import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isAlive, type ProcessId } from "../tools/lock";
import type { Families } from "./types";

/** What the harness remembers of a set, so that any process can use it or take it down. */
export interface SetState {
  /** Number of the set on this machine; names and addresses follow from it. */
  readonly index: number;
  /** First three numbers of its /24, such as `10.88.0`. */
  readonly prefix: string;
  readonly owner: ProcessId;
  /** Stays when its owner ends. */
  readonly keep: boolean;
  /** Network policies are enforced. */
  readonly enforcePolicies: boolean;
  /** Of clusters that have others than IPv4 alone. */
  readonly families?: Families;
  /** All clusters came up. */
  readonly ready: boolean;
  /** Boot that it belongs to; after another one only files are left. */
  readonly boot: string;
  /** Names by their place in the set, which never changes. */
  readonly clusters: readonly string[];
}

/** Families of a cluster's addresses. */
export function familiesOf({ families = {} }: Pick<SetState, "families">, name: string): Families[string] {
  return families[name] ?? ["IPv4"];
}

/** The folder of all sets of this machine: `$DNS_MESH_STATE`, or one that survives a full `/tmp`. */
export function stateRoot(): string {
  return process.env["DNS_MESH_STATE"] ?? "/var/tmp/dns-mesh";
}

/** The folder of a cluster in its set's folder. */
export function clusterDir(stateDir: string, name: string): string {
  return join(stateDir, name);
}

/** Identity of the running kernel. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** The state of a set, or undefined when its folder has none. */
export function readState(stateDir: string): SetState | undefined {
  try {
    return JSON.parse(readFileSync(join(stateDir, "set.json"), "utf8")) as SetState;
  } catch {
    return undefined;
  }
}

/** Writes a set's state so that a reader sees the old or the new one, never half of it. */
export function writeState(stateDir: string, state: SetState): void {
  mkdirSync(stateDir, { recursive: true });
  const draft = join(stateDir, `set.json.${process.pid}`);
  writeFileSync(draft, JSON.stringify(state, undefined, 2));
  renameSync(draft, join(stateDir, "set.json"));
}

/** Folders of all sets of this machine, whole or not. */
export function stateDirs(): string[] {
  if (!existsSync(stateRoot())) return [];
  return readdirSync(stateRoot(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^set\d+$/.test(entry.name))
    .map((entry) => join(stateRoot(), entry.name));
}

/** Whether nobody will use the set again: it is half made or not to be kept, and its owner is gone; or the machine was booted since. */
export function isLeftover(state: SetState | undefined): boolean {
  if (!state) return true;
  if (state.boot !== bootId()) return true;
  return !isAlive(state.owner) && !(state.keep && state.ready);
}
