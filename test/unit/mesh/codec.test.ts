import { expect } from "chai";
import * as fc from "fast-check";
import { apexRecord } from "../../../src/mesh/central-zone";
import { encodeCatalog, memberId } from "../../../src/mesh/catalog";
import { encodeDirectory } from "../../../src/mesh/directory";
import type { Mesh, NameServers, Site, SiteRole, Zone } from "../../../src/mesh/model";
import { readMeshView } from "../../../src/mesh/read-view";
import type { MeshView } from "../../../src/mesh/view";

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const date = fc.option(
  fc
    .date({ min: new Date("2026-01-01"), max: new Date("2036-01-01"), noInvalidDate: true })
    .map((day) => day.toISOString().slice(0, 10)),
  { nil: undefined },
);
const address = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((last) => `192.0.2.${last}`),
  fc.integer({ min: 1, max: 9999 }).map((last) => `2001:db8::${last}`),
);
const nameServers = fc.option(
  fc.oneof(
    fc.constantFrom<NameServers>("all", "catalog"),
    fc.uniqueArray(
      fc.oneof(
        label,
        label.map((name) => `${name}.provider.test`),
      ),
      { minLength: 1, maxLength: 32 },
    ) as fc.Arbitrary<NameServers>,
  ),
  { nil: undefined },
);
const zone = fc.record({ name: label.map((name) => `${name}.example`), retired: date, nameServers });
const site = fc.record({
  name: label,
  role: fc.constantFrom<SiteRole>("secondary-catalog", "standard"),
  addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 3 }),
  sources: fc.uniqueArray(
    fc.integer({ min: 0, max: 255 }).map((n) => `10.${n}.0.0/16`),
    { minLength: 1, maxLength: 3 },
  ),
  zones: fc.uniqueArray(zone, { selector: ({ name }) => name, maxLength: 4 }),
  nameServer: fc.option(
    label.map((name) => `${name}.example`),
    { nil: undefined },
  ),
  retired: date,
});

/** Meshes whose sites and zones have names of their own; the first site is the primary. */
const meshes = fc
  .record({
    sites: fc.uniqueArray(site, { selector: ({ name }) => name, minLength: 1, maxLength: 6 }),
    topology: fc.constantFrom("full" as const, "hub" as const),
    nameServers,
  })
  .map(({ sites, topology, nameServers }): Mesh => {
    const taken = new Set<string>();
    const isFree = ({ name }: { name: string }): boolean => taken.size < taken.add(name).size;
    return {
      directoryZone: "dns.internal",
      catalogZone: "catalog.internal.dns",
      topology,
      transport: "tls",
      ...serversOf({ nameServers }),
      sites: sites.map((one, i): Site => ({
        ...{ name: one.name, addresses: one.addresses, sources: one.sources },
        role: i === 0 ? "primary-catalog" : one.role,
        zones: one.zones
          .filter(isFree)
          .map((member): Zone => ({ name: member.name, dnssec: false, ...serversOf(member), ...retiredOf(member) })),
        ...(one.nameServer !== undefined && { nameServer: one.nameServer }),
        ...retiredOf(one),
      })),
    };
  })
  .filter(({ sites }) => sites.some(({ zones }) => zones.length > 0));

function retiredOf({ retired }: { readonly retired: string | undefined }): { readonly retired?: string } {
  return retired === undefined ? {} : { retired };
}

function serversOf({ nameServers }: { readonly nameServers?: NameServers | undefined }): {
  readonly nameServers?: NameServers;
} {
  return nameServers === undefined ? {} : { nameServers };
}

const sorted = <T extends { readonly name: string }>(items: readonly T[]): readonly T[] =>
  [...items].sort((a, b) => (a.name < b.name ? -1 : 1));

/** What every site should see of a mesh. */
function viewOf({ sites, topology, nameServers }: Mesh): MeshView {
  const zones = sites.flatMap((owner) =>
    owner.zones.map(({ name, retired, nameServers: ofZone }) => ({
      name,
      owner: owner.name,
      id: memberId(name),
      ...serversOf({ nameServers: ofZone }),
      ...retiredOf({ retired }),
    })),
  );
  return {
    directorySerial: 1,
    catalogSerial: 1,
    sites: sorted(
      sites.map(({ name, role, addresses, sources, retired, nameServer }) => ({
        ...{ name, role, addresses: [...addresses].sort(), sources: [...sources].sort() },
        ...(nameServer !== undefined && { nameServer }),
        ...retiredOf({ retired }),
      })),
    ),
    zones: sorted(zones),
    ...serversOf({ nameServers }),
    ...(topology === "hub" && { topology }),
  };
}

describe("the central zones", () => {
  it("say to every site what the list says", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        const members = mesh.sites.flatMap(({ name: group, zones }) => zones.map(({ name }) => ({ name, group })));
        const found = readMeshView({
          ...mesh,
          directory: encodeDirectory(mesh),
          catalog: encodeCatalog(apexRecord(mesh, mesh.catalogZone), members),
        });
        expect(found).to.deep.equal({
          ...{ kind: "view", view: viewOf(mesh), uncertain: { sites: [], zones: [] }, problems: [] },
        });
      }),
    );
  });
});
