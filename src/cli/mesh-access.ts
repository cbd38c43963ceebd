import { existsSync } from "node:fs";
import { dirname } from "node:path";

import * as z from "zod/mini";

import { UserError } from "../base/errors";
import { parseJson } from "../base/json";
import { listOf, objectOf, plainText, readShape } from "../base/shape";
import type { DnsServer, DnsTls } from "../dns/client/dns-client";
import type { TsigKey } from "../dns/tsig-key";
import { isSecret, parseTsigKey, tsigKeyFields } from "../keyring/tsig-key";
import type { Mesh, Site } from "../mesh/model";
import { serverName } from "../mesh/welcome";
import { parseMesh } from "../settings/parse";
import type { AccessOptions } from "./access-options";
import { textOf } from "./command";
import { hasFile, portsOf } from "./place";
import { settingsIn } from "./stacks/stack-file";

/** A pod that can be asked by itself. */
export interface PodAddress {
  /** As people call it: `site-b/1`. */
  readonly name: string;
  readonly site: string;
  readonly address: string;
  /** Where its agent answers. */
  readonly http?: number;
}

/** A file into which a program of a lab writes its log, each line behind its time. */
export interface LogFile {
  readonly site: string;
  /** As in a cluster: `knot-0`. */
  readonly pod: string;
  readonly container: string;
  readonly file: string;
}

/** What is known of a mesh before anybody is asked. */
export interface MeshAccess {
  /** Where the list comes from, for people. */
  readonly from: string;
  /** Whether it is a lab's, which has no clusters. */
  readonly isLab: boolean;
  readonly mesh: Mesh;
  /** Where the sites' stack files are. @default the current one */
  readonly folder?: string;
  readonly ports: { readonly dns: number; readonly secure: number };
  /** What zones may be transferred with; by the site where that differs. */
  readonly keyOf: (site: string) => TsigKey | undefined;
  /** PEM of the mesh's authorities; without them a server's certificate is looked at and not judged. */
  readonly ca: string | undefined;
  /** Pods that can be reached from here by themselves. */
  readonly pods: readonly PodAddress[];
  /** Where a lab keeps its logs, if it does. */
  readonly logs?: readonly LogFile[];
}

/** What a lab says of itself in one file, since nothing of it is in a stack's settings. */
const accessFields = objectOf({
  version: z.literal(1, "must be 1"),
  mesh: z.unknown(),
  ports: objectOf({ dns: z.number(), secure: z.number() }),
  key: objectOf(tsigKeyFields),
  ca: plainText,
  pods: listOf(objectOf({ name: plainText, site: plainText, address: plainText, http: z.exactOptional(z.number()) })),
  logs: z.exactOptional(listOf(objectOf({ site: plainText, pod: plainText, container: plainText, file: plainText }))),
});

/** What {@link accessText} is made from: the list is as a user writes it. */
export interface AccessDocument {
  readonly mesh: unknown;
  readonly ports: MeshAccess["ports"];
  readonly key: TsigKey;
  readonly ca: string;
  readonly pods: readonly PodAddress[];
  readonly logs?: readonly LogFile[];
}

/** The file that `--access` reads. It holds a key. */
export function accessText(document: AccessDocument): string {
  return `${JSON.stringify({ version: 1, ...document }, undefined, 2)}\n`;
}

/**
 * Reads what the options name.
 *
 * @throws UserError for a file that is missing or wrong. Keys are never shown.
 */
export function readAccess(options: AccessOptions): MeshAccess {
  const { file = "Pulumi.shared.yaml", access } = options;
  if (access !== undefined && options.file !== undefined)
    throw new UserError("--file and --access both name a mesh; leave one of them out");
  const known = access === undefined ? fromList(file) : fromDocument(access);
  const key = options.key === undefined ? undefined : readKey(options.key);
  const ca = options.ca === undefined ? known.ca : textOf(options.ca);
  return { ...known, ca, ...(key !== undefined && { keyOf: () => key }) };
}

function fromList(file: string): MeshAccess {
  if (!existsSync(file))
    throw new UserError(
      `${file} is not here: run this in the folder of the stack files, or name the shared stack's file with --file (of a lab, its access file with --access)`,
    );
  const config = settingsIn(file, textOf(file));
  const list = config["dns-mesh:mesh"];
  if (list === undefined) throw new UserError(`${file} has no list under config, dns-mesh:mesh`);
  const mesh = named(file, () => parseMesh(list));
  const folder = dirname(file);
  return {
    from: file,
    isLab: false,
    mesh,
    folder,
    ports: portsIn(mesh, folder),
    keyOf: () => undefined,
    ca: undefined,
    pods: [],
  };
}

/** The ports on which sites are reached, by the first site's file that is there: one value for a whole mesh. */
function portsIn({ sites }: Mesh, folder: string): MeshAccess["ports"] {
  const site = sites.find(({ name }) => hasFile(name, folder));
  const { plain, secure } = site === undefined ? { plain: 53, secure: 853 } : portsOf(site.name, folder);
  return { dns: plain, secure };
}

function fromDocument(file: string): MeshAccess {
  const { mesh, ports, key, ca, pods, logs } = readShape(accessFields, parseJson(textOf(file), file), `${file}:`);
  const read = named(file, () => parseMesh(mesh));
  return { from: file, isLab: true, mesh: read, ports, keyOf: () => key, ca, pods, ...(logs && { logs }) };
}

function named<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${file}: ${error.message}`, { cause: error });
  }
}

function readKey(file: string): TsigKey {
  const [algorithm, name, secret, ...rest] = textOf(file).trim().split(":");
  if (rest.length > 0 || secret === undefined || !isSecret(secret))
    throw new UserError(`${file} must have one line ALGORITHM:NAME:SECRET, such as hmac-sha256:reader:<base64>`);
  return parseTsigKey({ algorithm, name, secret }, `${file}:`);
}

/** Where a site is asked, its addresses in their order. */
export function serversOf({ ports }: MeshAccess, { addresses }: Pick<Site, "addresses">): readonly DnsServer[] {
  return addresses.map((address) => ({ address, port: ports.dns }));
}

/** Where a zone is taken from, and with what; undefined where there is no key. */
export interface TransferPoint {
  /** As people call it: the site, or a pod of it. */
  readonly name: string;
  readonly site: string;
  readonly servers: readonly DnsServer[];
  readonly key: TsigKey;
}

/**
 * Every place that has copies of zones and that there is a key for: each pod where pods can be reached, each site otherwise.
 * Over TLS as soon as the mesh's authorities are known, and plainly where its own transfers are plain.
 */
export function transferPoints(access: MeshAccess): readonly TransferPoint[] {
  return access.mesh.sites.flatMap((site): readonly TransferPoint[] => {
    const key = access.keyOf(site.name);
    if (key === undefined) return [];
    const tls = tlsOf(access, site.name);
    const port = tls === undefined ? access.ports.dns : access.ports.secure;
    const at = (address: string): DnsServer => ({ address, port, ...(tls && { tls }) });
    const pods = access.pods.filter((pod) => pod.site === site.name);
    if (pods.length < 2) return [{ name: site.name, site: site.name, servers: site.addresses.map(at), key }];
    return pods.map(({ name, address }) => ({ name, site: site.name, servers: [at(address)], key }));
  });
}

/** Points in the order in which a zone is asked for: its owner's, then the others as they stand. */
export function ownerFirst(points: readonly TransferPoint[], owner: string): readonly TransferPoint[] {
  return [...points].sort((a, b) => Number(b.site === owner) - Number(a.site === owner));
}

/** How a site's certificate is checked; undefined where transfers are plain, or the authorities are not known. */
function tlsOf({ mesh, ca }: MeshAccess, site: string): DnsTls | undefined {
  if (mesh.transport === "tcp" || ca === undefined) return undefined;
  return { ca, serverName: serverName(site, mesh.directoryZone) };
}
