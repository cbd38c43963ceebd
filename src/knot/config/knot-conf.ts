import type { Transport } from "../../mesh/model";
import type { SiteRuntime } from "./site-runtime";
import { controlSocket, volumeFiles, volumeFolders, zonesLog } from "./volume";

/** In pods. Each waits for a server that takes a connection and then says nothing: three seconds by way of the agent (ADR 0044). */
export const backgroundWorkers = 8;

/**
 * For how many milliseconds Knot waits for another server, where it goes by itself: for a connection over TCP and for each
 * answer; four times as long for the first answer over TLS. Less than its own 5000, and enough for a link of two seconds there
 * and back: in the worst case a zone waits so long at its owner's address, when that is one that says nothing (ADR 0044).
 */
const remoteMs = 3000;

/** What Knot takes over only when it starts. */
export type StartSettings = Pick<SiteRuntime, "storage" | "rundir" | "listen" | "workers"> & {
  readonly secure: Pick<SiteRuntime["secure"], "listen">;
};

/**
 * Knot's main configuration file: what it takes over only when it starts. All that a reload brings is included.
 *
 * - `include` takes globs: a bare directory would silently include nothing.
 * - `remote-retry-delay` keeps a black-holed peer from taking the background workers one zone after the other, over plain TCP:
 *   over TLS it counts nothing, and the agent's relay does it.
 * - Zones log at `debug`: only there does Knot say why it refused a transfer, a NOTIFY or a signature. But there it says as
 *   well what it permitted, hundreds of lines a minute at rest: so that goes to a file, of which the agent passes on what
 *   matters, and truncates it.
 * - `identity` and `version` are empty: neither host nor software is disclosed (CHAOS TXT gets REFUSED). `nsid` is that of the
 *   included `00-server.conf`: which pod answers is disclosed, since the other sites and the site's own programs must know.
 * - The limits stand behind a pattern: a pod of a version that had them here starts without the file.
 * - `user` is absent: the server already runs as an unprivileged user and may not change to another.
 */
export function renderKnotConf(runtime: StartSettings, transport: Transport): string {
  const { storage, rundir, workers } = runtime;
  return `server:
    rundir: "${rundir}"
    listen: [${runtime.listen.join(", ")}]
    identity: ""
    version: ""
    nsid: ""
${secureServer(runtime, transport)}    udp-max-payload: 1232
    udp-workers: ${workers?.udp ?? 2}
    tcp-workers: ${workers?.tcp ?? 10}
    tcp-reuseport: on
    background-workers: ${workers?.background ?? backgroundWorkers}
    tcp-remote-io-timeout: ${remoteMs}
    remote-retry-delay: 30000

control:
    listen: "${controlSocket(rundir)}"

${logSection(rundir)}
database:
    storage: "${storage}/${volumeFolders.databases}"

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

include: "${storage}/${volumeFiles.cookies}"

include: "${storage}/${volumeFiles.limits.replace(/\.conf$/, "*.conf")}"

include: "${storage}/${volumeFiles.keys}"
include: "${storage}/${volumeFolders.peers}/*.conf"
include: "${storage}/${volumeFolders.zoneStanzas}/*.conf"
`;
}

/** What of Knot's log goes where. `any` would count for zones and the control socket too. */
export function logSection(rundir: string): string {
  return `log:
  - target: stdout
    server: info
    control: warning
    quic: warning
    zone: notice
  - target: "${zonesLog(rundir)}"
    zone: debug
`;
}

/** A mesh over QUIC takes TLS as well, which the agents speak. */
function secureServer({ storage, secure }: StartSettings, transport: Transport): string {
  if (transport === "tcp") return "";
  const own = `"${storage}/${volumeFiles.certificate}"`;
  const sockets = secure.listen.join(", ");
  return [
    `listen-tls: [${sockets}]`,
    ...(transport === "quic" ? [`listen-quic: [${sockets}]`] : []),
    `cert-file: ${own}`,
    `key-file: ${own}`,
    `ca-file: "${storage}/${volumeFiles.roots}"`,
  ]
    .map((line) => `    ${line}\n`)
    .join("");
}
