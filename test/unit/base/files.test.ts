import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAtomically, writeAtomically } from "../../../src/base/files";

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

describe("a file that is replaced as one step", () => {
  it("stays whole for who reads the former one, and leaves nothing beside it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dns-mesh-files-"));
    try {
      const path = join(folder, "a.yaml");
      await writeAtomically(path, "one");
      await using reading = await open(path, "r");
      await writeAtomically(path, "two, which is longer");
      expect(await reading.readFile("utf8")).to.equal("one");
      expect([readFileSync(path, "utf8"), readdirSync(folder)]).to.deep.equal(["two, which is longer", ["a.yaml"]]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
