import { zoneFileName } from "../../../src/base/names";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SoaData } from "../../../src/dns/record";
import { DnsClient, type DnsServer } from "../../../src/dns/client/dns-client";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import { renderOwnZone } from "../../../src/knot/config/own-zone";
import { stampSerial } from "../../../src/dns/master-file";
import { renderKnotConf, renderSiteFiles, type SiteRuntime } from "../../../src/knot/config/site-config";
import type { KeyRing } from "../../../src/keyring/ring-document";
import type { TsigKey } from "../../../src/dns/tsig-key";
import type { Mesh, WelcomePacket } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { serverName, welcomePacket } from "../../../src/mesh/welcome";
import { readMeshView } from "../../../src/mesh/read-view";
import type { MeshView } from "../../../src/mesh/view";
import { issue, makeAuthority } from "../../../harness/certificates";
import { freePort } from "../../../harness/free-port";
import { startKnot, type KnotPlace, type KnotServer } from "../../../harness/knot";

/** The key ring of the lab's meshes. */
export const ring: KeyRing = {
  signing: "mesh-2",
  accepted: [
    { name: "mesh-1", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") },
    { name: "mesh-2", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 2).toString("base64") },
  ],
};

/** The key that the lab's sites sign with. */
export const signingKey = ring.accepted[1]!;

/** A key for servers outside the mesh. */
export const readerKey: TsigKey = {
  name: "reader",
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, 4).toString("base64"),
};

/** The seed's three sites on loopback; transfers leave from 127.0.0.1, so that no site's traffic carries its address. */
export function seedMesh(
  changes: { moreSites?: readonly object[]; zonesOfC?: readonly unknown[]; zonesOfB?: readonly unknown[] } = {},
): Mesh {
  const sources = ["127.0.0.1/32"];
  return parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [
      {
        name: "site-a",
        role: "primary-catalog",
        addresses: ["127.101.0.1"],
        sources,
        zones: ["catalog-primary.internal.dns"],
      },
      {
        name: "site-b",
        role: "secondary-catalog",
        addresses: ["127.101.0.2"],
        sources,
        zones: changes.zonesOfB ?? ["catalog-secondary.internal.dns"],
      },
      {
        name: "site-c",
        role: "standard",
        addresses: ["127.101.0.3"],
        sources,
        zones: changes.zonesOfC ?? ["standard-1.internal.dns"],
      },
      ...(changes.moreSites ?? []),
    ],
  });
}

/** A site whose Knot runs. Disposing ends it and removes its files. */
export interface LabSite extends AsyncDisposable {
  readonly knot: KnotServer;
  readonly packet: WelcomePacket;
  /** Writes the files that differ for another view and makes Knot read its configuration again. */
  apply(view: MeshView): Promise<void>;
  /** Writes only the local catalog of another view and makes Knot read that zone again. */
  applyMembers(view: MeshView): Promise<void>;
  /** Puts a file on the volume, whole at once. */
  write(path: string, text: string): Promise<void>;
  soa(zone: string): Promise<SoaData>;
}

/** Ports of Knot, the same at all sites. */
export interface LabPorts {
  readonly dns: number;
  readonly secure: number;
}

/** Ports that are free on all of loopback at the moment. */
export async function freePorts(): Promise<LabPorts> {
  return { dns: await freePort("0.0.0.0"), secure: await freePort("0.0.0.0") };
}

const authority = makeAuthority();

/** What a site of the lab is rendered from beside its packet and the view. */
export function secretsOf({ site, directoryZone }: WelcomePacket) {
  const { cert, key } = issue({ ca: authority, name: serverName(site.name, directoryZone), ips: site.addresses });
  const secret = Buffer.alloc(32, 3).toString("base64");
  return {
    ring,
    localKey: { name: "local", algorithm: "hmac-sha256", secret },
    readers: [readerKey],
    identity: { certificate: cert, privateKey: key, roots: authority.cert },
  } as const;
}

/** Options of {@link startSite}. `replicas` as in the runtime; the listener's address is then that of the pod. */
export interface LabSiteOptions {
  readonly mesh: Mesh;
  readonly site: string;
  readonly view: MeshView;
  readonly ports: LabPorts;
  readonly replicas?: SiteRuntime["replicas"];
  readonly rateLimit?: SiteRuntime["rateLimit"];
  readonly signing?: SiteRuntime["signing"];
  /** @default {@link ring} */
  readonly ring?: KeyRing;
  /** Text of own zones, by name, instead of what a new site has. */
  readonly zoneFiles?: Readonly<Record<string, string>>;
  /** Serial of the own zones and, on the primary, of the central zones. */
  readonly serial?: number;
}

/** How a lab server runs; what it leaves out of a real site's is nothing. */
export function runtimeOf(
  place: KnotPlace,
  options: Pick<LabSiteOptions, "ports" | "replicas" | "rateLimit" | "signing">,
): SiteRuntime {
  return {
    storage: place.storage,
    rundir: place.rundir,
    listen: [`${place.address}@${place.port}`],
    remotePort: options.ports.dns,
    secure: { listen: [`${place.address}@${options.ports.secure}`], remotePort: options.ports.secure },
    workers: { udp: 1, tcp: 2, background: 2 },
    ...(options.replicas !== undefined && { replicas: options.replicas }),
    ...(options.rateLimit !== undefined && { rateLimit: options.rateLimit }),
    ...(options.signing !== undefined && { signing: options.signing }),
  };
}

/** The files that an init container would put on an empty volume: own zones, and the central ones on the primary. */
export function seedFiles(mesh: Mesh, packet: WelcomePacket, serial: number): Map<string, string> {
  const files = new Map<string, string>();
  for (const zone of packet.site.zones) {
    files.set(
      `zones/${zoneFileName(zone.name)}`,
      renderOwnZone({ zone, site: packet.site, directoryZone: mesh.directoryZone, serial }),
    );
  }
  if (packet.site.role === "primary-catalog") {
    files.set(`zones/${mesh.directoryZone}.zone`, stampSerial(renderDirectory(mesh), serial));
    files.set(`zones/${mesh.catalogZone}.zone`, stampSerial(renderCatalog(mesh), serial));
  }
  return files;
}

/** Starts one site of a mesh on its first address, with the files that the house renders. */
export async function startSite(options: LabSiteOptions): Promise<LabSite> {
  const packet = welcomePacket(options.mesh, options.site, "CA");
  const address = options.replicas?.addresses[options.replicas.self] ?? packet.site.addresses[0]!;
  const secrets = secretsOf(packet);
  const writer = (options.replicas?.self ?? 0) === 0;
  const seeds = writer
    ? seedFiles(options.mesh, packet, options.serial ?? Math.floor(Date.now() / 1000))
    : new Map<string, string>();
  for (const [name, text] of Object.entries(options.zoneFiles ?? {})) seeds.set(`zones/${name}.zone`, text);
  const filesAt = (place: KnotPlace, view: MeshView) =>
    renderSiteFiles({ packet, ...secrets, ring: options.ring ?? ring, view, runtime: runtimeOf(place, options) });
  const knot = await startKnot({
    address,
    port: options.ports.dns,
    config: (place) => {
      for (const [path, text] of [...seeds, ...filesAt(place, options.view)]) {
        mkdirSync(dirname(join(place.storage, path)), { recursive: true });
        writeFileSync(join(place.storage, path), text);
      }
      return renderKnotConf(runtimeOf(place, options), packet.transport);
    },
  });
  const render = (view: MeshView) => filesAt(knot, view);
  const write = async (path: string, text: string) => {
    const file = join(knot.storage, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  const writeChanged = async (files: ReadonlyMap<string, string>) => {
    for (const [path, text] of files) {
      if ((await readFile(join(knot.storage, path), "utf8").catch(() => undefined)) !== text) await write(path, text);
    }
  };
  return {
    knot,
    packet,
    write,
    soa: (zone) => new DnsClient({ timeoutMs: 500 }).querySoa(knot.server, zone),
    async apply(view) {
      await writeChanged(render(view));
      await knot.knotc("-b", "reload");
    },
    async applyMembers(view) {
      const files = render(view);
      await writeChanged(new Map([...files].filter(([path]) => path.includes("local-catalog"))));
      await knot.knotc("-b", "zone-reload", "local-catalog.invalid");
    },
    [Symbol.asyncDispose]: () => knot[Symbol.asyncDispose](),
  };
}

/** What an agent would read of a mesh whose central zones have this serial. */
export function viewOf(mesh: Mesh, serial = 1): MeshView {
  const sites = [...mesh.sites].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    directorySerial: serial,
    catalogSerial: serial,
    sites: sites.map(({ name, role, addresses, sources }) => ({ name, role, addresses, sources })),
    zones: sites
      .flatMap((site) => site.zones.map((zone) => ({ name: zone.name, owner: site.name, id: "" })))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...(mesh.topology === "hub" && { topology: mesh.topology }),
  };
}

/** Transfers both central zones from a server and reads them, as an agent does. */
export async function readCentral(mesh: Mesh, server: DnsServer): Promise<MeshView> {
  const client = new DnsClient({ timeoutMs: 2000 });
  const directory = await client.transfer(server, mesh.directoryZone, readerKey);
  const catalog = await client.transfer(server, mesh.catalogZone, readerKey);
  const found = readMeshView({ directoryZone: mesh.directoryZone, catalogZone: mesh.catalogZone, directory, catalog });
  if (found.kind === "refused") throw new Error(found.refusal.reason);
  if (found.problems.length > 0) throw new Error(found.problems.join("; "));
  return found.view;
}
