import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAtomically } from "../../../src/base/files";

describe("a file that is made as one step", () => {
  it("is never written over, and leaves nothing beside it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dns-mesh-files-"));
    try {
      const path = join(folder, "a.yaml");
      await createAtomically(path, "one");
      const error: unknown = await createAtomically(path, "two").catch((thrown: unknown) => thrown);
      expect(error).to.have.property("code", "EEXIST");
      expect([readFileSync(path, "utf8"), readdirSync(folder)]).to.deep.equal(["one", ["a.yaml"]]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
