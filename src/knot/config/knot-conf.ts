import type { Transport } from "../../mesh/model";
import { defaultRateLimit, type SiteRuntime } from "./site-runtime";
import { section } from "./stanza";
import { controlSocket, volumeFiles, volumeFolders } from "./volume";

/**
 * Knot's main configuration file. It never changes while a server runs: what does change is included.
 *
 * - `include` takes globs: a bare directory would silently include nothing.
 * - `remote-retry-delay` keeps a black-holed peer from taking the background workers one zone after the other.
 * - Zones log at `debug`: only there does Knot say why it refused a transfer, a NOTIFY or a signature.
 * - `identity` and `version` are empty: neither host nor software is told (CHAOS TXT gets REFUSED). `nsid` is that of the
 *   included `00-server.conf`: which pod answers is told, since the other sites and the site's own programs must know.
 * - Cookies come before the rate limit, which spares those who show a valid one.
 * - `user` is absent: the server already runs as an unprivileged user and may not change to another.
 */
export function renderKnotConf(runtime: SiteRuntime, transport: Transport): string {
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
    background-workers: ${workers?.background ?? 8}
    remote-retry-delay: 30000

control:
    listen: "${controlSocket(rundir)}"

log:
  - target: stdout
    any: info
    zone: debug

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

${renderRateLimit(runtime)}template:
  - id: default
    storage: "${storage}/${volumeFolders.zones}"
    global-module: [${globalModules(runtime).join(", ")}]

include: "${storage}/${volumeFiles.keys}"
include: "${storage}/${volumeFolders.peers}/*.conf"
include: "${storage}/${volumeFolders.zoneStanzas}/*.conf"
`;
}

/** A mesh over QUIC takes TLS as well, which the agents speak. */
function secureServer({ storage, secure }: SiteRuntime, transport: Transport): string {
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

/**
 * Only UDP is limited, and nothing is dropped (`slip: 1`): transfers and everything else over TCP, TLS and QUIC come from
 * an address that is no forgery, and the time limit there would count the handshakes of peers too. The own agent asks
 * over loopback.
 */
function renderRateLimit({ rateLimit = defaultRateLimit }: SiteRuntime): string {
  if (rateLimit === false) return "";
  const { perSecond, burst, exempt } = rateLimit;
  return section("mod-rrl", [
    {
      id: "default",
      "rate-limit": perSecond,
      "instant-limit": burst,
      slip: 1,
      "time-rate-limit": 0,
      whitelist: ["127.0.0.1", "::1", ...exempt],
    },
  ]);
}

function globalModules({ rateLimit }: SiteRuntime): readonly string[] {
  return ["mod-stats/default", "mod-cookies/default", ...(rateLimit === false ? [] : ["mod-rrl/default"])];
}
