import { isThere } from "../../base/files";
import { resolverFiles, resolverWorkers } from "../../contract/resolver";
import { splitServer } from "../../dns/address";
import type { DnsClient } from "../../dns/client/dns-client";
import { rcodes } from "../../dns/types";
import type { WorkerControl } from "./worker-control";

/** What {@link missing} works with. */
export interface ReadinessOptions {
  readonly folder: string;
  /** Where Knot Resolver answers. */
  readonly listen: readonly string[];
  readonly control: Pick<WorkerControl, "state">;
  readonly recursive: Pick<DnsClient, "query">;
  /** Why the mesh is not followed, where that is known. */
  readonly waitsFor: string | undefined;
}

/**
 * What there must be for clients to be sent here, and is not. A process that is not there is no reason: the other one has all questions
 * then. One that hangs is, since it has its share of them. Never throws.
 */
export async function missing(options: ReadinessOptions): Promise<readonly string[]> {
  const { folder, control, waitsFor } = options;
  if (!(await isThere(resolverFiles(folder).configuration)))
    return [`directory and catalog${waitsFor === undefined ? "" : ` (${waitsFor})`}`];
  const states = await Promise.all(resolverWorkers.map((worker) => control.state(worker)));
  const silent = resolverWorkers.filter((worker) => states[worker]?.kind === "silent");
  if (silent.length > 0) return silent.map((worker) => `process ${worker} of Knot Resolver, which hangs`);
  const isUp = states.some(({ kind }) => kind === "answers") && (await isAnswered(options));
  return isUp ? [] : ["Knot Resolver"];
}

async function isAnswered({ listen, recursive }: ReadinessOptions): Promise<boolean> {
  const { address, port } = splitServer(listen[0] ?? "");
  const near = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return recursive.query({ address: near, port }, "localhost", "A").then(
    ({ rcode }) => rcode === rcodes.NOERROR,
    () => false,
  );
}
