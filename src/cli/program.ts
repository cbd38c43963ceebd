import { Command, CommanderError } from "commander";

import { version } from "../../package.json";
import { messageOf, UserError } from "../base/errors";
import { printableText } from "../base/text";
import { register as adopt } from "./commands/adopt";
import { register as completion } from "./commands/completion";
import { register as corefile } from "./commands/corefile";
import { register as crd } from "./commands/crd";
import { register as dashboard } from "./commands/dashboard";
import { register as dig } from "./commands/dig";
import { register as doctor } from "./commands/doctor";
import { register as exportRecords } from "./commands/export";
import { register as graph } from "./commands/graph";
import { register as importZone } from "./commands/import";
import { register as init } from "./commands/init";
import { register as keys } from "./commands/keys";
import { register as lab } from "./commands/lab";
import { register as lint } from "./commands/lint";
import { register as logs } from "./commands/logs";
import { register as monitoring } from "./commands/monitoring";
import { register as pools } from "./commands/pools";
import { register as preview } from "./commands/preview";
import { register as promote } from "./commands/promote";
import { register as recover } from "./commands/recover";
import { register as restore } from "./commands/restore";
import { register as schema } from "./commands/schema";
import { register as site } from "./commands/site";
import { register as status } from "./commands/status";
import { register as up } from "./commands/up";
import { register as verify } from "./commands/verify";
import { register as zone } from "./commands/zone";
import { exitCodes, exitCodesHelp, FailedError, InterruptedError } from "./exit-codes";

/** A module of `commands/`: it puts its command into the program, and loads what that needs when it runs. */
type Register = (program: Command) => void;

/** In the order of the help. */
const commands: readonly Register[] = [
  init,
  site,
  zone,
  preview,
  up,
  status,
  verify,
  pools,
  dig,
  graph,
  dashboard,
  logs,
  lint,
  doctor,
  lab,
  importZone,
  exportRecords,
  crd,
  corefile,
  monitoring,
  schema,
  restore,
  promote,
  recover,
  adopt,
  keys,
  completion,
];

/** `mesh` with all its commands. */
export function meshProgram(): Command {
  const program = new Command("mesh")
    .description("See and steer a DNS mesh.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(mesh --help lists commands, mesh COMMAND --help their options)")
    .configureHelp({ sortOptions: false })
    .addHelpText("afterAll", `\n${exitCodesHelp}`);
  for (const register of commands) register(program);
  return program;
}

/** Runs a command line, of which `mesh` is left out. Returns the exit code; what went wrong is on the standard error. */
export async function runMesh(args: readonly string[]): Promise<number> {
  const program = meshProgram();
  if (args.length === 0) {
    program.outputHelp();
    return exitCodes.fine;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return Number(process.exitCode ?? exitCodes.fine);
  } catch (error) {
    return await exitCodeOf(error);
  }
}

async function exitCodeOf(error: unknown): Promise<number> {
  // Commander has said already what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  const isPlain = error instanceof UserError || (await isAnswer(error));
  const isWhole = !isPlain && process.env["DNS_MESH_DEBUG"] === "1";
  console.error(isWhole ? error : printableText(isPlain ? messageOf(error) : faultText(error)));
  if (error instanceof InterruptedError) return exitCodes.interrupted;
  return error instanceof UserError && !(error instanceof FailedError) ? exitCodes.usage : exitCodes.found;
}

/** Whether a cluster or Vault said no. Their clients are looked up once something went wrong: they take longer to load than all commands. */
async function isAnswer(error: unknown): Promise<boolean> {
  const { KubeError } = await import("../kube/answer");
  const { VaultError } = await import("../vault/client");
  return error instanceof KubeError || error instanceof VaultError;
}

/** What is no user's fault, on a line: its stack and what it quotes may have more of a file or an answer than is to be seen. */
function faultText(error: unknown): string {
  const [line = ""] = messageOf(error).split("\n");
  return `${line}\nThis should not happen, and is not said as it should be; DNS_MESH_DEBUG=1 shows where it comes from.`;
}
