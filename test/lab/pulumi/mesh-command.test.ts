import { expect } from "chai";

import { GuidedMesh } from "../../../harness/plugins/guided-mesh";
import type { Reader } from "../../../harness/docs/reader";

/** Two sites in one cluster without nodes, by the guides, up to the shared stack: steps in their order. */
describe("mesh init, up of the shared stack and preview, by the guides", function () {
  this.timeout(300_000);
  let mesh: GuidedMesh;
  /** Of the short path, beside the guides' reader, in the same folder and shell. */
  let short: Reader;

  before(async () => {
    mesh = await GuidedMesh.start();
  });
  after(() => mesh[Symbol.asyncDispose]());

  it("writes the files of a mesh, and the second time nothing", async () => {
    mesh.reader.open("docs/guides/a-new-mesh.md#a-new-mesh");
    const begin = mesh.reader.next("sh");
    expect(await mesh.reader.shell(begin)).to.match(
      /Written: Pulumi\.shared\.yaml, Pulumi\.site-a\.yaml, Pulumi\.site-b\.yaml/,
    );
    const again = begin.split("\n").find((line) => line.includes("mesh -- init"))!;
    expect(await mesh.reader.shell(again)).to.match(/there already: nothing to do/);
    mesh.shareCluster();
    short = mesh.anotherReader();
    short.open("docs/guides/ten-minutes.md#a-change-as-a-reviewer-sees-it");
    expect(await short.run()).to.match(/\bup: shared$/m);
  });

  it("explains one more site as a comment, by the short path, with nothing but the shared stack", async () => {
    const comment = await short.run();
    short.close();
    expect(comment)
      .to.match(/^<!-- dns-mesh preview -->$/m)
      .and.match(/site-e.*192\.0\.2\.55/)
      .and.match(/e\.example/);
    await mesh.reader.shell("npm run --silent mesh -- site remove site-e");
    expect(mesh.file("Pulumi.shared.yaml")).not.to.contain("site-e");
  });
});
