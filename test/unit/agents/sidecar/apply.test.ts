import { expect } from "chai";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Applier, SiteFiles, siteInput, withMeshParents } from "../../../../src/agents/sidecar/apply";
import type { Inputs } from "../../../../src/agents/sidecar/inputs/inputs";
import type { AgentState } from "../../../../src/agents/sidecar/state-store";
import { localCatalogFile, localCatalogZone, takenZones } from "../../../../src/knot/config/site-config";
import type { MeshView } from "../../../../src/mesh/view";
import { welcomePacket } from "../../../../src/mesh/welcome";
import type { TsigKey } from "../../../../src/dns/tsig-key";
import { parseMesh } from "../../../../src/settings/parse";

describe("what Knot's files are rendered from", () => {
  const mesh = parseMesh({
    directoryZone: "dir",
    catalogZone: "cat",
    sites: [
      { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["one.example", "two.example"] },
      { name: "c", role: "standard", addresses: ["192.0.2.3"], zones: ["theirs.example"] },
    ],
  });
  const inputs = { packet: welcomePacket(mesh, "a", "PEM") } as Inputs;
  const owners = { "one.example": "a", "two.example": "c", "theirs.example": "c" };
  const view: MeshView = {
    ...{ directorySerial: 1, catalogSerial: 1, sites: [] },
    zones: Object.entries(owners).map(([name, owner]) => ({ name, owner, id: name })),
  };
  const namesAt = (state: Partial<AgentState>) => {
    const input = siteInput({ inputs, view, state: { wasReady: true, seeded: [], ...state } });
    return {
      own: input.packet.site.zones.map(({ name }) => name),
      members: takenZones(input).members.map(({ name }) => name),
    };
  };

  it("has an own zone that is looked for neither as an own one nor as a member, which Knot would purge with its keys", () => {
    expect(namesAt({ sought: ["one.example", "two.example"] })).to.deep.equal({
      ...{ own: [], members: ["two.example", "theirs.example"] },
    });
    expect(namesAt({ seeded: ["one.example"], sought: ["two.example"] })).to.deep.equal({
      ...{ own: ["one.example"], members: ["two.example", "theirs.example"] },
    });
  });

  const key: TsigKey = { name: "k", algorithm: "hmac-sha256", secret: "aw==" };
  const mounted = {
    ring: { signing: "k", accepted: [key] },
    localKey: key,
    readers: [],
    runtime: {
      ...{ storage: "/storage", rundir: "/rundir", listen: [], remotePort: 53 },
      secure: { listen: [], remotePort: 853 },
    },
  } as unknown as Partial<Inputs>;

  it("is loaded until Knot has dropped what is in none of them: such a zone goes as a member of the catalog", async () => {
    const folder = await mkdtemp(join(tmpdir(), "apply-"));
    const input = siteInput({
      inputs: { ...inputs, ...mounted },
      view: { ...view, zones: [] },
      state: { wasReady: true, seeded: [] },
    });
    const catalogs: boolean[] = [];
    let zones = ["dir", "cat", localCatalogZone, "stray.example"];
    const control = {
      reload: () => Promise.resolve(),
      zoneReload: async () => {
        const lists = (await readFile(join(folder, localCatalogFile), "utf8")).includes("stray.example.");
        catalogs.push(lists);
        if (!lists) zones = zones.filter((zone) => zone !== "stray.example");
      },
      zoneStatus: () => Promise.resolve(zones.map((zone) => ({ zone, role: "master", serial: 1 }))),
    };
    await new Applier({ control, files: new SiteFiles(folder), now: Date.now }).apply(input);
    expect(catalogs).to.deep.equal([true, false]);
    expect(await readFile(join(folder, localCatalogFile), "utf8")).not.to.contain("stray.example");
    await rm(folder, { recursive: true });
  });

  describe("of signed zones below another one of the mesh", () => {
    const below = parseMesh({
      directoryZone: "dir",
      catalogZone: "cat",
      sites: [
        {
          ...{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"] },
          zones: [
            { name: "sub.example", dnssec: { nsec3: true } },
            { name: "told.example", dnssec: { parents: ["192.0.2.53"] } },
            { name: "plain.example" },
            { name: "other.test", dnssec: true },
          ],
        },
        { name: "c", role: "standard", addresses: ["192.0.2.3"], zones: ["example"] },
      ],
    });
    const packet = welcomePacket(below, "a", "PEM");
    const seen = (nameServers?: "all"): MeshView => ({
      ...{ directorySerial: 1, catalogSerial: 1, sites: [] },
      zones: ["sub.example", "told.example", "plain.example", "other.test", "example"].map((name) => ({
        ...{ name, owner: name === "example" ? "c" : "a", id: name },
      })),
      ...(nameServers && { nameServers }),
    });
    const dnssecOf = (view: MeshView, listen: string) =>
      withMeshParents(packet, { view, runtime: { listen: [listen] } }).site.zones.map(({ dnssec }) => dnssec);

    it("has the own Knot for a parent's server where the mesh keeps the delegation and the list names none", () => {
      expect(dnssecOf(seen("all"), "0.0.0.0@5353")).to.deep.equal([
        { nsec3: true, parents: ["127.0.0.1@5353"] },
        { parents: ["192.0.2.53"] },
        false,
        true,
      ]);
      expect(dnssecOf(seen("all"), "::@53")[0]).to.deep.equal({ nsec3: true, parents: ["::1@53"] });
      expect(dnssecOf(seen("all"), "127.1.0.1@30000")[0]).to.deep.equal({ nsec3: true, parents: ["127.1.0.1@30000"] });
    });

    it("has nothing else where the mesh does not", () => {
      expect(withMeshParents(packet, { view: seen(), runtime: { listen: ["0.0.0.0@5353"] } })).to.equal(packet);
    });
  });
});
