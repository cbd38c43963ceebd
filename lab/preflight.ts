import { execFileSync } from "node:child_process";
import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

import { knotBinaries } from "../harness/knot";
import { onPath } from "../harness/tools/install";
import { UserError } from "../src/base/errors";
import type { NetworkKind } from "./network";
import type { LabPlan } from "./plan";
import { portInUse } from "./ports";

/** What a lab is to be. */
export interface Wanted {
  readonly sites: number;
  readonly zones: number;
  readonly network: NetworkKind;
  /** Pods of each site. @default 1 */
  readonly replicas?: number;
  readonly storage: string;
}

/** What this machine has. */
export interface Facts {
  readonly isRoot: boolean;
  /** MiB that programs can have without anything being swapped out; undefined when the kernel does not tell. */
  readonly memoryMiB: number | undefined;
  /** Why there is no Knot to run; undefined when there is one. */
  readonly knotProblem: string | undefined;
  /** Programs that are needed and not on PATH. */
  readonly missing: readonly string[];
  /** Why nothing can be stored; undefined when it can. */
  readonly storageProblem: string | undefined;
}

/** Measured with 20 to 100 sites: what MemAvailable falls by, for Knot, agent, their volumes on tmpfs and the kernel. */
const siteMiB = 30;
const zoneCopyMiB = 0.03;
const peerMiB = 0.05;
const labMiB = 250;
/** Threads, sockets and timers grow beyond what two cores bear; the address plan of namespaces ends here. */
const mostInNamespaces = 1000;

/** MiB of memory that a lab takes. */
export function memoryNeed({ sites, zones, replicas = 1 }: Pick<Wanted, "sites" | "zones" | "replicas">): number {
  return Math.round(labMiB + replicas * sites * (siteMiB + zones * zoneCopyMiB + sites * peerMiB));
}

/** Why a lab cannot be here, a sentence with the cure each. */
export function labProblems(wanted: Wanted, facts: Facts): string[] {
  const { sites, network } = wanted;
  const need = memoryNeed(wanted);
  const { memoryMiB } = facts;
  const programs = facts.missing.map((name) => `${name} is not on PATH; scripts/setup installs it on Debian`);
  const checks: (string | undefined | false)[] = [
    facts.knotProblem,
    ...programs,
    network === "namespaces" && !facts.isRoot && "--network namespaces needs root; without it use --network loopback",
    network === "namespaces" &&
      sites > mostInNamespaces &&
      `--network namespaces holds ${mostInNamespaces} sites at most, not ${sites}; use fewer, or --network loopback`,
    memoryMiB !== undefined &&
      need > memoryMiB &&
      `${sites} sites with ${wanted.zones} zones need about ${need} MiB of memory and ${memoryMiB} MiB are available; use fewer sites or zones, or end other programs`,
    facts.storageProblem,
  ];
  return checks.filter((problem) => typeof problem === "string");
}

/** Looks at the machine. */
export function gatherFacts(wanted: Wanted): Facts {
  const programs = ["setpriv", ...(wanted.network === "namespaces" ? ["unshare", "nsenter", "ip", "python3"] : [])];
  return {
    isRoot: process.getuid?.() === 0,
    memoryMiB: memoryAvailable(),
    knotProblem: knotProblem(),
    missing: programs.filter((name) => onPath(name) === undefined),
    storageProblem: storageProblem(wanted.storage),
  };
}

/** Where a lab's volumes lie by default: in memory when there is plenty of room, since Knot's journals write through. */
export function defaultStorage(sites: number): string {
  const roomMiB = sites * 32;
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    accessSync("/dev/shm", constants.W_OK);
    if ((bavail * bsize) / 1024 / 1024 > 2 * roomMiB) return "/dev/shm";
  } catch {
    // No tmpfs here.
  }
  return tmpdir();
}

/** @throws UserError when another program has the port at one of a plan's addresses. */
export async function checkPort(plan: LabPlan, port: number): Promise<void> {
  if ((await portInUse("0.0.0.0", port)) === undefined) return;
  for (const { name, addresses } of plan.list) {
    const address = addresses[0] ?? "";
    const protocol = await portInUse(address, port);
    if (protocol !== undefined) {
      throw new UserError(
        `port ${port} of ${address} (${name}) cannot be had over ${protocol}: another program has it, or only root may; choose another --port, or leave it out for a free one`,
      );
    }
  }
}

function memoryAvailable(): number | undefined {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return kib === undefined ? undefined : Math.floor(Number(kib) / 1024);
}

function knotProblem(): string | undefined {
  try {
    knotBinaries();
    return undefined;
  } catch {
    const older = onPath("knotd");
    const version = older === undefined ? undefined : versionOf(older);
    const found = version === undefined ? "" : ` (the one on PATH is ${version})`;
    return `Knot 3.5.8 or newer is neither on PATH nor in the tool cache${found}; install it, or run the lab once as root, which fetches it`;
  }
}

function versionOf(program: string): string | undefined {
  try {
    return /\d+\.\d+\.\d+/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[0];
  } catch {
    return undefined;
  }
}

/** A control socket's path has 107 characters at most. */
const longestStorage = 60;

function storageProblem(folder: string): string | undefined {
  if (folder.length > longestStorage)
    return `--storage ${folder} is longer than ${longestStorage} characters, too long for Knot's control sockets; choose a shorter path`;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `--storage ${folder} is not a folder that can be written to; create it, or choose another`;
  }
}
