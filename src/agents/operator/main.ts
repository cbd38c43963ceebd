import { messageOf, UserError } from "../../base/errors";
import { AgentClient } from "../sidecar/agent-client";
import { DnsClient } from "../../dns/client/dns-client";
import { HttpServer } from "../../base/http-server";
import { readJsonFile } from "../../base/json-file";
import { inClusterOptions, KubeClient } from "../../kube/client";
import { UdpChannel } from "../../dns/client/udp-channel";
import { parseTsigKey } from "../../keyring/tsig-key";
import { parseWelcomePacket } from "../../mesh/welcome";
import { leaseName } from "../../records/operator-rules";
import { createLogger, type Logger } from "../../base/log";
import { leadInTurn } from "../../kube/leader";
import { OperatorMetrics } from "./metrics";
import { RecordOperator } from "./operator";
import { readOperatorOptions, type OperatorOptions } from "./options";

/** Connections to the API server that are kept. */
const connections = 32;
/** For so many milliseconds a token is not read again; mounted ones are good for minutes after they were replaced. */
const tokenMs = 10_000;

async function run(options: OperatorOptions, o: { readonly signal: AbortSignal; readonly log: Logger }): Promise<void> {
  const { signal, log } = o;
  const [now, random] = [Date.now, Math.random];
  const api = { ...(await inClusterOptions(process.env, options.account)), tokenMs };
  const kube = new KubeClient({ ...api, connections });
  // Its own connection: renewing the Lease must not wait behind thousands of writes.
  const leaseClient = new KubeClient({ ...api, connections: 1 });
  const metrics = new OperatorMetrics();
  let operator: RecordOperator | undefined;
  await using server = new HttpServer({
    "GET /live": () => ({ status: 200, body: "live\n" }),
    "GET /metrics": () => {
      const { reads: apiReads, writes: apiWrites } = kube.counters;
      const leaseRequests = leaseClient.counters.reads + leaseClient.counters.writes;
      const counts = operator?.counts ?? { records: 0, waiting: 0, retiring: 0, dnsRequests: 0 };
      return { status: 200, body: metrics.render({ ...counts, apiReads, apiWrites, leaseRequests }) };
    },
  });
  await server.listen(options.http.address, options.http.port);
  const lease = { client: leaseClient, namespace: options.namespace, name: leaseName, identity: options.pod };
  const { leaseSeconds } = options;
  await leadInTurn({ ...lease, leaseSeconds, now, random, log, signal }, async (turn) => {
    const key = (file: string) => readJsonFile(file, (json) => parseTsigKey(json, "key"));
    operator = new RecordOperator({
      ...{ options, kube, metrics, log, now, random },
      packet: await readJsonFile(options.packetFile, parseWelcomePacket),
      keys: { local: await key(options.localKeyFile), records: await key(options.recordsKeyFile) },
      dns: new DnsClient({ signal: turn }),
      peerDns: new DnsClient({ timeoutMs: 700, channel: new UdpChannel(), signal: turn }),
      agents: new AgentClient(),
    });
    metrics.isLeader = true;
    try {
      await operator.run(turn);
    } finally {
      metrics.isLeader = false;
      operator = undefined;
    }
  });
}

const log = createLogger({ write: (line) => process.stdout.write(line), now: Date.now });
const told = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    told.abort();
    setTimeout(() => process.exit(0), 3000).unref();
  });
}
Promise.resolve()
  .then(() => run(readOperatorOptions(process.env), { signal: told.signal, log }))
  .then(
    () => process.exit(0),
    (error: unknown) => {
      log.error(messageOf(error), error instanceof UserError ? {} : { stack: (error as Error).stack });
      process.exit(1);
    },
  );
