import { Heartbeats, isAborted, systemClock as clock } from "../../base/clock";
import { messageOf, UserError } from "../../base/errors";
import { HttpServer } from "../../base/http-server";
import { readJsonFile } from "../../base/json-file";
import { createLogger, type Logger } from "../../base/log";
import { resolverEnvironment } from "../../contract/environments";
import { resolverWorkers } from "../../contract/resolver";
import { DnsClient } from "../../dns/client/dns-client";
import { parseTsigKey } from "../../keyring/tsig-key";
import { LiveInputs } from "../operator/inputs";
import { programEnd, terminationSignal } from "../program-end";
import { renderProgramMetrics } from "../program-metrics";
import { AgentClient } from "../sidecar/http/agent-client";
import { noZones, renderResolverMetrics } from "./metrics";
import { missing } from "./readiness";
import { Resolver, type ResolverOptions } from "./resolver";
import { WorkerControl } from "./worker-control";
import { Workers } from "./workers";

async function run(options: ResolverOptions, { signal, log }: { signal: AbortSignal; log: Logger }): Promise<void> {
  const heart = new Heartbeats(clock.now);
  const control = new WorkerControl(options.folder);
  const recursive = new DnsClient({ timeoutMs: 1000, recursive: true, signal });
  let resolver: Resolver | undefined;
  let unusable: string | undefined;
  const waitsFor = () => resolver?.waitsFor ?? unusable;
  const missingNow = () => {
    const { folder, listen } = options;
    return missing({ folder, listen, control, recursive, waitsFor: waitsFor() });
  };
  await using server = new HttpServer({
    "GET /live": () => answer(heart.stuck, "stuck"),
    "GET /ready": async () => answer(await missingNow(), "waits for"),
    "GET /metrics": async () => {
      const workers = await Promise.all(resolverWorkers.map((worker) => control.counts(worker)));
      const isReady = (await missingNow()).length === 0;
      const isFollowing = resolver !== undefined && waitsFor() === undefined;
      const own = renderResolverMetrics({ isReady, isFollowing, zones: resolver?.zones ?? noZones, workers });
      return { status: 200, body: renderProgramMetrics({ program: "resolver", site: resolver?.site ?? "" }) + own };
    },
  });
  await server.listen(options.http.address, options.http.port);
  while (!isAborted(signal)) {
    heart.beat("mesh");
    try {
      resolver ??= await openResolver(options, { control, signal, log });
    } catch (error) {
      // Knot Resolver answers on with what it has: a pod whose agent has ended would be out of the Service.
      const reason = messageOf(error);
      if (reason !== unusable) log.error("what the site's stack says cannot be used", { reason });
      unusable = reason;
    }
    await resolver?.look(signal);
    await clock.pause(options.lookMs, signal);
  }
}

async function openResolver(
  options: ResolverOptions,
  { control, signal, log }: { control: WorkerControl; signal: AbortSignal; log: Logger },
): Promise<Resolver> {
  const resolver = new Resolver({
    options,
    inputs: await LiveInputs.open(options.packetFile),
    readKey: () => readJsonFile(options.localKeyFile, (json) => parseTsigKey(json, "key")),
    dns: new DnsClient({ timeoutMs: 1500, signal }),
    agents: new AgentClient(undefined, signal),
    workers: new Workers({ control, clock, log }),
    log,
    clock,
  });
  await resolver.open();
  return resolver;
}

function answer(problems: readonly string[], word: string) {
  if (problems.length === 0) return { status: 200, body: "ok\n" };
  return { status: 503, body: `${word}: ${problems.join(", ")}\n` };
}

const log = createLogger({ write: (line) => process.stdout.write(line), now: clock.now });
const signal = programEnd({ signal: terminationSignal(), clock, log, exit: () => process.exit(0) });
Promise.resolve()
  .then(() => run(resolverEnvironment.fromEnvironment(process.env), { signal, log }))
  .then(
    () => process.exit(0),
    (error: unknown) => {
      log.error(messageOf(error), error instanceof UserError ? {} : { stack: (error as Error).stack });
      process.exit(1);
    },
  );
