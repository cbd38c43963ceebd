import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { bundle, programNames } from "../../../components/bundle";

describe("bundles", () => {
  const file = join(__dirname, "../../../components/bundle.ts");
  const tsx = require.resolve("tsx");
  /** The bundle as another process makes it anew, in another folder. */
  const elsewhere = (name: string): string => {
    const code = `process.stdout.write(require(${JSON.stringify(file)}).makeBundle(${JSON.stringify(name)}).text)`;
    return execFileSync(process.execPath, ["--require", tsx, "-e", code], {
      cwd: tmpdir(),
      maxBuffer: 1 << 24,
    }).toString();
  };
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

  for (const name of ["mesh", "lab"] as const)
    it(`${name} loads what is installed beside it by require, since import() takes no folder of a package`, () => {
      expect(bundle(name)).to.not.match(/\bimport\(/);
      expect(bundle("mesh")).to.contain('require("@pulumi/pulumi/automation")');
    });

  for (const name of programNames) {
    describe(name, () => {
      it("is small enough to share a ConfigMap's megabyte with others", () => {
        expect(Buffer.byteLength(bundle(name))).to.be.within(1000, 400_000);
      });

      it("is the same text in any process and folder", () => {
        expect(sha256(elsewhere(name))).to.equal(sha256(bundle(name)));
      });

      it("names no folder of the machine that made it", () => {
        expect(bundle(name)).not.to.contain(join(__dirname, "../../.."));
      });

      it("needs nothing but Node", () => {
        const required = [...bundle(name).matchAll(/\brequire\("([^"]+)"\)/g)].map(([, module]) => module!);
        expect(required.filter((module) => !module.startsWith("node:"))).to.deep.equal([]);
      });
    });
  }
});
