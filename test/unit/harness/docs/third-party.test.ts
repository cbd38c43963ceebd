import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundledFiles, bundleNames } from "../../../../components/bundle";
import { packageFolder, thirdParty, thirdPartyFile } from "../../../../harness/docs/third-party";

describe("the list of third-party licences", () => {
  it("is what npm run licences writes", () => {
    expect(readFileSync(join(__dirname, "../../../..", thirdPartyFile), "utf8")).to.equal(thirdParty());
  });

  it("finds the innermost package of a file", () => {
    expect(packageFolder("node_modules/a/node_modules/@b/c/lib/d.js")).to.equal("node_modules/a/node_modules/@b/c");
    expect(packageFolder("node_modules/ipaddr.js/lib/ipaddr.js")).to.equal("node_modules/ipaddr.js");
    expect(packageFolder("src/dns/name.ts")).to.equal(undefined);
  });

  it("looks at every file of every bundle", () => {
    for (const name of bundleNames) {
      const folder = name === "mesh" ? "src/cli/" : name === "page" ? "src/cli/dashboard/page/" : "src/agents/";
      expect(bundledFiles(name).some((file) => file.startsWith(folder))).to.equal(true, name);
    }
  });
});
