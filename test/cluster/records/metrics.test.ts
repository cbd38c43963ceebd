import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { checkListed, promtoolComplaints, readMetrics } from "../../../harness/metrics";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { operatorMetrics, programMetrics } from "../../../src/contract/metrics";

describe("metrics of the record operator", function () {
  this.timeout(180_000);
  const listed = { ...programMetrics, ...operatorMetrics };
  let mesh: RecordMesh;

  before(async () => {
    mesh = await RecordMesh.start();
  });
  after(() => mesh[Symbol.asyncDispose]());

  it("are those of the list, all of them, and promtool has no complaint", async () => {
    const seen = new Set<string>();
    const look = async (): Promise<string> => {
      const text = await mesh.operator.metricsText();
      for (const name of checkListed(readMetrics(text), listed, "the operator")) seen.add(name);
      return text;
    };
    expect(await promtoolComplaints(await look())).to.equal("");
    // One of a zone that nobody owns, and one that is on its way to a site that does not answer.
    await mesh.objects("nowhere.example").make("nowhere", { name: "www", value: "192.0.2.1" });
    await eventually(20, async () => {
      expect(await look()).to.match(/^dns_mesh_records_errors_total\{reason="\w+"\} [1-9]/m);
    });
    await mesh.lab.site("site-c").control.stop();
    await mesh.objects().make("www", { name: "www", value: "192.0.2.1" });
    const isWhole = async (): Promise<void> => {
      await look();
      expect(Object.keys(listed).filter((name) => !seen.has(name))).to.deep.equal([]);
    };
    await eventually(20, isWhole, 20);
  });
});
