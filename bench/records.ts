import { RecordMesh } from "../harness/records/record-mesh";
import { ensureTools } from "../harness/tools";
import { table } from "../src/base/table";
import { type ExternalDnsFigures, externalZone, measureExternalDns } from "./baselines/external-dns";
import { defineBench } from "./support/bench";
import { oneOf, type Values, wholeNumber } from "./support/options";
import {
  type Bulk,
  type Idle,
  measureBulk,
  measureIdle,
  measureRefill,
  measureSingles,
  type Singles,
} from "./support/record-rounds";
import { round } from "./support/statistics";
import { AnswerWatcher } from "./support/watch";

const options = {
  count: wholeNumber(1000, { least: 10, most: 60_000 }),
  singles: wholeNumber(100, { least: 10, most: 10_000 }),
  compare: oneOf("yes", "no"),
  replicas: wholeNumber(2, { most: 5 }),
};

function log(line: string): void {
  console.error(line);
}

interface Ours {
  readonly singles: Singles;
  readonly bulk: Bulk;
  readonly idle: Idle;
  /** Records a second without statuses. */
  readonly refill: number;
}

async function measureOurs(mesh: RecordMesh, values: Values<typeof options>): Promise<Ours> {
  await using watcher = await AnswerWatcher.open();
  log(`${values.singles} records one after the other`);
  const singles = await measureSingles(mesh, watcher, values.singles);
  log(`${values.count} records at once`);
  const bulk = await measureBulk(mesh, values.count);
  log("nothing for a while");
  const idle = await measureIdle(mesh);
  log("the same records again, with nothing to write to the API server");
  return { singles, bulk, idle, refill: await measureRefill(mesh, values.count) };
}

function show({ singles, bulk, idle, refill }: Ours, others: ExternalDnsFigures | undefined, count: number): void {
  console.log(
    table([
      ["from before an object is made until", "p50 ms", "p99 ms"],
      ["the writer answers", singles.writer.p50, singles.writer.p99].map(String),
      ["every pod of all three sites answers", singles.allSites.p50, singles.allSites.p99].map(String),
    ]),
  );
  console.log(
    table(
      [
        [`${count} records that an operator finds when it starts`, ""],
        ["told to be live at every pod of every site after s", bulk.seconds],
        ["records/s", bulk.perSecond],
        ["API reads a record", bulk.apiReads],
        ["API writes a record", bulk.apiWrites],
        ["DNS messages a record", bulk.dnsMessages],
        ["the operator's peak MiB", bulk.peakMiB],
        ["at rest, a minute: API calls for records", idle.apiReads + idle.apiWrites],
        ["  for the Lease", idle.leaseRequests],
        ["  DNS requests", idle.dnsRequests],
      ].map((row) => row.map(String)),
    ),
  );
  if (others === undefined) return;
  const row = (what: string, ours: number, theirs: readonly [perSecond: number, count: number]): string[] =>
    [what, ours, theirs[0], round(ours / theirs[0], 1), theirs[1]].map(String);
  console.log(
    table([
      ["records/s at the same Knot and API server", "ours", "external-dns", "ratio", "of so many of its records"],
      row("with statuses to write", bulk.perSecond, [others.perSecond, others.count]),
      row("with none to write", refill, [others.perSecondWithoutStatuses, others.countWithoutStatuses]),
    ]),
  );
}

/** How long a DnsRecord takes until it is answered, what many of them cost, and how external-dns does with as many. */
async function records(values: Values<typeof options>): Promise<object> {
  const isCompared = values.compare === "yes";
  await ensureTools(["knot", "kubernetes", ...(isCompared ? (["external-dns"] as const) : [])], log);
  const { replicas } = values;
  log(`starting an API server, a mesh of three sites with ${replicas} pods each and the operator`);
  await using mesh = await RecordMesh.start({ zones: [externalZone], lookSeconds: 5, awaySeconds: 30, replicas });
  const ours = await measureOurs(mesh, values);
  if (isCompared) log("external-dns");
  const others = isCompared ? await measureExternalDns(mesh, values.count) : undefined;
  show(ours, others, values.count);
  const { singles, bulk, idle, refill } = ours;
  return {
    ...{ count: values.count, replicas, writerMs: singles.writer, allSitesMs: singles.allSites },
    ...{ ...bulk, idle, perSecondWithoutStatuses: refill },
    ...(others && { externalDns: others, ratio: round(bulk.perSecond / others.perSecond, 1) }),
  };
}

export const bench = defineBench(module, {
  about: `How long DnsRecords take until they are answered, one by one and in bulk, with a real API server and the operator's program,
and beside it external-dns at the same API server and the same Knot (--compare no: that is left out).`,
  options,
  seconds: ({ count, singles, compare }) =>
    90 + 0.5 * singles + 0.02 * count + (compare === "no" ? 0 : 60 + 0.012 * count),
  smallest: ["--count", "10", "--singles", "10", "--replicas", "1"],
  run: records,
});
