import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { LabProcess, Log } from "../../lab/process";
import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import type { Identity } from "../certificates";
import { eventually } from "../eventually";
import { freePort } from "../free-port";
import { toolPath } from "../tools";
import { powerDnsFiles } from "../tools/debian";
import { run } from "../tools/run";
import {
  type Consumer,
  powerDnsGiven,
  powerDnsZones,
  renderBindConf,
  renderBindSecondaryConf,
  renderNsdConf,
  renderPowerDnsConf,
  renderPowerDnsPrimaryConf,
  renderPrimaryConf,
  type Secondary,
} from "./configuration";

/** What {@link startBind} and {@link startNsd} need: the mesh, the key, the port of its sites. */
export interface ConsumerOptions extends Omit<Consumer, "own" | "refresh"> {
  /** Seconds between two looks. @default 1 */
  readonly refresh?: number;
  /** The port that it answers on. @default a free one */
  readonly listen?: number;
}

/** A BIND or an NSD that takes everything from a mesh, or a resolver. Disposing ends it and removes its files. */
export interface OtherServer extends AsyncDisposable {
  readonly name: "BIND" | "NSD" | "PowerDNS" | "unbound";
  readonly server: DnsServer;
  /** Where its configuration and its copies of zones are. */
  readonly folder: string;
  /** The end of what it logged. */
  log(): string;
  /** Ends it and keeps its files. */
  stop(): Promise<void>;
  /** Starts it again on its files. */
  start(): Promise<void>;
}

// BIND listens on addresses of interfaces only.
const address = "127.0.0.1";

/** Starts `named`. Returns when it runs, whether or not it has any zone yet. */
export async function startBind({ refresh = 1, listen, ...options }: ConsumerOptions): Promise<OtherServer> {
  return OtherProcess.create("BIND", listen, (at) => {
    const own = [
      `directory "${at.folder}"; pid-file none; session-keyfile none; dnssec-validation no;`,
      `listen-on port ${at.port} { ${address}; }; listen-on-v6 { none; };`,
    ];
    // A root of its own, so that it asks nobody on the Internet for one.
    const conf = `${renderBindConf({ ...options, refresh, own })}controls { };\nzone "." { type primary; file "root"; allow-query { none; }; };\n`;
    const root = "@ 60 SOA . . 1 60 60 60 60\n@ 60 NS localhost.\nlocalhost. 60 A 127.0.0.1\n";
    return { command: ["named", "-g", "-n", "1", "-c", at.conf], files: { conf, root } };
  });
}

/** What a {@link startBindPrimary} serves. */
export interface BindPrimaryOptions {
  /** Zone name → master-file text. */
  readonly zones: Readonly<Record<string, string>>;
  /** May transfer every zone over TLS alone, and update it. */
  readonly key: TsigKey;
  /** Asks for certificates of this CA, and shows its own. */
  readonly identity: Identity;
  readonly ca: Identity;
}

/** A BIND that owns zones and gives them away over mutual TLS, on a port of its own. */
export async function startBindPrimary(
  options: BindPrimaryOptions,
): Promise<OtherServer & { readonly tlsPort: number }> {
  const tlsPort = await freePort(address);
  const { key } = options;
  const bind = await OtherProcess.create("BIND", undefined, (at) => {
    const path = (file: string) => join(at.folder, file);
    const zone = (
      name: string,
    ) => `zone "${name}" { type primary; file "${name}.zone"; allow-update { key "${key.name}"; }; };
`;
    const conf = `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };
tls mutual { cert-file "${path("crt")}"; key-file "${path("key")}"; ca-file "${path("ca")}"; protocols { TLSv1.3; }; };
options {
  directory "${at.folder}"; pid-file none; session-keyfile none; dnssec-validation no; recursion no; notify no;
  listen-on port ${at.port} { ${address}; }; listen-on port ${tlsPort} tls mutual { ${address}; }; listen-on-v6 { none; };
  allow-transfer port ${tlsPort} transport tls { key "${key.name}"; };
};
controls { };
${Object.keys(options.zones).map(zone).join("")}`;
    const files: Record<string, string> = {
      conf,
      crt: options.identity.cert,
      key: options.identity.key,
      ca: options.ca.cert,
    };
    for (const [name, text] of Object.entries(options.zones)) files[`${name}.zone`] = text;
    return { command: ["named", "-g", "-n", "1", "-c", at.conf], files };
  });
  return Object.assign(bind, { tlsPort });
}

/** What a {@link startOutsidePrimary} serves. */
export interface OutsidePrimaryOptions {
  /** Zone name → master-file text. */
  readonly zones: Readonly<Record<string, string>>;
  /** May transfer every zone and change it, and signs NOTIFY. */
  readonly key: TsigKey;
  /** Who is told of changes. */
  readonly notify: readonly DnsServer[];
}

/** A BIND that owns zones, as one that a mesh takes them from. */
export async function startOutsidePrimary({ zones, key, notify }: OutsidePrimaryOptions): Promise<OtherServer> {
  return OtherProcess.create("BIND", undefined, (at) => {
    const own = [
      `directory "${at.folder}"; pid-file none; session-keyfile none; dnssec-validation no; recursion no;`,
      `listen-on port ${at.port} { ${address}; }; listen-on-v6 { none; }; notify-delay 0;`,
    ];
    const conf = `${renderPrimaryConf({ zones: Object.keys(zones), key, notify, own })}controls { };\n`;
    const texts = Object.entries(zones).map(([name, text]): [string, string] => [`${name}.zone`, text]);
    return { command: ["named", "-g", "-n", "1", "-c", at.conf], files: { conf, ...Object.fromEntries(texts) } };
  });
}

/** Starts a `named` that knows nothing itself, asks a server for everything, from an address on loopback, and shows cookies. */
export async function startBindResolver(to: DnsServer, from: string): Promise<OtherServer> {
  return OtherProcess.create("BIND", undefined, (at) => {
    const conf = `options {
  directory "${at.folder}"; pid-file none; session-keyfile none; dnssec-validation no; recursion yes;
  listen-on port ${at.port} { ${address}; }; listen-on-v6 { none; }; query-source address ${from};
  forward only; forwarders { ${to.address} port ${to.port}; };
};
controls { };
`;
    return { command: ["named", "-g", "-n", "1", "-c", at.conf], files: { conf } };
  });
}

/** Where a resolver begins, and what it trusts. */
export interface RootedOptions {
  /** Its root server. Others are asked at the same port. */
  readonly root: DnsServer;
  /** DS records as texts, by zone. */
  readonly anchors: Readonly<Record<string, readonly string[]>>;
}

/** Starts a `named` that resolves from a root server on, as one on the Internet does, and validates what it has an anchor for. */
export async function startBindFromRoot({ root, anchors }: RootedOptions): Promise<OtherServer> {
  const lines = Object.entries(anchors).flatMap(([zone, records]) =>
    records.map((ds) => `  "${zone}" static-ds ${ds.replace(/(\S+)$/, '"$1"')};\n`),
  );
  return OtherProcess.create("BIND", undefined, (at) => {
    const conf = `options {
  directory "${at.folder}"; pid-file none; session-keyfile none; recursion yes; empty-zones-enable no;
  dnssec-validation yes; port ${root.port}; listen-on port ${at.port} { ${address}; }; listen-on-v6 { none; };
};
controls { };
trust-anchors {
${lines.join("")}};
zone "." { type hint; file "hints"; };
`;
    return { command: ["named", "-g", "-n", "1", "-4", "-c", at.conf], files: { conf, hints: hintsOf(root) } };
  });
}

/** The same of `unbound`, which asks at port 53 alone: the root's port must be that. */
export async function startUnboundFromRoot({ root, anchors }: RootedOptions): Promise<OtherServer> {
  const trusted = Object.entries(anchors).flatMap(([zone, records]) => records.map((ds) => `${zone}. DS ${ds}`));
  return OtherProcess.create("unbound", undefined, (at) => {
    const own = [
      `directory: "${at.folder}"`,
      ...['chroot: ""', 'username: ""', 'pidfile: ""', "use-syslog: no", 'logfile: ""', "do-daemonize: no"],
      ...[`interface: ${address}@${at.port}`, "do-ip6: no", "do-not-query-localhost: no", "num-threads: 1"],
      ...[
        'root-hints: "hints"',
        'module-config: "validator iterator"',
        "val-log-level: 2",
        "trust-anchor-signaling: no",
      ],
      ...trusted.map((anchor) => `trust-anchor: "${anchor}"`),
    ];
    const conf = `server:\n${own.map((line) => `  ${line}\n`).join("")}remote-control:\n  control-enable: no\n`;
    return { command: [toolPath("unbound"), "-d", "-c", at.conf], files: { conf, hints: hintsOf(root) } };
  });
}

function hintsOf({ address: at }: DnsServer): string {
  return `. 3600 NS root.\nroot. 3600 A ${at}\n`;
}

/** Starts `nsd`. Returns when it runs, whether or not it has any zone yet. */
export async function startNsd({ refresh = 1, listen, ...options }: ConsumerOptions): Promise<OtherServer> {
  return OtherProcess.create("NSD", listen, (at) => {
    const own = [
      `ip-address: ${address}@${at.port}`,
      `zonesdir: "${at.folder}"`,
      `xfrdir: "${at.folder}"`,
      `xfrdfile: "${join(at.folder, "xfrd.state")}"`,
      `zonelistfile: "${join(at.folder, "zone.list")}"`,
      'pidfile: ""',
      'username: ""',
      "verbosity: 1",
    ];
    const conf = `${renderNsdConf({ ...options, refresh, own })}\nremote-control:\n  control-enable: no\n`;
    return { command: [toolPath("nsd"), "-d", "-c", at.conf], files: { conf } };
  });
}

/** Starts a `named` that takes zones by name, as a provider's. */
export async function startBindSecondary({
  listen,
  ...options
}: Secondary & { readonly listen: number }): Promise<OtherServer> {
  return OtherProcess.create("BIND", listen, (at) => {
    const own = [
      `directory "${at.folder}"; pid-file none; session-keyfile none; dnssec-validation no;`,
      `listen-on port ${at.port} { ${address}; }; listen-on-v6 { none; };`,
    ];
    const conf = `${renderBindSecondaryConf(options, own)}controls { };\n`;
    return { command: ["named", "-g", "-n", "1", "-c", at.conf], files: { conf } };
  });
}

/** What {@link startPowerDns} needs. */
export interface PowerDnsOptions extends Secondary {
  /** The port that it answers on. @default a free one */
  readonly listen?: number;
  /** Seconds between two rounds in which it looks which zones are due. @default 1 */
  readonly cycle?: number;
}

/** Starts `pdns_server` as a secondary. Returns when it runs, whether or not it has any zone yet. */
export async function startPowerDns({ listen, cycle = 1, ...options }: PowerDnsOptions): Promise<OtherServer> {
  const from = options.from.map(({ address: at, port }) => `${at}:${port}`);
  return OtherProcess.create("PowerDNS", listen, (at) => {
    const conf = renderPowerDnsConf({ own: powerDnsOwn(at), tellers: address });
    const files = { "pdns.conf": conf.replace("xfr-cycle-interval=60", `xfr-cycle-interval=${cycle}`) };
    const prepare = () => preparePowerDns(at.folder, powerDnsZones({ ...options, from }));
    return { command: [toolPath("pdns_server"), `--config-dir=${at.folder}`], files, prepare };
  });
}

/** A PowerDNS that owns zones, as one that a mesh takes them from. */
export async function startPowerDnsPrimary({ zones, key, notify }: OutsidePrimaryOptions): Promise<OtherServer> {
  const to = notify.map(({ address: at, port }) => `${at}:${port}`);
  return OtherProcess.create("PowerDNS", undefined, (at) => {
    const conf = renderPowerDnsPrimaryConf(powerDnsOwn(at));
    const fileOf = (zone: string): string => join(at.folder, `${zone}.zone`);
    const texts = Object.entries(zones).map(([zone, text]): [string, string] => [`${zone}.zone`, text]);
    const commands = Object.keys(zones).flatMap((zone) => powerDnsGiven({ zone, key, to, file: fileOf(zone) }));
    return {
      command: [toolPath("pdns_server"), `--config-dir=${at.folder}`],
      files: { "pdns.conf": conf, ...Object.fromEntries(texts) },
      prepare: () => preparePowerDns(at.folder, commands),
    };
  });
}

function powerDnsOwn({ folder, port }: Place): readonly string[] {
  return [
    "launch=gsqlite3",
    `gsqlite3-database=${databaseOf(folder)}`,
    "gsqlite3-dnssec=yes",
    `module-dir=${powerDnsFiles().modules}`,
    `local-address=${address}`,
    `local-port=${port}`,
    `socket-dir=${folder}`,
    ...["daemon=no", "guardian=no", "disable-syslog=yes", "security-poll-suffix=", "write-pid=no", "loglevel=5"],
  ];
}

/** Makes the database, and has `pdnsutil` put zones and keys into it. */
async function preparePowerDns(folder: string, commands: readonly string[]): Promise<void> {
  const database = new DatabaseSync(databaseOf(folder));
  database.exec(await readFile(powerDnsFiles().schema, "utf8"));
  database.close();
  for (const command of commands) await run(toolPath("pdnsutil"), [`--config-dir=${folder}`, ...command.split(" ")]);
}

function databaseOf(folder: string): string {
  return join(folder, "pdns.sqlite3");
}

interface Place {
  readonly folder: string;
  readonly port: number;
  /** Path of the configuration. */
  readonly conf: string;
}

interface Setup {
  readonly command: readonly [string, ...string[]];
  /** By name in the folder. */
  readonly files: Readonly<Record<string, string>>;
  /** What is done once its files are there, before its first start. */
  readonly prepare?: () => Promise<void>;
}

class OtherProcess implements OtherServer {
  readonly #log = new Log();
  #process: LabProcess | undefined;

  private constructor(
    readonly name: OtherServer["name"],
    private readonly place: Place,
    private readonly command: Setup["command"],
  ) {}

  /** @param listen - The port; a free one when undefined. */
  static async create(
    name: OtherServer["name"],
    listen: number | undefined,
    setUp: (place: Place) => Setup,
  ): Promise<OtherServer> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-other-"));
    const place = { folder, port: listen ?? (await freePort(address)), conf: join(folder, "conf") };
    const { command, files, prepare } = setUp(place);
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    await prepare?.();
    const server = new OtherProcess(name, place, command);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get server(): DnsServer {
    return { address, port: this.place.port };
  }

  get folder(): string {
    return this.place.folder;
  }

  log(): string {
    return this.#log.text;
  }

  async stop(): Promise<void> {
    await this.#process?.end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.place.folder, { recursive: true, force: true });
  }

  /** Any answer will do, since all zones are yet to come. */
  async start(): Promise<void> {
    const child = new LabProcess({ command: this.command, log: this.#log });
    this.#process = child;
    const client = new DnsClient({ timeoutMs: 200 });
    await eventually(10, async () => {
      if (!child.runs) return;
      await client.query(this.server, "version.bind", "TXT");
    });
    if (!child.runs) throw new Error(`${this.name} ended:\n${this.log()}`);
  }
}
