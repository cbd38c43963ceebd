import { Heartbeats, systemClock as clock } from "../../base/clock";
import { messageOf, UserError } from "../../base/errors";
import { HttpServer } from "../../base/http-server";
import { readJsonFile } from "../../base/json-file";
import { createLogger, type Logger } from "../../base/log";
import { leaseName } from "../../contract/operator-rules";
import { DnsClient } from "../../dns/client/dns-client";
import { UdpChannel } from "../../dns/client/udp-channel";
import { parseTsigKey } from "../../keyring/tsig-key";
import { inClusterOptions, KubeClient } from "../../kube/client";
import { leadInTurn } from "../../kube/leader";
import { watchObjects } from "../../kube/watch";
import { askPod } from "../pods";
import { programEnd, terminationSignal } from "../program-end";
import { renderProgramMetrics } from "../program-metrics";
import { AgentClient } from "../sidecar/http/agent-client";
import { EventQueue } from "./event-queue";
import { healthRoutes } from "./health";
import { followInputs, LiveInputs } from "./inputs";
import { OperatorMetrics } from "./metrics";
import { RecordOperator } from "./operator";
import { type OperatorOptions, readOperatorOptions } from "./options";
import { PoolOperator } from "./pools/pool-operator";
import { probe } from "./pools/probe";
import type { AskSerial } from "./zone-at-site";

/** Connections to the API server that are kept. */
const connections = 32;
/** For so many milliseconds a token is not read again; mounted ones are good for minutes after they were replaced. */
const tokenMs = 10_000;
/** Milliseconds that a site has for an answer. */
const siteMs = 700;
/** Milliseconds for which one port is used: what stands before a site's pods keeps a busy one to a pod, also to one that went. */
const portMs = 2000;

/** A turn as the leader, with the clients that are counted. */
interface Turn {
  readonly operator: RecordOperator;
  readonly pools: PoolOperator;
  readonly dns: readonly DnsClient[];
}

async function run(options: OperatorOptions, { signal, log }: { signal: AbortSignal; log: Logger }): Promise<void> {
  const api = { ...(await inClusterOptions(process.env, options.account)), tokenMs };
  const kube = new KubeClient({ ...api, connections });
  // Its own connection: renewing the Lease must not wait behind thousands of writes.
  const leaseClient = new KubeClient({ ...api, connections: 1 });
  const metrics = new OperatorMetrics();
  // What cannot be read is the turn's to complain about.
  const site = await LiveInputs.open(options.packetFile).then(
    ({ current }) => current.packet.site.name,
    () => "",
  );
  const heart = new Heartbeats(clock.now);
  let turn: Turn | undefined;
  let isStandby = false;
  await using server = new HttpServer({
    ...healthRoutes({ heart, turn: () => turn, isStandby: () => isStandby }),
    "GET /metrics": () => {
      const { reads: apiReads, writes: apiWrites } = kube.counters;
      const leaseRequests = leaseClient.counters.reads + leaseClient.counters.writes;
      const sent = (turn?.dns ?? []).flatMap(({ counters }) => Object.values(counters) as number[]);
      const dnsRequests = sent.reduce((sum, each) => sum + each, 0);
      const counts = { ...turn?.operator.counts, ...(turn && { pools: turn.pools.counts }) };
      const own = metrics.render({ ...counts, apiReads, apiWrites, leaseRequests, dnsRequests });
      return { status: 200, body: renderProgramMetrics({ program: "operator", site }) + own };
    },
  });
  await server.listen(options.http.address, options.http.port);
  const lease = {
    client: leaseClient,
    namespace: options.namespace,
    name: leaseName,
    identity: options.pod,
    leaseSeconds: options.leaseSeconds,
    onTry: (isAnswered: boolean) => {
      isStandby = isAnswered;
      heart.beat("lease");
    },
  };
  await leadInTurn({ ...lease, clock, random: Math.random, log, signal }, async (ours) => {
    turn = await openTurn({ options, kube: kube.until(ours), metrics, log, signal: ours });
    metrics.isLeader = true;
    try {
      await Promise.all([turn.operator.run(ours), turn.pools.run(ours)]);
    } finally {
      metrics.isLeader = false;
      turn = undefined;
    }
  });
}

/** Everything that a turn works with, bound to its end. */
async function openTurn(parts: {
  readonly options: OperatorOptions;
  readonly kube: KubeClient;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): Promise<Turn> {
  const { options, kube, metrics, log, signal } = parts;
  const key = (file: string) => readJsonFile(file, (json) => parseTsigKey(json, "key"));
  const dns = new DnsClient({ signal });
  const shared = new DnsClient({ timeoutMs: siteMs, channel: new UdpChannel({ portMs }), signal });
  const anew = new DnsClient({ timeoutMs: siteMs, signal });
  const ask: AskSerial = (question) => askPod({ ...question, dns: question.anew ? anew : shared });
  const inputs = await LiveInputs.open(options.packetFile);
  const { random } = Math;
  const { namespace } = options;
  await followInputs({ inputs, client: kube, watch: watchObjects, namespace, log, signal, random });
  // What cannot be used is told by the operator, which looks again.
  await inputs.look().catch(() => false);
  const common = {
    options,
    kube,
    log,
    clock,
    dns,
    inputs,
    keys: { local: await key(options.localKeyFile), records: await key(options.recordsKeyFile) },
    watch: watchObjects,
    random,
  };
  const agents = new AgentClient(undefined, signal);
  const operator = new RecordOperator({ ...common, metrics, ask, agents, pools: () => pools.made });
  const events = new EventQueue({ client: kube, pod: options.pod, log, now: clock.now });
  const announce = () => agents.announce(inputs.current.agent);
  // Many times a second: a socket for each question would cost more than the question.
  const looking = new DnsClient({ channel: new UdpChannel({ portMs }), signal });
  const pools: PoolOperator = new PoolOperator({
    ...{ ...common, dns: looking, announce, events, probe },
    mesh: () => operator.mesh,
    onMade: (uid) => {
      operator.lookAtSource(uid);
    },
  });
  return { operator, pools, dns: [dns, shared, anew, looking] };
}

const log = createLogger({ write: (line) => process.stdout.write(line), now: clock.now });
const signal = programEnd({ signal: terminationSignal(), clock, log, exit: () => process.exit(0) });
Promise.resolve()
  .then(() => run(readOperatorOptions(process.env), { signal, log }))
  .then(
    () => process.exit(0),
    (error: unknown) => {
      log.error(messageOf(error), error instanceof UserError ? {} : { stack: (error as Error).stack });
      process.exit(1);
    },
  );
