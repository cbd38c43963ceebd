import { systemClock } from "../../base/clock";
import { messageOf, UserError } from "../../base/errors";
import { createLogger, type Logger } from "../../base/log";
import { nodeFlags } from "../../contract/node-flags";
import { DnsClient } from "../../dns/client/dns-client";
import { programEnd, terminationSignal } from "../program-end";
import { type AgentOptions, readAgentOptions } from "./inputs/options";
import { whenGone } from "./leaving";
import { prepare } from "./prepare";
import { supervise } from "./supervisor";
import { Worker } from "./worker";

/**
 * The program beside Knot: `prepare` (once, before Knot starts), `agent` (keeps `worker` running), `worker` (the agent
 * itself). Returns the exit status.
 */
async function main(command: string | undefined): Promise<number> {
  const now = Date.now;
  const log = createLogger({
    write: (line) => process.stdout.write(line),
    now,
    common: { program: command ?? "" },
  });
  try {
    await run({ command, log, options: readAgentOptions(process.env) });
    return 0;
  } catch (error) {
    log.error(messageOf(error), error instanceof UserError ? {} : { stack: (error as Error).stack });
    return 1;
  }
}

async function run(invocation: { command: string | undefined; log: Logger; options: AgentOptions }): Promise<void> {
  const { log, options } = invocation;
  const now = Date.now;
  switch (invocation.command) {
    case "prepare":
      await prepare({ options, dns: new DnsClient({ timeoutMs: 700 }), now, log });
      return;
    case "agent":
      await supervise({ script: __filename, args: ["worker"], nodeFlags, log, now, signal: terminationSignal() });
      return;
    case "worker": {
      const leaving = terminationSignal();
      const gone = whenGone(leaving, options.leaving);
      const signal = programEnd({ signal: gone, clock: systemClock, log, exit: () => process.exit(0) });
      process.once("disconnect", () => process.exit(0));
      await new Worker({ options, leaving, now, random: Math.random, log }).run(signal);
      return;
    }
    default:
      throw new UserError(`unknown command "${invocation.command ?? ""}"; use prepare, agent or worker`);
  }
}

/**
 * Ends the process once its output is written, whatever is still open: the channel to the supervisor alone would keep a
 * failed worker alive, and it would not be restarted.
 */
function leave(code: number): void {
  process.stdout.write("", () => process.exit(code));
}

void main(process.argv[2]).then(leave);
