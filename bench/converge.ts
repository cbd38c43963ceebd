import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import { ensureTools } from "../harness/tools";
import type { Lab } from "../lab";
import { table } from "../src/base/table";
import { recordChangeTimes, type Replicated } from "./baselines/baseline";
import { startBindServers } from "./baselines/bind";
import { startKnotPair } from "./baselines/knot-pair";
import { benchZones } from "./baselines/text";
import { defineBench } from "./support/bench";
import { replicatedMesh, servedEverywhere, startMesh } from "./support/mesh";
import { oneOf, type Values, wholeNumber } from "./support/options";
import { readerTimes } from "./support/readers";
import { round, type Spread, spread } from "./support/statistics";
import { AnswerWatcher } from "./support/watch";

const options = {
  sites: wholeNumber(100, { least: 3, most: 200 }),
  zones: wholeNumber(100, { most: 10_000 }),
  changes: wholeNumber(50, { most: 10_000 }),
  joins: wholeNumber(5, { most: 20 }),
  replicas: wholeNumber(1, { most: 5 }),
  topology: oneOf("default", "full", "hub"),
  transport: oneOf("tls", "quic", "tcp"),
  compare: oneOf("yes", "no"),
  readers: oneOf("no", "only"),
};

/** Between changes, in which what one leads to ends: a look whether all have it comes a second later. */
const restMs = 1500;
const tmpfs = "/dev/shm";

function log(line: string): void {
  console.error(line);
}

async function recordTimes(target: Replicated, changes: number): Promise<Spread> {
  await using watcher = await AnswerWatcher.open();
  return spread(await recordChangeTimes(target, { changes, watcher, restMs, countLate: true }));
}

/** A new zone of a site that is there, from the moment that the primary's stack is up to the last pod's answer. */
async function zoneTimes(lab: Lab, count: number): Promise<Spread> {
  await using watcher = await AnswerWatcher.open();
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const zone = `added-${i}.example`;
    const listed = lab.list[(i * 7 + 2) % lab.list.length];
    listed?.zones.push(zone);
    await lab.upSite(listed?.name ?? "");
    const since = async (): Promise<number> => {
      await lab.up();
      return performance.now();
    };
    times.push(await servedEverywhere({ watcher, pods: [...lab.sites.values()], zone, since }));
    await delay(restMs);
  }
  return spread(times);
}

/** A new site, from the moment that its pod is ready to the last answer of an existing site's pods for its zone. */
async function siteTimes(lab: Lab, count: number): Promise<Spread> {
  await using watcher = await AnswerWatcher.open();
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const pods = [...lab.sites.values()];
    const name = `joining-${i}`;
    const zone = `joining-${i}.example`;
    lab.add({ name, zones: [zone] });
    const since = async (): Promise<number> => {
      await lab.up();
      await (await lab.upSite(name)).ready(120);
      return performance.now();
    };
    times.push(await servedEverywhere({ watcher, pods, zone, since }));
    await delay(restMs);
  }
  return spread(times);
}

interface MeshTimes {
  readonly record: Spread;
  readonly zone: Spread;
  readonly site: Spread;
  readonly recordOnDisk: Spread;
}

async function measureMesh(values: Values<typeof options>): Promise<MeshTimes> {
  const topology = values.topology === "default" ? {} : { topology: values.topology };
  const run = async <T>(storage: string, measure: (lab: Lab) => Promise<T>): Promise<T> => {
    const { sites, zones, transport, replicas } = values;
    log(`a mesh of ${podsOf(values)} and ${zones} zones, transfers over ${transport}, journals in ${storage}`);
    await using lab = await startMesh({ sites, zones, storage, transport, replicas, ...topology });
    // What the start left to do is over.
    await delay(10_000);
    return await measure(lab);
  };
  const record = (lab: Lab): Promise<Spread> => recordTimes(replicatedMesh(lab, lab.zones().slice(2)), values.changes);
  const onTmpfs = await run(tmpfs, async (lab) => ({
    record: await record(lab),
    zone: await zoneTimes(lab, values.joins),
    site: await siteTimes(lab, values.joins),
  }));
  return { ...onTmpfs, recordOnDisk: await run(tmpdir(), record) };
}

interface Others {
  /** Over the same transport as the mesh; TLS where that is QUIC, which BIND has not. */
  readonly bind: Spread;
  /** Over plain TCP, where the mesh's is not. */
  readonly bindTcp?: Spread;
  readonly knotPairStock: Spread;
  readonly knotPairAtOnce: Spread;
}

/** The same changes at what a user would have instead, and at the least that there can be. */
async function measureOthers(values: Values<typeof options>): Promise<Others> {
  const zones = benchZones(values.zones);
  const bind = async (transport: "tls" | "tcp"): Promise<Spread> => {
    log(`BIND with ${values.sites - 1} secondaries, transfers over ${transport}`);
    await using servers = await startBindServers({ servers: values.sites, zones, folder: tmpfs, transport });
    await delay(5000);
    return await recordTimes(servers, values.changes);
  };
  const pair = async (notify: "stock" | "atOnce"): Promise<Spread> => {
    log(`one Knot and one secondary, ${notify === "stock" ? "as they come" : "NOTIFY at once"}`);
    await using servers = await startKnotPair({ zones, folder: tmpfs }, notify);
    return await recordTimes(servers, values.changes);
  };
  return {
    ...(values.transport === "tcp" ? {} : { bindTcp: await bind("tcp") }),
    bind: await bind(values.transport === "tcp" ? "tcp" : "tls"),
    knotPairStock: await pair("stock"),
    knotPairAtOnce: await pair("atOnce"),
  };
}

function podsOf({ sites, replicas }: Values<typeof options>): string {
  return replicas === 1 ? `${sites} sites` : `${sites} sites with ${replicas} pods each`;
}

/** Measures how long a change takes to servers outside the mesh that are told of it. */
async function convergeReaders(values: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "nsd", "powerdns"], log);
  const { sites, zones, transport, replicas, changes } = values;
  log(
    `a mesh of ${podsOf(values)} and ${zones} zones, transfers over ${transport}, with a BIND, an NSD and a PowerDNS that are told`,
  );
  const times = await readerTimes({ sites, zones, transport, replicas, storage: tmpfs }, { changes, restMs });
  const row = (name: string, { p50Ms, p99Ms, maxMs }: Spread): string[] => [name, ...[p50Ms, p99Ms, maxMs].map(String)];
  console.log(
    table([
      ["until the server outside answers", "p50 ms", "p99 ms", "max ms"],
      row("BIND", times.bind),
      row("BIND with its own serial-query-rate", times.bindStock),
      row("NSD", times.nsd),
      row("PowerDNS", times.powerDns),
    ]),
  );
  return { sites, replicas, transport, readers: times };
}

/** Measures how long a change takes to every pod of every site of a mesh, and beside it to every server of other set-ups. */
async function converge(values: Values<typeof options>): Promise<object> {
  if (values.readers === "only") return convergeReaders(values);
  await ensureTools(["knot"], log);
  const mesh = await measureMesh(values);
  const others = values.compare === "yes" ? await measureOthers(values) : undefined;
  const row = (what: string, times: Spread | undefined): string[][] =>
    times === undefined
      ? []
      : [[what, ...[times.p50Ms, times.p99Ms, times.maxMs, round(times.p50Ms / mesh.record.p50Ms, 2)].map(String)]];
  console.log(
    table([
      ["until the last answers", "p50 ms", "p99 ms", "max ms", "ratio of p50"],
      ...row(`record, ${podsOf(values)}, over ${values.transport}`, mesh.record),
      ...row("  journals on disk", mesh.recordOnDisk),
      ...row(
        `  BIND with ${values.sites - 1} secondaries, over ${values.transport === "tcp" ? "TCP" : "TLS"}`,
        others?.bind,
      ),
      ...row("  the same over plain TCP", others?.bindTcp),
      ...row("  one Knot, one secondary", others?.knotPairStock),
      ...row("  the same, NOTIFY at once", others?.knotPairAtOnce),
      ...row("zone added", mesh.zone),
      ...row("site added", mesh.site),
    ]),
  );
  return { sites: values.sites, replicas: values.replicas, transport: values.transport, ...mesh, ...others };
}

/** A mesh of some size is started, changed and left alone. */
function secondsOf(values: Values<typeof options>): number {
  const { sites, replicas, changes, joins, compare, readers } = values;
  const change = 1.6 + 0.003 * sites * replicas;
  const start = 25 + 0.6 * sites * replicas;
  if (readers === "only") return start + 4 * changes * change;
  const mesh = 2 * (start + changes * change) + joins * (6 + 0.06 * sites);
  return compare === "no" ? mesh : mesh + 2 * (10 + 0.2 * sites + changes * change) + 2 * (5 + changes * 2.2);
}

export const bench = defineBench(module, {
  about: `How long a change takes until every pod of every site of a mesh answers it, with journals on tmpfs and on disk, and
beside it until every server of other set-ups does (--compare no: those are left out). With --readers only: until a BIND,
an NSD and a PowerDNS outside the mesh do, which are told of it.`,
  options,
  seconds: secondsOf,
  smallest: ["--sites", "3", "--zones", "3", "--changes", "2", "--joins", "1"],
  run: converge,
});
