import { inParallel } from "../../base/in-parallel";
import { without } from "../../base/lists";
import { addressAt, type RelayTarget } from "../../knot/config/remotes";
import { type Patience, ServerLook } from "./server-look";

/** How long Knot's start waits for other servers: one that is only slow has its address again as soon as the agent has heard it. */
const usualPatience: Patience = { connectMs: 1000, answerMs: 1000 };
/** Looks at the same time, and milliseconds after which no further one begins. */
const [width, mostMs] = [50, 2000];

/**
 * Those of these addresses, in Knot's form, with which Knot is to start: all but those that say nothing now. A Knot that starts
 * asks its sources before it answers anybody, and waits for four times as long as for anything else where one takes the
 * connection and says nothing (ADR 0044). Where none of them takes a connection, it is our own network that is not there yet.
 */
export async function answering(
  targets: readonly RelayTarget[],
  addresses: readonly string[],
  patience: Patience = usualPatience,
): Promise<readonly string[]> {
  const known = new Set(addresses);
  const began = performance.now();
  const silent = new Set<string>();
  const connected: string[] = [];
  const looks = targets.flatMap(({ addresses: hosts, port, speaks }) =>
    hosts.map((host) => ({ host, port, speaks })).filter((at) => known.has(addressAt(at.host, at.port))),
  );
  await inParallel(width, looks, async (at) => {
    if (performance.now() - began > mostMs) return;
    const look = new ServerLook(at, patience);
    const took = await look.took;
    if (took === undefined) silent.add(addressAt(at.host, at.port));
    if (look.isConnected) connected.push(at.host);
  });
  return connected.length > 0 && silent.size > 0 ? without(addresses, silent) : addresses;
}
