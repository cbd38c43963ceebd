import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Identity, makeAuthority } from "../harness/certificates";
import { podPorts } from "../src/contract/names";
import type { TsigKey } from "../src/dns/tsig-key";
import { randomKey } from "../src/keyring/fresh-key";
import type { Reader } from "../src/keyring/reader";
import type { RingDocument } from "../src/keyring/ring-document";
import type { Limits } from "../src/mesh/limits";
import type { Topology, Transport } from "../src/mesh/model";
import { compileClockShift } from "./clock";
import type { MeshVault } from "./mesh-vault";
import { Namespaces } from "./namespaces";
import { type LabNetwork, Loopback, type NetworkKind } from "./network";
import { LabPlan } from "./plan";
import { freeEverywhere } from "./ports";
import { checkPort } from "./preflight";
import { Guardian } from "./process";

/** What a lab is made of. */
export interface LabOptions {
  readonly sites: number;
  /** Zones that the sites own together, in turns. @default one a site */
  readonly zones?: number;
  /** How zones travel. @default what the mesh decides */
  readonly topology?: Topology;
  /** What transfers run over. @default tls */
  readonly transport?: Transport;
  /** Keys of servers outside the mesh that may take zones from every site. @default none */
  readonly readers?: readonly Reader[];
  /** Key by which every site's own zones may be changed. @default none */
  readonly recordsKey?: TsigKey;
  /** `namespaces` needs root and a program run by `rerunInPrivateNetwork`. @default loopback */
  readonly network?: NetworkKind;
  /** Folder below which the sites' volumes lie, for example one on tmpfs. @default the folder for temporary files */
  readonly storage?: string;
  /** Of every Knot. @default a free one; 53 in namespaces */
  readonly port?: number;
  /** Where sites get the key ring from; it outlives the lab. @default a file beside each site */
  readonly vault?: MeshVault;
  /** Pods of each site, behind one address. @default 1 */
  readonly replicas?: number;
  /** Whether Knots log as they do in pods. @default false: each says everything by itself */
  readonly logsAsPod?: boolean;
  /** Whether programs' logs are kept in files, for `mesh logs`. @default false: the latest of them in memory */
  readonly keepsLogs?: boolean;
  /** Size of each pod's volume, which is a file system of its own then; needs root. @default a folder without a limit */
  readonly volumeOctets?: number;
  /** Whether {@link MountedSite.setClock} is used; needs a C compiler. @default false */
  readonly clocks?: boolean;
  /** How many names a change of an own zone may take away unseen. @default false: any */
  readonly guard?: Limits | false;
  /** For how long sites may disagree on a zone before it is reported, in milliseconds. @default as in pods */
  readonly disagreeMs?: number;
  /** Knot's background workers. @default 2, less than in pods */
  readonly backgroundWorkers?: number;
  /** The agent's program. @default as it is bundled for pods */
  readonly agentProgram?: string;
}

/** What a lab works with. */
export interface LabParts {
  readonly folder: string;
  readonly network: LabNetwork;
  readonly guardian: Guardian;
  readonly ports: { readonly dns: number; readonly secure: number; readonly http: number };
  /** The mesh's authorities, the one that signs first. */
  readonly authorities: readonly Identity[];
  readonly readers: readonly Reader[];
  /** The reader that `mesh` is, from this machine. */
  readonly accessKey: TsigKey;
  readonly recordsKey?: TsigKey;
  readonly program: string;
  readonly ring: RingDocument;
  readonly vault?: MeshVault;
  readonly replicas: number;
  readonly logsAsPod: boolean;
  readonly keepsLogs: boolean;
  readonly volumeOctets?: number;
  /** What lets the sites' clocks differ. */
  readonly clockLibrary?: string;
  readonly guard: Limits | false;
  readonly disagreeMs: number | undefined;
  readonly backgroundWorkers?: number;
}

/** Makes what a lab works with: folder, network, ports, authority, ring and the agent's program. */
export async function prepareLab(options: LabOptions): Promise<{ readonly plan: LabPlan; readonly parts: LabParts }> {
  const network = await createNetwork(options.network ?? "loopback");
  const plan = new LabPlan({ ...options, prefix: network.prefix });
  if (options.port !== undefined && network.kind === "loopback") await checkPort(plan, options.port);
  const folder = await mkdtemp(join(options.storage ?? tmpdir(), "mesh-lab-"));
  const guardian = new Guardian(folder);
  const program = join(folder, "agent.js");
  await writeFile(program, options.agentProgram ?? (await agentProgram()));
  const accessKey = randomKey("mesh-command");
  const ring: RingDocument = { version: 1, current: randomKey("mesh-1") };
  const ports = await choosePorts(network, options.port);
  const parts: LabParts = {
    folder,
    network,
    guardian,
    ports,
    program,
    ring,
    authorities: [makeAuthority()],
    accessKey,
    readers: [...(options.readers ?? []), accessKey],
    replicas: options.replicas ?? 1,
    logsAsPod: options.logsAsPod ?? false,
    keepsLogs: options.keepsLogs ?? false,
    ...(options.volumeOctets !== undefined && { volumeOctets: options.volumeOctets }),
    ...(options.clocks === true && { clockLibrary: await compileClockShift(folder) }),
    guard: options.guard ?? false,
    disagreeMs: options.disagreeMs,
    ...(options.backgroundWorkers !== undefined && { backgroundWorkers: options.backgroundWorkers }),
    ...(options.vault && { vault: options.vault }),
    ...(options.recordsKey && { recordsKey: options.recordsKey }),
  };
  return { plan, parts };
}

/** The agent as it is bundled for pods: beside the lab where that is one file, too, and made from its sources otherwise. */
async function agentProgram(): Promise<string> {
  const packed = join(__dirname, "agent.js");
  if (existsSync(packed)) return readFile(packed, "utf8");
  const { bundle } = await import("../components/bundle");
  return bundle("agent");
}

/** Where each site has a network of its own, they are those of a pod's Services: the reconciler knows no others. */
async function choosePorts(network: LabNetwork, port: number | undefined): Promise<LabParts["ports"]> {
  if (network.kind === "namespaces") return { dns: port ?? 53, secure: 853, http: podPorts.http };
  const dns = port ?? (await freeEverywhere());
  const secure = await freeEverywhere([dns]);
  return { dns, secure, http: await freeEverywhere([dns, secure]) };
}

function createNetwork(kind: NetworkKind): Promise<LabNetwork> {
  if (kind === "namespaces") return Namespaces.create();
  return Promise.resolve(new Loopback(`127.${randomInt(10, 250)}`));
}
