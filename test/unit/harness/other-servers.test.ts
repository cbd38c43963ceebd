import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  powerDnsZones,
  renderPowerDnsConf,
  renderBindConf,
  renderBindPrimaries,
  renderNsdConf,
  renderNsdPatterns,
} from "../../../harness/other-servers/configuration";
import { guideExample, powerDnsExample } from "../../../harness/other-servers/guide-example";

describe("the guide to other servers", () => {
  const guide = readFileSync(join(__dirname, "../../../docs/guides/other-servers.md"), "utf8");

  it("shows the configurations that the lab runs", () => {
    const blocks = guide.matchAll(/^```(\w*)\n([^]*?)^```$/gm);
    const shown = [...blocks].filter(([, language]) => language === "").map(([, , text]) => text);
    expect(shown).to.deep.equal([
      renderBindConf(guideExample.bind),
      renderNsdConf(guideExample.nsd),
      renderPowerDnsConf(powerDnsExample),
      powerDnsZones(powerDnsExample)
        .map((command) => `pdnsutil ${command}\n`)
        .join(""),
      renderBindPrimaries(guideExample.bindOverTls),
      renderNsdPatterns(guideExample.nsdOverTls),
    ]);
  });
});
