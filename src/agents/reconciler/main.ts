import { messageOf } from "../../base/errors";
import { readJsonFile } from "../../base/json-file";
import { createLogger, type Logger } from "../../base/log";
import type { Environment } from "../../contract/environment";
import { reconcilerEnvironment } from "../../contract/environments";
import { liveSettingsPath, parseLiveSettings } from "../../contract/live-settings";
import { parseTsigKey } from "../../keyring/tsig-key";
import { inClusterOptions, KubeClient } from "../../kube/client";
import { parseWelcomePacket } from "../../mesh/welcome";
import { patientDns } from "../patient-dns";
import { AgentClient } from "../sidecar/http/agent-client";
import { KubeCluster } from "./cluster";
import { readReconcilerOptions } from "./options";
import { runPass } from "./pass";

/** Milliseconds after which DNS is given up. A pass has a minute in all, and there is still to be reported. */
const dnsPatience = 30_000;

/** One pass; resolves to the exit status. */
async function run(env: Environment, log: Logger): Promise<number> {
  const { packetFile } = reconcilerEnvironment.fromEnvironment(env);
  const options = readReconcilerOptions(env, await readJsonFile(liveSettingsPath(packetFile), parseLiveSettings));
  const packet = await readJsonFile(options.packetFile, parseWelcomePacket);
  const key = await readJsonFile(options.localKeyFile, (json) => parseTsigKey(json, "key"));
  const client = new KubeClient(await inClusterOptions(env, options.account));
  const { ok } = await runPass({
    options,
    packet,
    key,
    dns: patientDns(dnsPatience),
    agents: new AgentClient(),
    cluster: new KubeCluster(client, options.namespace),
    log,
    now: Date.now,
  });
  return ok ? 0 : 1;
}

const log = createLogger({ write: (line) => process.stdout.write(line), now: Date.now });
run(process.env, log).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    log.error(messageOf(error), { kind: "setup" });
    const none = { dnsQueries: 0, transfers: 0, apiReads: 0, apiWrites: 0 };
    log.info("not in order", { counters: none, ok: false });
    process.exitCode = 1;
  },
);
