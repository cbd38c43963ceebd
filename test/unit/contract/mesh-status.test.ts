import { createHash } from "node:crypto";

import { expect } from "chai";

import { emptyMemory, readStatus, writeStatus, type Memory } from "../../../src/contract/mesh-status";
import type { Report } from "../../../src/contract/mesh-status";

const report: Report = { site: "site-b", ok: true, changedAt: "2026-11-23T12:00:00.000Z", conditions: [] };

function memoryOf(count: number): Memory {
  const zones = Array.from({ length: count }, (_, i) => {
    const id = createHash("sha256").update(String(i)).digest("hex").slice(0, 32);
    return { name: `zone-${i}.internal.example`, owner: "site-a", id };
  });
  return { view: { directorySerial: 1, catalogSerial: 1, sites: [], zones }, doubts: [] };
}

describe("reconciler's memory", () => {
  it("is readable JSON while it is small", () => {
    const status = writeStatus(memoryOf(3), report);
    expect(status.data).to.have.keys("state.json", "report.json");
    expect(readStatus({ ...status })).to.deep.equal({ memory: memoryOf(3), report, damaged: false });
  });

  it("fits into a ConfigMap with ten thousand zones", () => {
    const status = writeStatus(memoryOf(10_000), report);
    expect(JSON.stringify(status).length).to.be.lessThan(1024 * 1024);
    expect(readStatus({ ...status }).memory).to.deep.equal(memoryOf(10_000));
  });

  it("is none in a fresh ConfigMap, and damaged when somebody edited it", () => {
    expect(readStatus({})).to.deep.equal({ memory: emptyMemory, damaged: false });
    const { data } = writeStatus(memoryOf(3), report);
    const edited = { data: { ...data, "state.json": data["state.json"]!.replace("site-a", "site-x") } };
    expect(readStatus(edited)).to.deep.equal({ memory: emptyMemory, report, damaged: true });
  });
});
