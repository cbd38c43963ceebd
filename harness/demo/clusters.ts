import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../../src/base/errors";
import { beginClusters, type Cluster, destroyClusters, useContexts } from "../clusters";
import { cacheDir } from "../tools/cache";

const names = ["site-a", "site-b", "site-c", "site-d"];

const started = Date.now();

/** Prints a line with the seconds since the beginning. */
export function say(line: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** Where the demo's Pulumi state lies between runs. */
export function workDir(): string {
  return join(cacheDir(), "demo");
}

/** Remembers which clusters the demo made or was given, for `--down`. */
interface Remembered {
  readonly stateDir?: string;
  readonly contexts?: readonly string[];
}

function memoryFile(): string {
  return join(workDir(), "clusters.json");
}

function remember(clusters: Remembered): void {
  writeFileSync(memoryFile(), JSON.stringify(clusters));
}

/** Clusters that may be still on their way. */
export interface Coming {
  readonly clusters: readonly Cluster[];
  readonly ready: (name: string) => Promise<void>;
  /** Settles once all are there; when one failed, once the ones made here are gone. */
  readonly whole: Promise<void>;
}

/** Few are made at a time: the first site comes up beside the other clusters. */
export async function clustersFor(contexts: string | undefined): Promise<Coming> {
  if (contexts !== undefined) {
    const wanted = contexts.split(",");
    if (wanted.length !== names.length) throw new UserError(`--contexts needs four contexts, got ${wanted.length}`);
    const { clusters } = await useContexts({ contexts: wanted });
    remember({ contexts: wanted });
    return { clusters, ready: () => Promise.resolve(), whole: Promise.resolve() };
  }
  const { set, ready, whole } = await beginClusters({ names, log: say, keep: true, atOnce: 2 });
  remember({ stateDir: set.stateDir });
  return { clusters: set.clusters, ready, whole };
}

/**
 * Takes away what an earlier demo left: clusters of our own as a whole, and in given ones what the demo's stacks made.
 * Pulumi's state goes last, when it describes nothing any more.
 */
export async function down(): Promise<void> {
  if (existsSync(memoryFile())) {
    const { stateDir, contexts } = JSON.parse(readFileSync(memoryFile(), "utf8")) as Remembered;
    if (stateDir !== undefined) await destroyClusters(stateDir);
    if (contexts !== undefined) await destroyStacks(contexts);
  }
  rmSync(workDir(), { recursive: true, force: true });
}

async function destroyStacks(contexts: readonly string[]): Promise<void> {
  const { clusters } = await useContexts({ contexts });
  const { RunningMesh } = await import("../mesh/running-mesh");
  const mesh = new RunningMesh({ clusters, workDir: workDir() });
  // Nobody takes their finalizers once the record operators are gone.
  const records = ["-n", "dns-system", "delete", "dnsrecords", "--all", "--timeout=60s"];
  await Promise.all(clusters.map((cluster) => cluster.kubectl(records).catch(() => undefined)));
  for (const stack of [...clusters.map(({ name }) => name), "shared"]) {
    await mesh.driver.destroy(stack);
    say(`pulumi destroy -s ${stack}`);
  }
}
