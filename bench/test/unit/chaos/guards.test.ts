import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { edited } from "../../../../harness/edited-program";
import { UserError } from "../../../../src/base/errors";
import { extras, kindsWith, neededFor, parseFaults } from "../../../chaos/fault";
import { brokenProgram, guardNamed, guards } from "../../../chaos/guards";

const root = join(__dirname, "..", "..", "..", "..");
const sites = ["site-a", "site-b", "site-c"];

describe("a guard that is broken on purpose", function () {
  // A whole program is bundled.
  this.timeout(60_000);

  for (const guard of guards) {
    it(`${guard.name} stands in the sources where it is broken`, () => {
      for (const edit of guard.edits) {
        const text = readFileSync(join(root, edit.file), "utf8");
        expect(edited(text, edit), edit.file).not.to.equal(text);
      }
    });

    it(`${guard.name} has faults that show it, or a reason why none do`, () => {
      const pods = sites.flatMap((site) => (guard.replicas === 2 ? [site, `${site}/1`] : [site]));
      const faults = parseFaults(guard.script, pods);
      const needed = faults.flatMap(({ kind }) => neededFor(kind) ?? []);
      expect(guard.extras ?? []).to.include.members(needed);
      expect(faults.every(({ kind }) => kindsWith(extras).includes(kind))).to.equal(true);
      expect(guard.rules.length > 0).to.equal(guard.unseen === undefined);
    });
  }

  it("has a name of its own", () => {
    expect(new Set(guards.map(({ name }) => name)).size).to.equal(guards.length);
    expect(() => guardNamed("none")).to.throw(UserError, 'there is no guard "none"; there are journal, ');
  });

  it("that has moved is an error", () => {
    const edit = { file: "x.ts", from: "a", to: "b" };
    for (const text of ["", "aa"])
      expect(() => edited(text, edit)).to.throw(UserError, "x.ts does not have this text once: a");
  });

  it("is broken in its program, which is whole beside", async () => {
    expect(await brokenProgram(guardNamed("expiry"))).to.contain("expire: 4");
  });
});
