import { expect } from "chai";
import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runMesh } from "../../../src/cli/program";

describe("mesh promote", () => {
  it("writes through a link, which stays one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dns-mesh-promote-"));
    try {
      const [file, link] = [join(folder, "list.yaml"), join(folder, "Pulumi.shared.yaml")];
      const sites = ["primary", "secondary"].map(
        (role, i) => `      - { name: site-${i}, role: ${role}-catalog, addresses: [192.0.2.${i + 1}] }\n`,
      );
      writeFileSync(
        file,
        `config:\n  dns-mesh:mesh:\n    directoryZone: dns.internal\n    catalogZone: catalog.internal.dns\n    sites:\n${sites.join("")}`,
      );
      symlinkSync(file, link);
      expect(await runMesh(["promote", "site-1", "--unasked", "--json", "--file", link])).to.equal(0);
      expect(lstatSync(link).isSymbolicLink()).to.equal(true);
      expect(readFileSync(file, "utf8")).to.include("name: site-1, role: primary-catalog");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
