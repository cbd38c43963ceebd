import type { SiteRuntime } from "./site-runtime";

/**
 * Knot's main configuration file. It never changes while a server runs: what does change is included.
 *
 * - `include` takes globs: a bare directory would silently include nothing.
 * - `remote-retry-delay` keeps a black-holed peer from taking the background workers one zone after the other.
 * - `user` is absent: the server already runs as an unprivileged user and may not change to another.
 */
export function renderKnotConf(runtime: SiteRuntime): string {
  const { storage, rundir, workers } = runtime;
  return `server:
    rundir: "${rundir}"
    listen: [${runtime.listen.join(", ")}]
    udp-workers: ${workers?.udp ?? 2}
    tcp-workers: ${workers?.tcp ?? 10}
    tcp-reuseport: on
    background-workers: ${workers?.background ?? 8}
    remote-retry-delay: 30000

control:
    listen: "${rundir}/knot.sock"

log:
  - target: stdout
    any: info

database:
    storage: "${storage}/db"

mod-stats:
  - id: default
    request-protocol: on
    server-operation: on
    request-bytes: on
    response-bytes: on
    edns-presence: off
    flag-presence: off
    response-code: on
    request-edns-option: off
    response-edns-option: off
    reply-nodata: on
    query-type: on

policy:
  - id: mesh
    algorithm: ecdsap256sha256

template:
  - id: default
    storage: "${storage}/zones"
    global-module: mod-stats/default

include: "${storage}/conf/keys.conf"
include: "${storage}/conf/peers.d/*.conf"
include: "${storage}/conf/zones.d/*.conf"
`;
}
