import { RecordMesh } from "../test/support/records/record-mesh";
import { table } from "../test/support/table";
import { ensureTools } from "../test/support/tools";
import { runBench, type Values, wholeNumber } from "./support/options";
import { measureBulk, measureIdle, measureSingles, type Bulk, type Idle, type Singles } from "./support/record-rounds";
import { AnswerWatcher } from "./support/watch";

const options = {
  count: wholeNumber(1000, { least: 10, most: 60_000 }),
  singles: wholeNumber(100, { least: 10, most: 10_000 }),
};

function log(line: string): void {
  console.error(line);
}

interface Ours {
  readonly singles: Singles;
  readonly bulk: Bulk;
  readonly idle: Idle;
}

async function measureOurs(mesh: RecordMesh, o: Values<typeof options>): Promise<Ours> {
  await using watcher = await AnswerWatcher.open();
  log(`${o.singles} records one after the other`);
  const singles = await measureSingles(mesh, watcher, o.singles);
  log(`${o.count} records at once`);
  const bulk = await measureBulk(mesh, o.count);
  log("nothing for a while");
  return { singles, bulk, idle: await measureIdle(mesh) };
}

/** How long a DnsRecord takes until it is answered, and what many of them cost. */
async function records(o: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "kubernetes"], log);
  log("starting an API server, a mesh of three sites and the operator");
  await using mesh = await RecordMesh.start({ lookSeconds: 5, awaySeconds: 30 });
  const { singles, bulk, idle } = await measureOurs(mesh, o);
  console.log(
    table([
      ["from the object's making until", "p50 ms", "p99 ms"],
      ["the writer answers", singles.writer.p50, singles.writer.p99].map(String),
      ["all three sites answer", singles.allSites.p50, singles.allSites.p99].map(String),
    ]),
  );
  console.log(
    table(
      [
        [`${o.count} records at once`, ""],
        ["live with their statuses, s", bulk.seconds],
        ["records/s", bulk.perSecond],
        ["API reads a record", bulk.apiReads],
        ["API writes a record", bulk.apiWrites],
        ["DNS messages a record", bulk.dnsMessages],
        ["operator's peak MiB", bulk.peakMiB],
        ["at rest: API reads a minute", idle.apiReads],
        ["at rest: API writes a minute", idle.apiWrites],
        ["at rest: DNS requests a minute", idle.dnsRequests],
      ].map((row) => row.map(String)),
    ),
  );
  const { perSecond, peakMiB } = bulk;
  return { count: o.count, writerMs: singles.writer, allSitesMs: singles.allSites, perSecond, peakMiB };
}

void runBench(options, records);
