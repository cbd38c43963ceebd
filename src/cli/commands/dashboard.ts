import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, withJson } from "../command";

interface Options extends AccessOptions {
  readonly port: string;
  readonly listen: string;
  readonly host?: readonly string[];
  readonly every: string;
  readonly verify?: string | true;
  readonly clusters: boolean;
  readonly json?: boolean;
}

/** `mesh dashboard`: the mesh as a page. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "dashboard",
    summary: "the mesh as a page in a browser: what is wrong, a map, lags, history",
    description:
      "Looks at the mesh again and again, as status does, and serves what it finds as a page that changes by itself, until Ctrl-C. " +
      "The page can only be read, has no key on it and fetches nothing from elsewhere. It is served at this machine's own address alone (127.0.0.1), to whoever can open a connection on this machine. " +
      "The address goes to the standard output once it is served.",
    examples: [
      "dashboard",
      "dashboard --port 0 --every 2 --access /dev/shm/mesh-lab-x/access.json",
      "dashboard --verify 30",
    ],
  });
  withJson(withAccess(command))
    .option("--port <N>", "where it is served; 0 for any that is free", "8053")
    .option(
      "--listen <IP>",
      "the address at which it is served; at another than 127.0.0.1 others can read it",
      "127.0.0.1",
    )
    .option("--host <NAME...>", "further names that a browser may ask for it by, as behind a proxy")
    .option("--every <SECONDS>", "from the end of one look to the next", "5")
    .option(
      "--verify [MINUTES]",
      "compares the content of all zones too, as verify does, every 10 minutes or as many as you say",
    )
    .option("--no-clusters", "asks no cluster")
    .action(dashboard);
}

async function dashboard(options: Options): Promise<void> {
  const port = numberOf(options.port, { what: "--port takes a number", least: 0, most: 65_535, isWhole: true });
  const everySeconds = numberOf(options.every, { what: "--every takes seconds", least: 0.5, most: 3600 });
  const minutes = options.verify === true ? 10 : options.verify;
  const verifyMinutes =
    minutes === undefined
      ? undefined
      : numberOf(String(minutes), { what: "--verify takes minutes", least: 0.1, most: 1440 });
  const { isIP } = await import("node:net");
  if (isIP(options.listen) === 0)
    throw new UserError(`--listen takes an IP address of this machine, not "${options.listen}"`);
  const { readAccess } = await import("../mesh-access");
  const { serveDashboard } = await import("../dashboard/serve");
  await serveDashboard(readAccess(options), {
    ...{ port, everySeconds, address: options.listen, names: options.host ?? [], clusters: options.clusters },
    ...(verifyMinutes !== undefined && { verifySeconds: verifyMinutes * 60 }),
    isJson: options.json === true,
  });
}

interface Range {
  readonly what: string;
  readonly least: number;
  readonly most: number;
  readonly isWhole?: true;
}

function numberOf(text: string, { what, least, most, isWhole }: Range): number {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (number >= least && number <= most && (isWhole !== true || Number.isInteger(number))) return number;
  throw new UserError(`${what} from ${least} to ${most}, not "${text}"`);
}
