import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../harness/eventually";
import type { OperatorProcess } from "../../harness/records/operator-process";
import type { RecordMesh } from "../../harness/records/record-mesh";
import { conditionOf, type LiveRecord } from "../../harness/records/record-objects";
import { inParallel } from "../../src/base/in-parallel";
import { watchedPods } from "./mesh";
import { peakMiB } from "./processes";
import { percentile, round } from "./statistics";
import { requestsDuring } from "./traffic";
import type { AnswerWatcher } from "./watch";

/** Median and 99th percentile, in milliseconds. */
export interface Times {
  readonly p50: number;
  readonly p99: number;
}

/** How long objects take that are made one at a time, from before the API server is asked to make them. */
export interface Singles {
  readonly writer: Times;
  readonly allSites: Times;
}

/** What many objects take that an operator finds when it starts. */
export interface Bulk {
  /** From the start of its process until the last one's status says that every site answers it. */
  readonly seconds: number;
  readonly perSecond: number;
  /** Of the operator since it started. */
  readonly peakMiB: number;
  /** By the operator, for each object. */
  readonly apiReads: number;
  readonly apiWrites: number;
  /** Requests and answers at all servers, for each object. */
  readonly dnsMessages: number;
}

/** What the operator does when there is nothing to do, in calls and DNS requests a minute. */
export interface Idle {
  readonly apiReads: number;
  readonly apiWrites: number;
  readonly leaseRequests: number;
  readonly dnsRequests: number;
}

/** Objects that are made at a time in bulk. */
const makeWidth = 12;
/** Between objects that are made one at a time. */
const restMs = 100;
/** Names that one UPDATE takes off. */
const removedAtOnce = 500;
const idleSeconds = 20;

/** Makes so many objects, one after the other, and watches every pod of all sites for each. */
export async function measureSingles(mesh: RecordMesh, watcher: AnswerWatcher, count: number): Promise<Singles> {
  const objects = mesh.objects();
  const [writer, allSites]: [number[], number[]] = [[], []];
  for (let i = 0; i < count; i++) {
    using watch = watcher.watch({
      servers: watchedPods(mesh.lab.sites.values()),
      question: { name: `single-${i}.${mesh.zone}`, type: "A" },
      accept: ({ answers: [answer] }) => answer?.type === "A",
    });
    const made = performance.now();
    const answered = watch.since(made);
    await objects.make(`single-${i}`, { name: `single-${i}`, value: "192.0.2.1" });
    const times = await answered;
    writer.push(times.get(mesh.owner) ?? 0);
    allSites.push(Math.max(...times.values()));
    await objects.programmed(`single-${i}`);
    await delay(restMs);
  }
  return { writer: timesOf(writer), allSites: timesOf(allSites) };
}

/** Has an operator start with so many objects that are there and new to it, and waits until all are programmed. */
export async function measureBulk(mesh: RecordMesh, count: number): Promise<Bulk> {
  const { operator } = mesh;
  const objects = mesh.objects();
  const all = Array.from({ length: count }, (_, i) => i);
  await operator.stop();
  await inParallel(makeWidth, all, (i) => objects.make(`bulk-${i}`, { name: `bulk-${i}`, value: addressOf(i) }));
  const metric = async (name: string): Promise<number> => (await operator.metrics()).get(name) ?? 0;
  let seconds = 0;
  const { by } = await requestsDuring([...mesh.lab.sites.values()], async () => {
    const began = Date.now();
    restart(operator);
    await eventually(600, async () => {
      const done = await metric("programmed_seconds_count");
      if (done < count) throw new Error(`${done} of ${count} objects are programmed`);
    });
    seconds = (Date.now() - began) / 1000;
  });
  await checkAll(mesh, count);
  await calm(mesh);
  const requests = [...by.values()].reduce((sum, each) => sum + each, 0);
  return {
    seconds: round(seconds, 2),
    perSecond: round(count / seconds, 0),
    peakMiB: peakMiB(mesh.operator.pid),
    apiReads: round((await metric("api_reads_total")) / count, 2),
    apiWrites: round((await metric("api_writes_total")) / count, 2),
    dnsMessages: round((2 * requests) / count, 2),
  };
}

/**
 * Takes the records of {@link measureBulk} off the server, and returns how many a second an operator puts back, from the
 * start of its process: all statuses stand already, and there is none to write.
 */
export async function measureRefill(mesh: RecordMesh, count: number): Promise<number> {
  const { operator, zone } = mesh;
  await operator.stop();
  for (let from = 0; from < count; from += removedAtOnce) {
    const names = Array.from({ length: Math.min(removedAtOnce, count - from) }, (_, i) => `bulk-${from + i}.${zone}`);
    await mesh.update(
      zone,
      names.map((name) => ({ kind: "deleteRrset", name, type: "A" })),
    );
  }
  const began = Date.now();
  const said = restart(operator);
  const ended = await eventually(120, () => timeOf(said(), "caught up"));
  for (const i of [0, count - 1]) {
    const found = await mesh.answer(mesh.owner, `bulk-${i}.${zone}`);
    if (found.join() !== addressOf(i)) throw new Error(`the writer answers "${found.join()}" for bulk-${i}`);
  }
  return round((count * 1000) / (ended - began), 0);
}

interface Line {
  readonly time: string;
  readonly message: string;
}

/** Starts an operator. Returns what reads all that it has logged since. */
function restart(operator: OperatorProcess): () => readonly Line[] {
  const before = operator.log().length;
  operator.start();
  const lines = (): readonly string[] => operator.log().slice(before).trimEnd().split("\n");
  return () => lines().flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
}

/** When something was logged first. @throws Error when it was not. */
function timeOf(lines: readonly Line[], message: string): number {
  const found = lines.find((line) => line.message === message);
  if (found === undefined) throw new Error(`the operator did not say "${message}"`);
  return Date.parse(found.time);
}

/** Counts for a while in which nothing happens. */
export async function measureIdle(mesh: RecordMesh): Promise<Idle> {
  const before = await mesh.operator.metrics();
  await delay(idleSeconds * 1000);
  const after = await mesh.operator.metrics();
  const perMinute = (name: string): number =>
    round((((after.get(name) ?? 0) - (before.get(name) ?? 0)) * 60) / idleSeconds, 0);
  return {
    apiReads: perMinute("api_reads_total"),
    apiWrites: perMinute("api_writes_total"),
    leaseRequests: perMinute("lease_requests_total"),
    dnsRequests: perMinute("dns_requests_total"),
  };
}

/** An address of its own for each of many records. */
export function addressOf(index: number): string {
  return `198.18.${(index >> 8) & 0xff}.${index & 0xff}`;
}

/** Events follow the statuses: waits until none did for a while. */
async function calm({ operator }: RecordMesh): Promise<void> {
  let before = -1;
  for (;;) {
    const writes = (await operator.metrics()).get("api_writes_total") ?? 0;
    if (writes === before) return;
    before = writes;
    await delay(1000);
  }
}

/** What counts as done must be done: by the objects' statuses, and by what every site answers. */
async function checkAll(mesh: RecordMesh, count: number): Promise<void> {
  const { items } = await mesh.plane.api.send({ method: "GET", path: mesh.objects().path });
  const open = (items as unknown as readonly LiveRecord[]).filter(
    (live) => conditionOf(live, "Programmed")?.reason !== "AllSites",
  );
  if (open.length > 0) throw new Error(`${open.length} objects are not programmed at every site`);
  for (const i of [0, count >> 1, count - 1]) await mesh.everywhere(`bulk-${i}.${mesh.zone}`, [addressOf(i)]);
}

function timesOf(milliseconds: readonly number[]): Times {
  return { p50: round(percentile(milliseconds, 50)), p99: round(percentile(milliseconds, 99)) };
}
