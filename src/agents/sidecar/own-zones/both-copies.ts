import { stat } from "node:fs/promises";

import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { siblings } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import type { Inputs } from "../inputs/inputs";
import type { AgentOptions } from "../inputs/options";
import type { Copies } from "../notify/disagreements";
import type { OpenEntry } from "../notify/open-entries";
import { ownSource, podSource, siteSource } from "./zone-source";

/** Octets of a zone's file above which it is not transferred to be compared. */
const mostOctets = 4 * 2 ** 20;

/** An own zone as another site or pod has it, and as our Knot has it; undefined where it is too large, or nothing is known yet. */
export async function copiesOf(
  { zone, target }: Pick<OpenEntry, "zone" | "target">,
  from: Pick<AgentOptions, "runtime"> & {
    readonly knot: DnsServer;
    readonly dns: Pick<DnsClient, "transfer">;
    readonly inputs: Inputs | undefined;
  },
): Promise<Copies | undefined> {
  const { inputs, dns, knot, runtime } = from;
  const [server] = target.servers;
  if (inputs === undefined || server === undefined) return undefined;
  const { size } = await stat(new KnotVolume(runtime.storage).zoneFile(zone));
  if (size > mostOctets) return undefined;
  const { site, pod: ordinal } = target;
  const pod = siblings(inputs.runtime).find((each) => each.ordinal === ordinal);
  const source = pod === undefined ? siteSource({ inputs, site, address: server.address }) : podSource(inputs, pod);
  const own = ownSource(knot, inputs);
  const [theirs, ours] = await Promise.all([
    dns.transfer(source.server, zone, source.key),
    dns.transfer(own.server, zone, own.key),
  ]);
  return { theirs, ours };
}
