import { expect } from "chai";

import { lastEpoch } from "../../../src/mesh/epoch";
import { nextEpoch } from "../../../src/preflight/epochs";
import { exampleList, exampleMesh, sharedOutputs } from "../components/example-mesh";
import { parseMesh } from "../../../src/settings/parse";

const [a, b, c] = exampleList.sites;
const swapped = parseMesh({
  ...exampleList,
  sites: [{ ...a, role: "secondary-catalog" }, { ...b, role: "primary-catalog" }, c],
});
const next = (mesh = exampleMesh, former?: Readonly<Record<string, unknown>>, least = 1) =>
  nextEpoch(mesh, { former, least });

describe("the number of an epoch", () => {
  it("begins with 1, and stays as long as one site has the primary catalog", () => {
    expect(next()).to.deep.equal({ number: 1, primary: "site-a" });
    expect(next(exampleMesh, { epoch: { number: 7, primary: "site-a" } })).to.deep.equal({
      number: 7,
      primary: "site-a",
    });
  });

  it("rises when another site has it, there and back again", () => {
    const second = next(swapped, { epoch: next() });
    expect(second).to.deep.equal({ number: 2, primary: "site-b" });
    expect(next(exampleMesh, { epoch: second })).to.deep.equal({ number: 3, primary: "site-a" });
  });

  it("rises above the first one also after a release that knew none", () => {
    const former = sharedOutputs(exampleMesh).outputs;
    expect(next(exampleMesh, former)).to.deep.equal({ number: 1, primary: "site-a" });
    expect(next(swapped, former)).to.deep.equal({ number: 2, primary: "site-b" });
  });

  it("is at least what the setting says, and never goes back", () => {
    expect(next(exampleMesh, undefined, 9).number).to.equal(9);
    expect(next(exampleMesh, { epoch: { number: 12, primary: "site-a" } }, 9).number).to.equal(12);
    expect(next(swapped, { epoch: { number: 8, primary: "site-a" } }, 9).number).to.equal(9);
  });

  it("is not guessed where what was said last makes no sense", () => {
    for (const epoch of [null, {}, { number: 0, primary: "site-a" }, { number: 1.5, primary: "site-a" }, { number: 2 }])
      expect(() => next(exampleMesh, { epoch })).to.throw(/which is no epoch.*Nothing was changed/s);
  });

  it("ends with the last one that sites accept: its primary keeps the role, whatever is set", () => {
    expect(() => next(swapped, { epoch: { number: lastEpoch, primary: "site-a" } })).to.throw(
      /is above 999999999.*they follow no lower one.*leave role primary-catalog with site-a$/,
    );
  });
});
