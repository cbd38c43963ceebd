import { expect } from "chai";

import { LabPlan } from "../../../../lab/plan";
import type { ResourceRecord } from "../../../../src/dns/record";
import { encodeMeshCatalog } from "../../../../src/mesh/catalog";
import { encodeDirectory } from "../../../../src/mesh/directory";
import { defaultLimits } from "../../../../src/mesh/limits";
import type { Mesh } from "../../../../src/mesh/model";
import { planMesh } from "../../../../src/mesh/plan-mesh";
import { type DiscoveredMesh, readMesh, type RefusedDiscovery } from "../../../../src/mesh/read-view";
import type { MeshPlan } from "../../../../src/mesh/view";
import { spoiltMesh } from "../../../chaos/central-faults";

describe("central zones of a former time", () => {
  for (const sites of [3, 5]) {
    const plan = new LabPlan({ sites, prefix: "192.0" });
    plan.epoch = { number: 2, primary: plan.primary };
    const { mesh } = plan;
    const read = (of: Mesh, serial: number): Promise<DiscoveredMesh | RefusedDiscovery> => {
      const { directoryZone, catalogZone } = of;
      const at = (records: readonly ResourceRecord[]): readonly ResourceRecord[] =>
        records.map((record) => (record.type === "SOA" ? { ...record, serial } : record));
      const zones = new Map([
        [directoryZone, at(encodeDirectory(of))],
        [catalogZone, at(encodeMeshCatalog(of))],
      ]);
      const signers = [plan.signer.publicKey];
      return readMesh({ directoryZone, catalogZone, signers }, (zone) => Promise.resolve(zones.get(zone) ?? []));
    };
    /** What a site that knows the list's central zones, of serial 100, makes of others. */
    const planned = async (of: Mesh, serial: number): Promise<MeshPlan> => {
      const known = await read(mesh, 100);
      if (known.kind !== "view") throw new Error("the list's central zones cannot be read");
      const discovered = await read(of, serial);
      return planMesh({ self: "site-a", known: known.view, discovered, limits: defaultLimits, today: "2026-01-01" });
    };

    it(`of ${sites} sites, of the epoch before, are refused for their epoch alone`, async () => {
      const former = spoiltMesh("central-former", { mesh, plan });
      expect((await planned(former, 200)).refusal?.kind).to.equal("fenced");
      const present = { ...former, ...(mesh.epoch && { epoch: mesh.epoch }) };
      expect(await planned(present, 200)).to.not.have.property("refusal");
      expect((await planned(present, 200)).held).to.deep.equal([]);
    });

    it(`of ${sites} sites, under a serial of then, are refused for that alone`, async () => {
      const older = spoiltMesh("central-older", { mesh, plan });
      expect((await planned(older, 50)).refusal?.kind).to.equal("older");
      const { held, changes, refusal } = await planned(older, 200);
      expect([held, refusal]).to.deep.equal([[], undefined]);
      expect(changes).to.not.deep.equal([]);
    });
  }
});
