import { join } from "node:path";

import { type KnotServer, startKnot } from "../../harness/knot";

/** How many threads of each kind a Knot has. */
export interface Workers {
  readonly udp: number;
  readonly tcp: number;
  readonly background: number;
}

/** The workers that a configuration of Knot sets. @throws Error when it leaves one to Knot. */
export function workersOf(knotConf: string): Workers {
  const count = (kind: string): number => {
    const text = new RegExp(`^ +${kind}-workers: (\\d+)$`, "m").exec(knotConf)?.[1];
    if (text === undefined) throw new Error(`no ${kind}-workers in this configuration`);
    return Number(text);
  };
  return { udp: count("udp"), tcp: count("tcp"), background: count("background") };
}

/** A Knot with zones from files and otherwise its own settings: no module, key, peer, journal or signature. */
export function startBareKnot(options: {
  readonly workers: Workers;
  /** Zone name → master-file text. */
  readonly zones: Readonly<Record<string, string>>;
  /** A section for the end, to try what it costs. */
  readonly extra?: { readonly section: string; readonly inTemplate: string };
}): Promise<KnotServer> {
  const { workers, zones, extra } = options;
  return startKnot({
    zones,
    config: (place) => `server:
    listen: ${place.address}@${place.port}
    rundir: ${place.rundir}
    udp-workers: ${workers.udp}
    tcp-workers: ${workers.tcp}
    background-workers: ${workers.background}
log:
  - target: stdout
    any: info
database:
    storage: ${join(place.storage, "db")}
${extra?.section ?? ""}
template:
  - id: default
    storage: ${place.storage}
    file: zones/%s.zone
${extra?.inTemplate ?? ""}
zone:
${Object.keys(zones)
  .map((zone) => `  - domain: ${zone}\n`)
  .join("")}`,
  });
}
