import type { Transport } from "../mesh/model";
import type { SiteRuntime } from "./site-runtime";

/** Where certificates stand on the volume: the site's own with its key, and those of the authorities. */
export const tlsFiles = { own: "tls/site.pem", roots: "tls/roots.pem" } as const;

/**
 * Knot's main configuration file. It never changes while a server runs: what does change is included.
 *
 * - `include` takes globs: a bare directory would silently include nothing.
 * - `remote-retry-delay` keeps a black-holed peer from taking the background workers one zone after the other.
 * - `user` is absent: the server already runs as an unprivileged user and may not change to another.
 */
export function renderKnotConf(runtime: SiteRuntime, transport: Transport): string {
  const { storage, rundir, workers } = runtime;
  return `server:
    rundir: "${rundir}"
    listen: [${runtime.listen.join(", ")}]
${secureServer(runtime, transport)}    udp-workers: ${workers?.udp ?? 2}
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

/** A mesh over QUIC takes TLS as well, which the agents speak. */
function secureServer({ storage, secure }: SiteRuntime, transport: Transport): string {
  if (transport === "tcp") return "";
  const own = `"${storage}/${tlsFiles.own}"`;
  const sockets = secure.listen.join(", ");
  return [
    `listen-tls: [${sockets}]`,
    ...(transport === "quic" ? [`listen-quic: [${sockets}]`] : []),
    `cert-file: ${own}`,
    `key-file: ${own}`,
    `ca-file: "${storage}/${tlsFiles.roots}"`,
  ]
    .map((line) => `    ${line}\n`)
    .join("");
}
