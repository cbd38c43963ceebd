import { messageOf, UserError } from "../../base/errors";
import { readJsonFile } from "../../base/json-file";
import { createLogger, type Logger } from "../../base/log";
import type { Environment } from "../../contract/environment";
import { backupEnvironment } from "../../contract/environments";
import { liveSettingsPath, parseLiveSettings, writersAgent } from "../../contract/live-settings";
import { DnsClient } from "../../dns/client/dns-client";
import { parseWelcomePacket } from "../../mesh/welcome";
import { WriterAgent } from "./agent";
import { drill, fetchForDrill } from "./drill";
import { asBackupError } from "./failure";
import { Repository } from "./repository";
import { backUp, restore, type RunParts } from "./runs";

/** What each command does, and which alarm its failure is. */
const commands: Readonly<
  Partial<Record<string, { readonly of?: "backup" | "drill"; run(parts: RunParts): Promise<void> }>>
> = {
  backup: { of: "backup", run: backUp },
  restore: { run: restore },
  fetch: { of: "drill", run: fetchForDrill },
  drill: { of: "drill", run: (parts) => drill({ ...parts, dns: new DnsClient() }) },
};

/** The program beside a site's volume: `backup`, `restore`, and `fetch` and `drill` for a restore drill. */
async function main(
  command: string | undefined,
  { env, log }: { readonly env: Environment; readonly log: Logger },
): Promise<void> {
  const found = commands[command ?? ""];
  if (found === undefined)
    throw new UserError(`unknown command "${command ?? ""}"; use ${Object.keys(commands).join(", ")}`);
  const options = backupEnvironment.fromEnvironment(env);
  const packet = await readJsonFile(options.packetFile, parseWelcomePacket);
  const settings = await readJsonFile(liveSettingsPath(options.packetFile), parseLiveSettings);
  const site = packet.site.name;
  const agent = new WriterAgent(writersAgent(settings.pods), options.tokenFile);
  const now = Date.now;
  try {
    await found.run({ options, site, agent, repository: new Repository(options, site), now, log });
  } catch (error) {
    const { reason, message } = asBackupError(error);
    if (found.of !== undefined) {
      const failure = { at: new Date(now()).toISOString(), reason, message };
      await agent.report({ kind: "failure", of: found.of, failure }).catch((unheard: unknown) => {
        log.warn("the failure could not be reported to the agent", { reason: messageOf(unheard) });
      });
    }
    throw error;
  }
}

const log = createLogger({ write: (line) => process.stdout.write(line), now: Date.now, common: { program: "backup" } });
main(process.argv[2], { env: process.env, log }).then(
  () => {
    process.exitCode = 0;
  },
  (error: unknown) => {
    const { reason, message } = asBackupError(error);
    log.error(message, { command: process.argv[2] ?? "", reason });
    process.exitCode = 1;
  },
);
