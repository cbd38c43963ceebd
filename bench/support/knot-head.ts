import { join } from "node:path";

import type { KnotPlace } from "../../harness/knot";
import type { TsigKey } from "../../src/dns/tsig-key";

/** How a configuration of Knot begins that listens at several addresses, and has one key for all that a mesh does. */
export function knotHead(
  place: KnotPlace,
  server: { readonly listen: readonly string[]; readonly key: TsigKey },
): string {
  return `server:
    listen: [${server.listen.map((address) => `${address}@${place.port}`).join(", ")}]
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
  - id: ${server.key.name}
    algorithm: ${server.key.algorithm}
    secret: ${server.key.secret}
acl:
  - id: mesh
    key: ${server.key.name}
    action: [transfer, notify]
`;
}
