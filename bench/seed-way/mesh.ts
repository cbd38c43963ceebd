import { type KnotPlace, type KnotServer, startKnot } from "../../harness/knot";
import type { TsigKey } from "../../src/dns/tsig-key";
import { randomKey } from "../../src/keyring/fresh-key";
import { renderCatalog } from "../../src/mesh/catalog";
import { renderDirectory } from "../../src/mesh/directory";
import type { Mesh } from "../../src/mesh/model";
import { parseMesh } from "../../src/settings/parse";
import { benchZone, benchZones } from "../baselines/text";
import { knotHead } from "../support/knot-head";

const directoryZone = "dns.internal";
const catalogZone = "catalog.internal.dns";

/** Large meshes take long to load. */
const readySeconds = 120;

/** A site that is configured the seed's way, and the others that it takes its zones from. */
export interface SeedSite extends AsyncDisposable {
  /** The site's own Knot. All but the last site of the mesh, with its zones, stand in its configuration. */
  readonly knot: KnotServer;
  readonly key: TsigKey;
  readonly directoryZone: string;
  readonly catalogZone: string;
  /** Where the other sites' addresses are asked. */
  readonly remotePort: number;
  /** Zones that it serves from the start. */
  readonly known: readonly string[];
  /** Zones of the last site. */
  readonly missing: readonly string[];
}

function meshOf(sites: number, zones: readonly string[]): Mesh {
  const each = zones.length / sites;
  return parseMesh({
    directoryZone,
    catalogZone,
    sites: Array.from({ length: sites }, (_, i) => ({
      name: `site-${i}`,
      role: i === 0 ? "primary-catalog" : i === 1 ? "secondary-catalog" : "standard",
      addresses: [`127.9.${i >> 8}.${i & 255}`],
      zones: zones.slice(Math.floor(i * each), Math.floor((i + 1) * each)),
    })),
  });
}

const template = (storage: string): string => `template:
  - id: default
    storage: ${storage}
    file: zones/%s.zone
    acl: mesh
    semantic-checks: off
zone:
`;

const filesOf = (texts: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([zone, text]) => [`zones/${zone}.zone`, text]));

/** One Knot in the place of all other sites: it listens at each one's address and has every zone. */
function startOthers(
  mesh: Mesh,
  content: { key: TsigKey; texts: Readonly<Record<string, string>> },
): Promise<KnotServer> {
  const listen = mesh.sites.flatMap(({ addresses }) => addresses);
  const zones = Object.keys(content.texts).map((zone) => `  - domain: ${zone}\n`);
  return startKnot({
    ...{ address: listen[0] ?? "", readySeconds, files: filesOf(content.texts) },
    config: (place) => knotHead(place, { listen, key: content.key }) + template(place.storage) + zones.join(""),
  });
}

/** The seed's `knot.conf`: a remote for each site, a stanza for each zone. */
function seedConfig(place: KnotPlace, settings: { mesh: Mesh; key: TsigKey; remotePort: number }): string {
  const { mesh, key, remotePort } = settings;
  const server = (name: string): string => `${name}.${directoryZone}`;
  const known = mesh.sites.slice(0, -1);
  const remotes = known.map(
    ({ name, addresses: [address = ""] }) =>
      `  - id: ${server(name)}\n    address: ${address}@${remotePort}\n    key: ${key.name}\n`,
  );
  const stanza = (zone: string, site: string): string => `  - domain: ${zone}\n    master: ${server(site)}\n`;
  return [
    ...[knotHead(place, { listen: [place.address], key }), "remote:\n", ...remotes, template(place.storage)],
    ...[directoryZone, catalogZone].map((zone) => stanza(zone, known[0]?.name ?? "")),
    ...known.flatMap(({ name, zones }) => zones.map((zone) => stanza(zone.name, name))),
  ].join("");
}

/** Starts a site the seed's way in a mesh of so many others. Its zones lie on its disk already, as after a restart. */
export async function startSeedSite(size: { readonly sites: number; readonly zones: number }): Promise<SeedSite> {
  const key = randomKey("bench");
  const zones = benchZones(size.zones);
  const mesh = meshOf(size.sites, zones);
  const central = { [directoryZone]: renderDirectory(mesh), [catalogZone]: renderCatalog(mesh) };
  const texts = { ...central, ...Object.fromEntries(zones.map((zone) => [zone, benchZone(zone)])) };
  await using started = new AsyncDisposableStack();
  const others = started.use(await startOthers(mesh, { key, texts }));
  const missing = mesh.sites.at(-1)?.zones.map(({ name }) => name) ?? [];
  const known = zones.slice(0, zones.length - missing.length);
  const knot = started.use(
    await startKnot({
      ...{ readySeconds, files: filesOf(texts) },
      config: (place) => seedConfig(place, { mesh, key, remotePort: others.port }),
    }),
  );
  const running = started.move();
  return {
    ...{ knot, key, directoryZone, catalogZone, remotePort: others.port, known, missing },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
