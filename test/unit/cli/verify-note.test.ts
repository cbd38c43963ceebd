import { expect } from "chai";
import { plainNote } from "../../../src/cli/verify-mesh";
import { parseMesh } from "../../../src/settings/parse";
import { exampleList } from "../components/example-mesh";

describe("mesh verify", () => {
  it("says when zones go over plain TCP in a mesh whose transfers are encrypted", () => {
    const mesh = parseMesh(exampleList);
    expect(plainNote({ mesh, ca: undefined })[0]).to.match(/plain TCP.*--ca FILE/);
    expect(plainNote({ mesh, ca: "PEM" })).to.deep.equal([]);
    expect(plainNote({ mesh: { ...mesh, transport: "tcp" }, ca: undefined })).to.deep.equal([]);
  });
});
