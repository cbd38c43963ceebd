import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { issue, makeAuthority, writeIdentity } from "../../harness/certificates";
import { eventually } from "../../harness/eventually";
import { freePort } from "../../harness/free-port";
import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import { randomKey } from "../../src/keyring/fresh-key";
import type { Watched } from "../support/watch";
import { type Baseline, type BaselineOptions, replaceByUpdate } from "./baseline";
import { benchZone } from "./text";

/** BIND listens on addresses of interfaces only, so that its servers differ in their ports. */
const address = "127.0.0.1";

/** Everything that a configuration of BIND here is made from. */
interface Plan {
  readonly folder: string;
  readonly key: TsigKey;
  readonly zones: readonly string[];
  readonly primary: DnsServer;
  readonly secondaries: readonly DnsServer[];
  /** Of the primary for transfers over TLS, with certificates at both ends; plain TCP when left out. */
  readonly tlsPort?: number;
}

/** Name in every server's certificate. */
const host = "bind.example";

/**
 * How each server is set up, primary or secondary: no limit of BIND's shall hold up a change. Its rates are the best that
 * were found: at 100 a second the last of many secondaries waits, above 1,000 BIND's timer thread takes the CPU.
 */
function common(plan: Plan, server: DnsServer, folder: string): string {
  const { key, primary, tlsPort } = plan;
  const secure = server === primary && tlsPort !== undefined;
  return `options {
  directory "${folder}"; pid-file none; session-keyfile none; lock-file none;
  listen-on port ${server.port} { ${address}; }; listen-on-v6 { none; };
  ${secure ? `listen-on port ${tlsPort} tls mutual { ${address}; };` : ""}
  recursion no; dnssec-validation no; minimal-responses yes; max-cache-size 2M; notify explicit;
  notify-delay 0; notify-rate 1000; startup-notify-rate 1000; serial-query-rate 1000;
  transfers-in 100; transfers-per-ns 100; transfers-out 1000; tcp-clients 1000; tcp-listen-queue 1000;
};
key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };
tls mutual {
  cert-file "${plan.folder}/tls.crt"; key-file "${plan.folder}/tls.key"; ca-file "${plan.folder}/ca.crt";
  protocols { TLSv1.3; }; remote-hostname "${host}";
};
controls { };
zone "." { type primary; file "root"; notify no; };
`;
}

function primaryConfig(plan: Plan, folder: string): string {
  const { key, zones, secondaries } = plan;
  const notified = secondaries.map(({ port }) => `${address} port ${port};`).join(" ");
  const list = zones.map(
    (zone) => `zone "${zone}" { type primary; file "${zone}"; also-notify { ${notified} };
  allow-transfer { key "${key.name}"; }; update-policy { grant ${key.name} zonesub any; }; };\n`,
  );
  return common(plan, plan.primary, folder) + list.join("");
}

function secondaryConfig(plan: Plan, server: DnsServer, folder: string): string {
  const { key, zones, primary, tlsPort } = plan;
  const source = `${address} port ${tlsPort ?? primary.port} key "${key.name}"${tlsPort === undefined ? "" : " tls mutual"}`;
  const list = zones.map(
    (zone) => `zone "${zone}" { type secondary; file "${zone}"; primaries { ${source}; };
  min-refresh-time 1; min-retry-time 1; max-retry-time 2; };\n`,
  );
  return common(plan, server, folder) + list.join("");
}

/** One named on files of its own. */
class BindServer implements AsyncDisposable {
  readonly #listeners = new Set<() => void>();
  #lastLines: string[] = [];

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface(stream).on("line", this.#read);
  }

  /** @throws Error when there is no named; one that ends by itself shows in its missing answers. */
  static async start(folder: string): Promise<BindServer> {
    const child = spawn("named", ["-g", "-n", "1", "-c", join(folder, "named.conf")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const server = new BindServer(child);
    await once(child, "spawn");
    return server;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get lastLines(): string {
    return this.#lastLines.join("\n");
  }

  onTransferred(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exited;
  }

  readonly #read = (line: string): void => {
    this.#lastLines = [...this.#lastLines.slice(-4), line];
    if (line.includes(": transferred serial ")) for (const listener of this.#listeners) listener();
  };
}

/** So many start at a time: each takes a third of a second of CPU. */
const startTogether = 4;

/**
 * Plain BIND 9: one primary whose zones are changed by UPDATE, all others its secondaries, real processes as a careful
 * admin would set them up (NOTIFY to all at once, no limit on rates). The hints are BIND's log lines of transfers.
 */
export async function startBindServers(
  options: BaselineOptions & {
    /** What transfers run over; TLS with certificates at both ends. @default tcp */
    readonly transport?: "tcp" | "tls";
  },
): Promise<Baseline> {
  const { zones } = options;
  const key = randomKey("bench");
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), "mesh-bind-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const at: DnsServer[] = [];
  while (at.length < options.servers) {
    const port = await freePort(address);
    if (at.every((server) => server.port !== port)) at.push({ address, port });
  }
  const [primary, ...secondaries] = at as [DnsServer, ...DnsServer[]];
  const authority = makeAuthority();
  await writeIdentity(folder, issue({ ca: authority, name: host }), [authority]);
  const secure = options.transport === "tls" ? { tlsPort: await freePort(address) } : {};
  const plan = { folder, key, zones, primary, secondaries, ...secure };
  const running: { readonly watched: Watched; readonly bind: BindServer }[] = [];
  for (const [i, server] of at.entries()) {
    const watched = { name: i === 0 ? "primary" : `secondary-${i}`, server };
    const bind = started.use(await BindServer.start(await writeFiles(plan, watched)));
    running.push({ watched, bind });
    if (i % startTogether === 0) await serving(running.slice(-startTogether), zones);
  }
  await serving(running, zones);
  const disposal = started.move();
  return {
    ...{ servers: running.map(({ watched }) => watched), owner: primary, key, zones },
    ownerOf: () => "primary",
    replace: replaceByUpdate(primary, key),
    pids: running.map(({ bind }) => bind.pid),
    hints: (hint) => {
      const all = new DisposableStack();
      for (const { watched, bind } of running)
        all.use(
          bind.onTransferred(() => {
            hint(watched.name);
          }),
        );
      return all;
    },
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  };
}

async function writeFiles(plan: Plan, { name, server }: Watched): Promise<string> {
  const folder = join(plan.folder, name);
  await mkdir(folder);
  // A root of its own, so that it asks nobody on the Internet for one.
  await writeFile(join(folder, "root"), "@ 60 SOA . . 1 60 60 60 60\n@ 60 NS localhost.\nlocalhost. 60 A 127.0.0.1\n");
  const isPrimary = server === plan.primary;
  if (isPrimary) for (const zone of plan.zones) await writeFile(join(folder, zone), benchZone(zone));
  const config = isPrimary ? primaryConfig(plan, folder) : secondaryConfig(plan, server, folder);
  await writeFile(join(folder, "named.conf"), config, { mode: 0o600 });
  return folder;
}

/** Waits until servers answer all zones. */
async function serving(
  servers: readonly { readonly watched: Watched; readonly bind: BindServer }[],
  zones: readonly string[],
): Promise<void> {
  const client = new DnsClient({ timeoutMs: 1000 });
  for (const { watched, bind } of servers) {
    const check = async (): Promise<void> => {
      for (const zone of zones) await client.querySoa(watched.server, zone);
    };
    await eventually(60, check).catch((error: unknown) => {
      throw new Error(`BIND's ${watched.name} does not serve its zones:\n${bind.lastLines}`, { cause: error });
    });
  }
}
