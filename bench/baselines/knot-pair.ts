import { join } from "node:path";

import { eventually } from "../../harness/eventually";
import { freePort } from "../../harness/free-port";
import { type KnotPlace, startKnot } from "../../harness/knot";
import { DnsClient } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import { randomKey } from "../../src/keyring/fresh-key";
import { KnotControl } from "../../src/knot/control/knot-control";
import { type Baseline, type BaselineOptions, replaceByUpdate } from "./baseline";
import { benchZone } from "./text";

/** A Knot and how it gets its zones. */
interface Part {
  readonly key: TsigKey;
  readonly zones: readonly string[];
  readonly peer: { readonly address: string; readonly port: number };
  readonly isPrimary: boolean;
}

/** Knot's own settings, but for what makes the pair one. */
function config(place: KnotPlace, { key, zones, peer, isPrimary }: Part): string {
  return `server:
    listen: ${place.address}@${place.port}
    rundir: ${place.rundir}
    udp-workers: 1
    tcp-workers: 2
    background-workers: 2
log:
  - target: stdout
    any: warning
database:
    storage: ${join(place.storage, "db")}
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
remote:
  - id: peer
    address: ${peer.address}@${peer.port}
    key: ${key.name}
acl:
  - id: peer
    key: ${key.name}
    action: [transfer, notify, update]
template:
  - id: default
    storage: ${place.storage}
    file: zones/%s.zone
    ${isPrimary ? "notify: peer" : "master: peer"}
    acl: peer
    zonefile-sync: -1
    zonefile-load: ${isPrimary ? "whole" : "none"}
    journal-content: ${isPrimary ? "changes" : "all"}
zone:
${zones.map((zone) => `  - domain: ${zone}\n`).join("")}`;
}

/**
 * One Knot primary with one secondary: what no mesh of Knots can be faster than.
 *
 * @param notify `stock` leaves NOTIFY to Knot, which sends it a second after the update; `atOnce` asks for it over the
 * control socket when the update is acknowledged, as `knotc zone-notify` does.
 */
export async function startKnotPair(
  options: Omit<BaselineOptions, "servers">,
  notify: "stock" | "atOnce",
): Promise<Baseline> {
  const { zones, folder } = options;
  const key = randomKey("bench");
  const address = "127.0.0.1";
  const peer = { address, port: await freePort(address) };
  await using started = new AsyncDisposableStack();
  const common = { address, ...(folder !== undefined && { folder }) };
  const files = Object.fromEntries(zones.map((zone) => [`zones/${zone}.zone`, benchZone(zone)]));
  const primary = started.use(
    await startKnot({ ...common, files, config: (place) => config(place, { key, zones, peer, isPrimary: true }) }),
  );
  const secondary = started.use(
    await startKnot({
      ...common,
      port: peer.port,
      config: (place) => config(place, { key, zones, peer: primary.server, isPrimary: false }),
    }),
  );
  const client = new DnsClient();
  await eventually(60, async () => {
    for (const zone of zones) await client.querySoa(secondary.server, zone);
  });
  const control = new KnotControl(join(primary.rundir, "knot.sock"));
  const servers = [primary, secondary].map(({ server }, i) => ({ name: i === 0 ? "primary" : "secondary", server }));
  const running = started.move();
  return {
    ...{ servers, owner: primary.server, key, zones, pids: [primary.pid, secondary.pid] },
    ownerOf: () => "primary",
    replace: replaceByUpdate(primary.server, key),
    ...(notify === "atOnce" && { afterUpdate: (zone) => control.zoneNotify(zone) }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
