import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { badZoneFiles, goodZoneFiles } from "../../../harness/dns/zone-file-samples";
import { knotBinaries } from "../../../harness/knot";

const run = promisify(execFile);

/** What the list's schema is held to: whether Knot itself loads the file. */
describe("zone files of the list before Knot", function () {
  this.timeout(30_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-zone-check-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function loads(text: string): Promise<boolean> {
    const [zone, config] = [join(folder, "zone"), join(folder, "knot.conf")];
    writeFileSync(zone, text);
    writeFileSync(config, `zone:\n  - domain: z.example\n    file: ${zone}\n`);
    const check = run(knotBinaries().knotc, ["-c", config, "zone-check", "z.example"]);
    return check.then(
      () => true,
      (error: unknown) => {
        if (/failed to check zone/.test(String((error as { stderr?: string }).stderr))) return false;
        throw error;
      },
    );
  }

  for (const [text] of badZoneFiles)
    it(`does not load what we refuse: ${JSON.stringify(text)}`, async () => {
      expect(await loads(text)).to.equal(false);
    });

  for (const text of goodZoneFiles)
    it(`loads what we take: ${JSON.stringify(text)}`, async () => {
      expect(await loads(text)).to.equal(true);
    });
});
