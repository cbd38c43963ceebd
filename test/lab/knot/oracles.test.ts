import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import type { Mesh } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { eventually } from "../../../harness/eventually";
import { pythonOf } from "../../../harness/tools/python";
import { startBind } from "../../../harness/other-servers/server";
import { freePorts, readerKey, seedMesh, startSite, viewOf } from "./lab-mesh";

const run = promisify(execFile);

const wide: Mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: Array.from({ length: 40 }, (_, i) => ({
    name: `site-${i}`,
    role: i === 0 ? "primary-catalog" : i < 3 ? "secondary-catalog" : "standard",
    addresses: [`10.0.0.${i}`, `2001:db8::${(i + 1).toString(16)}`],
    ...(i === 7 && {
      sources: Array.from({ length: 256 }, (_, n) => `2001:db8:0:${n.toString(16)}::/64`),
      retired: "2026-12-31",
    }),
    zones: [`zone-${i}.example`, { name: `${i}.2.0.192.in-addr.arpa`, retired: "2027-01-01" }, `_${i}.deep.er.example`],
  })),
});

const parseScript = `
import sys, json, dns.zone, dns.rdatatype
zone = dns.zone.from_file(sys.argv[1], origin=sys.argv[2] + '.', relativize=True)
print(json.dumps({str(name): {dns.rdatatype.to_text(s.rdtype): sorted(r.to_text() for r in s) for s in node} for name, node in zone.items()}))
`;

type Parsed = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** A folder that goes with the test. */
async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "mesh-oracle-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function parseWithDnspython(zone: string, text: string): Promise<Parsed> {
  await using at = await folder();
  await writeFile(join(at.path, "zone"), text);
  const { stdout } = await run(pythonOf("python"), ["-c", parseScript, join(at.path, "zone"), zone], {
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout) as Parsed;
}

describe("the central zones before independent implementations", function () {
  this.timeout(30_000);

  for (const [what, mesh] of [
    ["the seed's mesh", seedMesh()],
    ["forty sites", wide],
  ] as const) {
    it(`named-checkzone takes both zones of ${what}`, async () => {
      await using at = await folder();
      for (const [zone, text] of [
        [mesh.directoryZone, renderDirectory(mesh)],
        [mesh.catalogZone, renderCatalog(mesh)],
      ] as const) {
        const file = join(at.path, zone);
        await writeFile(file, text);
        const { stdout } = await run("named-checkzone", ["-i", "full", "-k", "fail", zone, file]);
        expect(stdout)
          .to.match(/OK\s*$/)
          .and.not.match(/warning|error/i);
      }
    });

    it(`dnspython reads every site, address and zone of ${what}`, async () => {
      const directory = await parseWithDnspython(mesh.directoryZone, renderDirectory(mesh));
      for (const site of mesh.sites) {
        const node = directory[site.name]!;
        expect([...(node["A"] ?? []), ...(node["AAAA"] ?? [])]).to.have.members([...site.addresses]);
        expect(node["TXT"]).to.have.length(1);
        for (const source of site.sources) expect(node["TXT"]![0]).to.contain(`"source=${source}"`);
        for (const zone of site.zones) {
          expect(directory[`${zone.name}._zone`]!["TXT"]![0]).to.contain(`"server=${site.name}.${mesh.directoryZone}"`);
        }
      }
      const catalog = await parseWithDnspython(mesh.catalogZone, renderCatalog(mesh));
      const members = Object.entries(catalog).filter(([name]) => name.endsWith(".zones") && !name.startsWith("group."));
      const groups = members.map(([name, node]) => `${node["PTR"]![0]} ${catalog[`group.${name}`]!["TXT"]![0]}`);
      expect(groups).to.have.members(
        mesh.sites.flatMap((site) => site.zones.map((zone) => `${zone.name}. "${site.name}"`)),
      );
    });
  }

  it("BIND as a consumer of the mesh catalog serves every member, and drops one that leaves", async () => {
    const mesh = seedMesh({ zonesOfC: [] });
    const ports = await freePorts();
    const whole = allAt("site-a", mesh);
    await using site = await startSite({ mesh: whole, site: "site-a", view: viewOf(whole), ports });
    await using bind = await startBind({ mesh: whole, key: readerKey, port: ports.dns });
    const soa = (zone: string) => new DnsClient({ timeoutMs: 500 }).querySoa(bind.server, zone);
    const zones = ["catalog-primary.internal.dns", "catalog-secondary.internal.dns", "extra.example"];
    for (const zone of zones) await eventually(15, () => soa(zone));

    await site.write("zones/catalog.internal.dns.zone", renderCatalog(allAt("site-a", mesh, ["extra.example"])));
    await site.knot.knotc("-b", "zone-reload", "catalog.internal.dns");
    await eventually(15, async () => {
      const gone = await soa("extra.example").then(
        () => false,
        () => true,
      );
      expect(gone).to.equal(true);
    });
    await soa("catalog-secondary.internal.dns");
  });
});

/** The mesh with all its zones and one more at one site, so that one Knot can serve them all to the consumer. */
function allAt(owner: string, mesh: Mesh, without: readonly string[] = []): Mesh {
  const zones = [...mesh.sites.flatMap((site) => site.zones), { name: "extra.example", dnssec: false }];
  const kept = zones.filter((zone) => !without.includes(zone.name));
  return { ...mesh, sites: mesh.sites.map((site) => ({ ...site, zones: site.name === owner ? kept : [] })) };
}
