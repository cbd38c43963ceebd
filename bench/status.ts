import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../components/bundle";
import { issue, makeAuthority } from "../harness/certificates";
import { freePort } from "../harness/free-port";
import { type KnotPlace, startKnot } from "../harness/knot";
import { ensureTools } from "../harness/tools";
import { accessText } from "../src/cli/mesh-access";
import type { StatusReport } from "../src/cli/status-report";
import type { VerifyReport } from "../src/cli/verify";
import { randomKey } from "../src/keyring/fresh-key";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";
import { cpuMs, endedChildrenCpuMs } from "./support/processes";
import { median } from "./support/statistics";

const options = {
  sites: wholeNumber(300, { most: 3400 }),
  zones: wholeNumber(3000, { most: 100_000 }),
  records: wholeNumber(10, { most: 1000 }),
};

const [directoryZone, catalogZone] = ["dns.internal", "catalog.internal.dns"];
const starts = 9;

/**
 * How long `mesh` takes to start, `mesh status` to look at a large mesh, and `mesh verify` to compare all of it, each as its
 * own process, as a user calls it. One Knot answers for all sites, at an address of its own each: what is measured is the
 * command, and the one server with it on the same cores.
 */
async function looking({ sites, zones, records }: Values<typeof options>): Promise<object> {
  await ensureTools(["knot"], log);
  const folder = await mkdtemp(join(tmpdir(), "bench-status-"));
  try {
    const program = join(folder, "mesh.js");
    await writeFile(program, bundle("mesh"));
    const startMs = await startTime(program);
    const mesh = listOf(sites, zones);
    const names = [directoryZone, catalogZone, ...mesh.sites.flatMap((site) => site.zones)];
    const authority = makeAuthority();
    const key = randomKey("bench");
    const secure = await freePort();
    const identity = issue({ ca: authority, name: `*.${directoryZone}` });
    await using knot = await startKnot({
      files: { "server.crt": identity.cert, "server.key": identity.key, zone: zoneText(records) },
      readySeconds: 60,
      config: (place) => configOf({ place, secure, names, key }),
    });
    const access = join(folder, "access.json");
    const ports = { dns: knot.port, secure };
    await writeFile(access, accessText({ mesh, ports, key, ca: authority.cert, pods: [] }), { mode: 0o600 });
    log(`${sites} sites, ${zones} zones`);
    const status = await timed(knot.pid, program, "status", "--access", access, "--json");
    const { findings } = status.report as StatusReport;
    const messages = findings.map(({ message }) => message);
    requireFine("status", messages);
    const verify = await timed(knot.pid, program, "verify", "--access", access, "--json");
    const { ok, copies, zones: verdicts } = verify.report as VerifyReport;
    const failures = verdicts.flatMap((zone) => zone.failures.map(({ at, reason }) => `${at}: ${reason}`));
    requireFine("verify", ok && copies === sites * names.length ? [] : [`${copies} copies`, ...failures]);
    return {
      ...{ sites, zones, startMs, copies },
      ...{ statusMs: status.ms, statusCpuMs: status.cpuMs, verifyMs: verify.ms, verifyCpuMs: verify.cpuMs },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The one list, zones in turns. */
function listOf(sites: number, zones: number) {
  const turns = Array.from({ length: zones }, (_, i) => `zone-${i + 1}.example`);
  const list = Array.from({ length: sites }, (_, i) => ({
    name: `site-${i + 1}`,
    role: i === 0 ? "primary-catalog" : i === 1 ? "secondary-catalog" : "standard",
    addresses: [`127.90.${Math.floor(i / 250)}.${(i % 250) + 1}`],
    zones: turns.filter((_zone, z) => z % sites === i),
  }));
  return { directoryZone, catalogZone, sites: list };
}

/** Relative, so that all zones are read from one file. */
function zoneText(records: number): string {
  const hosts = Array.from({ length: records }, (_, i) => `host-${i} A 192.0.2.${i % 256}\n`).join("");
  return `$TTL 60\n@ SOA ns h 1 3600 60 86400 60\n@ NS ns\nns A 192.0.2.1\n${hosts}`;
}

function configOf(given: {
  readonly place: KnotPlace;
  readonly secure: number;
  readonly names: readonly string[];
  readonly key: ReturnType<typeof randomKey>;
}): string {
  const { place, secure, names, key } = given;
  return `
server:
  rundir: ${place.rundir}
  listen: 0.0.0.0@${place.port}
  listen-tls: 0.0.0.0@${secure}
  cert-file: ${join(place.storage, "server.crt")}
  key-file: ${join(place.storage, "server.key")}
log:
  - target: stderr
    any: warning
database:
  storage: ${join(place.storage, "db")}
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
acl:
  - id: reader
    key: ${key.name}
    action: transfer
template:
  - id: default
    file: ${join(place.storage, "zone")}
    acl: reader
    zonefile-sync: -1
    journal-content: none
zone:
${names.map((name) => `  - domain: ${name}.`).join("\n")}
`;
}

/** Milliseconds until the command has said its version: the median of some starts. */
async function startTime(program: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < starts; i++) times.push((await run(program, ["--version"])).ms);
  return Math.round(median(times));
}

/** Runs a command, and says besides what it and the server took of the CPU: the time says little while others have it too. */
async function timed(
  server: number,
  program: string,
  ...args: string[]
): Promise<{ readonly ms: number; readonly cpuMs: number; readonly report: unknown }> {
  const before = [endedChildrenCpuMs(), cpuMs(server)] as const;
  const { ms, out } = await run(program, args);
  const [command, knot] = [endedChildrenCpuMs() - before[0], cpuMs(server) - before[1]];
  log(`mesh ${args[0] ?? ""}: ${Math.round(ms)} ms; of the CPU ${command} ms, and Knot ${knot} ms`);
  return { ms: Math.round(ms), cpuMs: command + knot, report: JSON.parse(out) };
}

async function run(program: string, args: readonly string[]): Promise<{ readonly ms: number; readonly out: string }> {
  const began = performance.now();
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  await once(child, "close");
  return { ms: performance.now() - began, out };
}

/** A figure of a run that went wrong is none. */
function requireFine(what: string, findings: readonly string[]): void {
  if (findings.length > 0) throw new Error(`mesh ${what} found something: ${findings.slice(0, 3).join("; ")}`);
}

function log(line: string): void {
  console.error(line);
}

export const bench = defineBench(module, {
  about: `How long mesh takes to start, mesh status to look at a large mesh, and mesh verify to compare all of its copies over TLS, each
a process of its own. One Knot answers for all sites.`,
  options,
  seconds: ({ sites, zones }) => 20 + 0.02 * sites + 0.0002 * sites * zones,
  smallest: ["--sites", "2", "--zones", "4", "--records", "1"],
  run: looking,
});
