import { version } from "../../../package.json";
import { systemClock } from "../../base/clock";
import { UserError } from "../../base/errors";
import { urlHost } from "../../base/text";
import type { MeshAccess } from "../mesh-access";
import { lookAt } from "../status";
import { compareContent } from "./content";
import { MeshWatch } from "./mesh-watch";
import { pageFiles } from "./page-files";
import { PageServer } from "./page-server";
import { isLoopback } from "./request-guard";

/** How the page is served. */
export interface DashboardOptions {
  readonly port: number;
  readonly address: string;
  /** Further names that a browser may ask for the page by. */
  readonly names: readonly string[];
  readonly everySeconds: number;
  /** Seconds between comparisons of all zones' content; missing where they are not compared. */
  readonly verifySeconds?: number;
  readonly clusters: boolean;
  readonly isJson: boolean;
}

/**
 * Serves the page until Ctrl-C, which ends the process: there is nothing to end in order.
 *
 * @throws UserError for an address or a port that cannot be had.
 */
export async function serveDashboard(access: MeshAccess, options: DashboardOptions): Promise<void> {
  const { port, address, everySeconds, verifySeconds, clusters, isJson } = options;
  const names = options.names.map((name) => name.toLowerCase());
  const watch = new MeshWatch({
    ...{ mesh: access.mesh, version, everySeconds },
    ...{ now: systemClock.now, pause: systemClock.pause },
    look: (turn, last) => lookAt(access, { turn, clusters, last }),
    ...(verifySeconds !== undefined && {
      compare: { everySeconds: verifySeconds, run: () => compareContent(access, systemClock.now) },
    }),
  });
  await using server = new PageServer({ watch, hosts: { address, names }, files: await pageFiles(__dirname) });
  const url = `http://${urlHost(address)}:${await listening(server, options)}/`;
  if (!isLoopback(address))
    console.error(`whoever reaches ${address} port ${port} reads this page: it asks nobody who they are`);
  process.stdout.write(isJson ? `${JSON.stringify({ url })}\n` : `${url}\n`);
  await watch.run(new AbortController().signal);
}

async function listening(server: PageServer, { port, address }: DashboardOptions): Promise<number> {
  try {
    return await server.listen(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new UserError(`port ${port} of ${address} is taken: --port N, or --port 0 for any that is free`, {
        cause: error,
      });
    if (code === "EADDRNOTAVAIL") throw new UserError(`this machine has no address ${address}`, { cause: error });
    if (code === "EACCES") throw new UserError(`port ${port} is for root alone: --port N above 1023`, { cause: error });
    throw error;
  }
}
