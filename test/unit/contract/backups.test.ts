import { expect } from "chai";
import { type BackupFacts, type BackupReport, factsWith, parseFacts, parseReport } from "../../../src/contract/backups";

const at = "2026-11-29T09:00:00.000Z";
const backup: BackupReport = {
  ...{ kind: "backup", at, repository: "r", snapshot: "s", zones: 2, size: 3, added: 1, seconds: 1.5 },
};
const drill: BackupReport = { kind: "drill", at, snapshot: "s", madeAt: at, zones: 2, withoutDigest: 0, seconds: 2 };
const failed = (of: "backup" | "drill"): BackupReport => ({
  ...{ kind: "failure", of, failure: { at, reason: "unreachable", message: "no route" } },
});
const after = (...reports: BackupReport[]): BackupFacts => reports.reduce<BackupFacts>(factsWith, { failures: {} });

describe("what is known of backups", () => {
  it("keeps the last success beside a failure since, and forgets the failure with the next success", () => {
    const broken = after(backup, failed("backup"), failed("drill"));
    expect(broken.backup).to.deep.equal(backup);
    expect(Object.keys(broken.failures)).to.have.members(["backup", "drill"]);
    expect(factsWith(broken, backup).failures).to.have.all.keys("drill");
    expect(factsWith(broken, drill).failures).to.have.all.keys("backup");
  });

  it("is read back as it was written", () => {
    for (const facts of [after(), after(backup), after(backup, drill, failed("drill")), after(failed("backup"))])
      expect(parseFacts(JSON.parse(JSON.stringify(facts)))).to.deep.equal(facts);
  });

  it("takes no other report", () => {
    expect(parseReport(backup)).to.deep.equal(backup);
    for (const bad of [{}, { ...backup, zones: -1 }, { ...backup, at: "now" }, { ...failed("drill"), of: "x" }, null])
      expect(() => parseReport(bad)).to.throw();
  });
});
