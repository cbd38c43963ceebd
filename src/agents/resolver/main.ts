import { Heartbeats, isAborted, systemClock as clock } from "../../base/clock";
import { messageOf, UserError } from "../../base/errors";
import { HttpServer } from "../../base/http-server";
import { readJsonFile } from "../../base/json-file";
import { createLogger, type Logger } from "../../base/log";
import { resolverEnvironment } from "../../contract/environments";
import { DnsClient } from "../../dns/client/dns-client";
import { parseTsigKey } from "../../keyring/tsig-key";
import { LiveInputs } from "../operator/inputs";
import { programEnd, terminationSignal } from "../program-end";
import { AgentClient } from "../sidecar/http/agent-client";
import { Resolver, type ResolverOptions } from "./resolver";

async function run(options: ResolverOptions, { signal, log }: { signal: AbortSignal; log: Logger }): Promise<void> {
  const heart = new Heartbeats(clock.now);
  const resolver = new Resolver({
    options,
    inputs: await LiveInputs.open(options.packetFile),
    key: await readJsonFile(options.localKeyFile, (json) => parseTsigKey(json, "key")),
    dns: new DnsClient({ timeoutMs: 1500, signal }),
    recursive: new DnsClient({ timeoutMs: 1000, recursive: true, signal }),
    agents: new AgentClient(undefined, signal),
    log,
    clock,
  });
  await resolver.open();
  await using server = new HttpServer({
    "GET /live": () => answer(heart.stuck, "stuck"),
    // Asked in the name of the container beside this one, which a shell keeps alive whatever becomes of its processes.
    "GET /resolver": async () => answer(await resolver.silent(), "no answer from"),
    "GET /ready": async () => answer(await resolver.missing(), "waits for"),
  });
  await server.listen(options.http.address, options.http.port);
  while (!isAborted(signal)) {
    heart.beat("mesh");
    await resolver.look(signal);
    await clock.pause(options.lookMs, signal);
  }
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
