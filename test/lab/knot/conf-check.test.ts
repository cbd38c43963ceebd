import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { renderKnotConf, renderSiteFiles, type SiteRuntime } from "../../../src/knot/config/site-config";
import type { Mesh } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import { bootstrapView } from "../../../src/mesh/peers";
import type { MeshView } from "../../../src/mesh/view";
import { knotBinaries } from "../../../harness/knot";
import { secretsOf, seedMesh, viewOf } from "./lab-mesh";

interface Case {
  readonly mesh: Mesh;
  readonly site: string;
  readonly view?: MeshView;
  readonly replicas?: SiteRuntime["replicas"];
}

/** Renders a whole site to a folder and lets Knot judge it. */
async function confCheck({ mesh, site, view, replicas }: Case): Promise<string> {
  const storage = await mkdtemp(join(tmpdir(), "mesh-conf-"));
  try {
    const runtime: SiteRuntime = {
      storage,
      rundir: join(storage, "run"),
      listen: ["127.0.0.1@5353", "::1@5353"],
      remotePort: 53,
      secure: { listen: ["127.0.0.1@8853", "::1@8853"], remotePort: 853 },
      ...(replicas !== undefined && { replicas }),
    };
    const packet = welcomePacket(mesh, site, "CA");
    await mkdir(join(storage, "db"));
    const files = renderSiteFiles({ packet, ...secretsOf(packet), view: view ?? viewOf(mesh), runtime });
    for (const [path, text] of [...files, ["knot.conf", renderKnotConf(runtime, mesh.transport)] as const]) {
      await mkdir(dirname(join(storage, path)), { recursive: true });
      await writeFile(join(storage, path), text);
    }
    const { stdout, stderr } = await promisify(execFile)(knotBinaries().knotc, [
      "-c",
      join(storage, "knot.conf"),
      "conf-check",
    ]);
    return `${stdout}${stderr}`.trim();
  } finally {
    await rm(storage, { recursive: true, force: true });
  }
}

const alone = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [{ name: "only", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] }],
});

describe("the configuration that Knot is given", () => {
  it("is accepted for a mesh of one site, with and without zones", async () => {
    expect(await confCheck({ mesh: alone, site: "only" })).to.equal("Configuration is valid");
    const bare = { ...alone, sites: alone.sites.map((site) => ({ ...site, zones: [] })) };
    expect(await confCheck({ mesh: bare, site: "only" })).to.equal("Configuration is valid");
  });

  for (const site of ["site-a", "site-b", "site-c"]) {
    it(`is accepted for ${site} of three, before and after the central zones were read`, async () => {
      const mesh = seedMesh({ zonesOfC: ["standard-1.internal.dns", { name: "signed.internal.dns", dnssec: true }] });
      expect(await confCheck({ mesh, site })).to.equal("Configuration is valid");
      const view = bootstrapView(welcomePacket(mesh, site, "CA"));
      expect(await confCheck({ mesh, site, view })).to.equal("Configuration is valid");
    });

    it(`is accepted for ${site} with every kind of signed zone`, async () => {
      const parents = ["2001:db8::53", "192.0.2.53", "192.0.2.54@5353"];
      const kinds = [true, { nsec3: true }, { withdraw: true }, { nsec3: true, parents }, { parents, withdraw: true }];
      const mesh = seedMesh({ zonesOfC: kinds.map((dnssec, i) => ({ name: `signed-${i}.internal.dns`, dnssec })) });
      expect(await confCheck({ mesh, site })).to.equal("Configuration is valid");
    });

    it(`is accepted for each of three pods of ${site}`, async () => {
      const mesh = seedMesh({ zonesOfC: [{ name: "signed.internal.dns", dnssec: true }] });
      for (const self of [0, 1, 2]) {
        const replicas = { self, addresses: ["10.0.0.1", "10.0.0.2", "fd00::3"] };
        expect(await confCheck({ mesh, site, replicas })).to.equal("Configuration is valid");
      }
    });
  }

  it("is accepted for sites named like Knot's own words, with IPv4 and IPv6 addresses", async () => {
    const names = ["default", "mesh", "own", "central", "siblings", "replica-0", "on", "0"];
    const sites = names.map((name, i) => ({
      name,
      role: i === 0 ? "primary-catalog" : "standard",
      addresses: [`192.0.2.${i}`, `2001:db8::${i}`],
      zones: [`${name}.example`],
    }));
    const mesh = parseMesh({ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns", sites });
    for (const site of names) {
      const replicas = { self: 1, addresses: ["10.0.0.1", "10.0.0.2"] };
      expect(await confCheck({ mesh, site, replicas })).to.equal("Configuration is valid");
    }
  });

  for (const topology of ["full", "hub"] as const) {
    it(`is accepted with as many sites as a mesh may have, their names as long as they may be (${topology})`, async () => {
      const nameOf = (i: number) => `site-${i}-`.padEnd(62, "x") + "y";
      const sites = Array.from({ length: 3400 }, (_, i) => ({
        name: nameOf(i),
        role: i === 0 ? "primary-catalog" : "standard",
        addresses: [`10.0.${i >> 8}.${i & 255}`],
        zones: [`${i}.example`],
      }));
      const zones = { directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" };
      for (const site of [nameOf(0), nameOf(7)]) {
        expect(await confCheck({ mesh: parseMesh({ ...zones, topology, sites }), site })).to.equal(
          "Configuration is valid",
        );
      }
    }).timeout(60_000);
  }

  it("is accepted while a zone's owner is this site in the directory, but not in the packet", async () => {
    const mesh = seedMesh();
    const view = { ...viewOf(mesh), zones: [{ name: "coming.example", owner: "site-c", id: "" }] };
    expect(await confCheck({ mesh, site: "site-c", view })).to.equal("Configuration is valid");
    const only = { ...viewOf(alone), zones: [{ name: "coming.example", owner: "only", id: "" }] };
    expect(await confCheck({ mesh: alone, site: "only", view: only })).to.equal("Configuration is valid");
  });
});
