import { OwnMesh } from "./own-mesh";

/** What a new user does with a fresh backend by the README's words: steps of one mesh's life, in order. */
describe("a mesh of one's own, by the README and the guides", function () {
  this.timeout(900_000);
  let mesh: OwnMesh;

  before(async () => {
    mesh = await OwnMesh.create();
  });
  after(() => mesh[Symbol.asyncDispose]());

  it("is up after the README's commands, on a backend that has no stacks", async () => {
    await mesh.bringUp();
    for (const name of ["catalog-primary", "catalog-secondary"]) await mesh.answered(`${name}.internal.dns`, [0, 1, 2]);
  });

  it("takes a fourth site in", async () => {
    await mesh.takeIn();
    await mesh.answered("standard-2.internal.dns");
  });

  it("answers a changed record everywhere", async () => {
    await mesh.use("site-c");
    mesh.reader.open("docs/guides/changing-records.md#changing-records-of-a-sites-own-zone");
    await mesh.reader.run();
    mesh.reader.close();
    await mesh.everywhere("new-server.standard-1.internal.dns", "10.10.1.5");
  });
});
