import { cpSync, existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

import { messageOf, UserError } from "../../src/base/errors";
import type { IpFamily } from "../../src/settings/ip-families";
import { ensureImages, type Images } from "../images";
import { ensureImageStore } from "../images/store";
import { ensureTools } from "../tools";
import { cacheDir } from "../tools/cache";
import { ownProcess, withLock } from "../tools/lock";
import { startCloud, stopCloud } from "./cloud-process";
import { LocalCluster } from "./local-cluster";
import { freePrefix, namespaces, SetNetwork } from "./network";
import { createAuthority } from "./pki";
import {
  bootId,
  clusterDir,
  familiesOf,
  isLeftover,
  readState,
  type SetState,
  stateDirs,
  stateRoot,
  writeState,
} from "./state";
import type { BegunClusters, Cluster, ClusterSet, CreateOptions } from "./types";

/** A set's folder with what is remembered of it. */
interface OpenSet {
  readonly stateDir: string;
  readonly images: Images;
  /** What each cluster's containerd begins with. */
  readonly imageStore: string;
  readonly log: (line: string) => void;
}

/** Clusters on this machine that reach each other. */
class LocalClusterSet implements ClusterSet {
  private readonly made: LocalCluster[] = [];

  constructor(private readonly open: OpenSet) {
    this.made = this.state.clusters.map((name, place) => this.cluster(name, place));
  }

  private get state(): SetState {
    const state = readState(this.open.stateDir);
    if (!state) throw new Error(`no clusters in ${this.open.stateDir}`);
    return state;
  }

  private get network(): SetNetwork {
    return new SetNetwork(this.state.index, this.state.prefix);
  }

  get id(): string {
    return basename(this.open.stateDir);
  }

  get stateDir(): string {
    return this.open.stateDir;
  }

  get hostAddress(): string {
    return this.network.hostAddress();
  }

  get clusters(): readonly Cluster[] {
    return this.made;
  }

  get(name: string): Cluster {
    const cluster = this.made.find((one) => one.name === name);
    if (!cluster) throw new UserError(`no cluster "${name}"; there are ${this.made.map((one) => one.name).join(", ")}`);
    return cluster;
  }

  private cluster(name: string, place: number): LocalCluster {
    const { stateDir, images } = this.open;
    const { enforcePolicies } = this.state;
    const [pauseImage, families] = [images.pause.name, familiesOf(this.state, name)];
    return new LocalCluster({ name, place, network: this.network, stateDir, pauseImage, enforcePolicies, families });
  }

  async add(name: string): Promise<Cluster> {
    const [cluster] = this.announce([name]) as [LocalCluster];
    await this.make(cluster);
    return cluster;
  }

  /** Gives further clusters their places in the set, each of which `make` makes. */
  announce(names: readonly string[]): readonly LocalCluster[] {
    const { made } = this;
    checkNames([...made.map((one) => one.name), ...names]);
    const further = names.map((name, at) => this.cluster(name, made.length + at));
    made.push(...further);
    writeState(this.open.stateDir, { ...this.state, clusters: made.map((one) => one.name) });
    return further;
  }

  async make(cluster: LocalCluster): Promise<void> {
    const began = Date.now();
    await cluster.create(this.open.imageStore);
    this.open.log(`cluster ${cluster.name} is ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }

  async replace(name: string): Promise<void> {
    const cluster = this.made.find((one) => one.name === name);
    if (cluster === undefined) throw new UserError(`no cluster "${name}"`);
    await cluster.replace(this.open.imageStore);
  }

  destroy(): Promise<void> {
    return destroyClusters(this.open.stateDir);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

function checkNames(names: readonly string[]): void {
  const bad = names.find((name) => !/^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$/.test(name));
  if (bad !== undefined)
    throw new UserError(`cluster name "${bad}": lower-case letters, digits and hyphens, at most 32`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new UserError(`cluster name "${twice}" is given twice`);
  if (names.length === 0 || names.length > 40) throw new UserError(`${names.length} clusters: 1 to 40 can be made`);
}

/** Each cluster has its own of these folders, so nothing that it is to see may lie in the machine's. */
function checkFolders(folders: readonly string[]): void {
  const hidden = folders.find((folder) => /^\/(run|var\/run|var\/lib|var\/log)(\/|$)/.test(resolve(folder)));
  if (hidden === undefined) return;
  throw new UserError(
    `${hidden} is hidden from clusters: let DNS_MESH_CACHE and DNS_MESH_STATE lie outside /run, /var/lib and /var/log`,
  );
}

function namesOf({ names, count = 1 }: CreateOptions): readonly string[] {
  return names ?? Array.from({ length: count }, (_, at) => `site-${String.fromCharCode(97 + at)}`);
}

/**
 * Makes real Kubernetes clusters of one node each, joined by a network of their own; ready when each node takes pods and has
 * the images. Clears away first what killed runs left. Needs root; what is missing of Kubernetes and of the images is built.
 */
export async function createClusters(options: CreateOptions): Promise<ClusterSet> {
  const { set, whole } = await beginClusters(options);
  await whole;
  return set;
}

/** Begins with what {@link createClusters} makes: addresses are known at once, and each cluster is ready for itself. */
export async function beginClusters(options: CreateOptions): Promise<BegunClusters> {
  const names = namesOf(options);
  checkNames(names);
  if (process.getuid?.() !== 0)
    throw new UserError("clusters on this machine need root; or give --contexts to use others");
  const log = options.log ?? ((): void => undefined);
  checkFolders([stateRoot(), cacheDir()]);
  const images = await openImages(log);
  const stateDir = await claim(options, log);
  const set = new LocalClusterSet({ stateDir, ...images, log });
  const clusters = set.announce(names);
  const prepared = createAuthority(join(stateDir, "ca")).then(() => {
    startCloud(stateDir);
  });
  const made: Promise<void>[] = [];
  for (const [place, cluster] of clusters.entries()) {
    const turn = made[place - (options.atOnce ?? names.length)] ?? prepared;
    made.push(turn.then(() => set.make(cluster)));
  }
  const whole = finish(stateDir, made, log);
  // Whoever waits for one cluster alone is told by that one.
  whole.catch(() => undefined);
  return {
    set,
    whole,
    ready: (name) => made[names.indexOf(name)] ?? Promise.reject(new UserError(`no cluster "${name}"`)),
  };
}

/** Says that the set is one to be used once all of its clusters are made, and takes it down when one of them failed. */
async function finish(stateDir: string, made: readonly Promise<void>[], log: (line: string) => void): Promise<void> {
  try {
    await settleAll(made);
    const state = readState(stateDir);
    if (state) writeState(stateDir, { ...state, ready: true });
  } catch (error) {
    log(`clusters failed (logs are in ${saveLogs(stateDir)}): ${messageOf(error)}`);
    await destroyClusters(stateDir).catch((left: unknown) => {
      log(`and could not be taken away (${stateDir}): ${messageOf(left)}`);
    });
    throw error;
  }
}

async function openImages(log: (line: string) => void): Promise<Pick<OpenSet, "images" | "imageStore">> {
  await ensureTools(["kubernetes"], log);
  const images = await ensureImages(log);
  const { pause, knot, node, restic } = images;
  const archives = [pause, knot, node, restic].map(({ archive }) => archive);
  return { images, imageStore: await ensureImageStore(archives, log) };
}

/** Copies the logs of a set that failed to where they outlive it. */
function saveLogs(stateDir: string): string {
  const target = mkdtempSync(join(tmpdir(), "dns-mesh-failed-"));
  for (const name of readState(stateDir)?.clusters ?? []) {
    const logs = join(clusterDir(stateDir, name), "log");
    if (existsSync(logs)) cpSync(logs, join(target, name), { recursive: true, verbatimSymlinks: true });
  }
  return target;
}

/** Waits for all, so that nothing is still being made when a failure is cleared away. */
async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

function rootLock<T>(work: () => Promise<T>): Promise<T> {
  return withLock(join(stateRoot(), "lock"), work);
}

/** Takes the first free number for a set and makes its network. */
function claim(options: CreateOptions, log: (line: string) => void): Promise<string> {
  const { keep = false, enforcePolicies = false, families = {} } = options;
  return rootLock(async () => {
    await sweep(log);
    const taken = await namespaces();
    for (let index = 0; index < 200; index++) {
      const stateDir = join(stateRoot(), `set${index}`);
      if (existsSync(stateDir) || taken.includes(`dnsmesh${index}`)) continue;
      const prefix = await freePrefix(index);
      const network = new SetNetwork(index, prefix);
      const state = { index, prefix, owner: ownProcess(), keep, enforcePolicies, ready: false, boot: bootId() };
      writeState(stateDir, { ...state, families, clusters: [] });
      await network.create([...new Set<IpFamily>(["IPv4", ...Object.values(families).flat()])]);
      return stateDir;
    }
    throw new Error("200 sets of clusters on one machine");
  });
}

async function sweep(log: (line: string) => void): Promise<void> {
  for (const stateDir of stateDirs()) {
    if (!isLeftover(readState(stateDir))) continue;
    log(`clearing away what a killed run left (${basename(stateDir)})`);
    await destroySet(stateDir);
  }
}

/**
 * Finds the clusters of a set that another process made and kept.
 *
 * @public
 */
export async function openClusters(
  stateDir: string,
  log: (line: string) => void = () => undefined,
): Promise<ClusterSet> {
  if (!readState(stateDir)) throw new UserError(`no clusters in ${stateDir}`);
  return new LocalClusterSet({ stateDir, ...(await openImages(log)), log });
}

/** Takes a set down without a trace, from any process; what is gone already is no error. */
export function destroyClusters(stateDir: string): Promise<void> {
  return rootLock(() => destroySet(stateDir));
}

async function destroySet(stateDir: string): Promise<void> {
  const state = readState(stateDir);
  if (state) {
    const network = new SetNetwork(state.index, state.prefix);
    if (state.boot === bootId()) await stopCloud(stateDir);
    await settleAll(
      state.clusters.map((name, place) =>
        new LocalCluster({
          ...{ name, place, network, stateDir, pauseImage: "", enforcePolicies: false },
          families: familiesOf(state, name),
        }).destroy(),
      ),
    );
    await network.destroy(state.clusters);
  }
  rmSync(stateDir, { recursive: true, force: true });
  if (existsSync(stateRoot()) && readdirSync(stateRoot()).every((name) => name.startsWith("lock"))) {
    rmSync(join(stateRoot(), "lock"), { force: true });
    try {
      rmdirSync(stateRoot());
    } catch {
      return;
    }
  }
}
