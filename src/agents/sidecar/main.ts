import { systemClock } from "../../base/clock";
import { messageOf, UserError } from "../../base/errors";
import { createLogger, type Logger } from "../../base/log";
import { nodeFlags } from "../../contract/node-flags";
import { programEnd, terminationSignal } from "../program-end";
import { type AgentOptions, readAgentOptions } from "./inputs/options";
import { supervise } from "./supervisor";

/**
 * The program beside Knot: `prepare` (once, before Knot starts), `agent` (keeps `worker` running), `worker` (the agent
 * itself). Returns the exit status.
 *
 * What a command alone needs is loaded by it: what keeps the worker running loads a tenth of the program.
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
    case "prepare": {
      const [{ prepare }, { DnsClient }] = await Promise.all([
        import("./prepare"),
        import("../../dns/client/dns-client"),
      ]);
      await prepare({ options, dns: new DnsClient({ timeoutMs: 700 }), now, log });
      return;
    }
    case "agent":
      await supervise({ script: __filename, args: ["worker"], nodeFlags, log, now, signal: terminationSignal() });
      return;
    case "worker": {
      const leaving = terminationSignal();
      const [{ Worker }, { whenGone }] = await Promise.all([import("./worker"), import("./leaving")]);
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
