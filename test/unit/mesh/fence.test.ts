import { expect } from "chai";

import { type Epoch, signEpoch } from "../../../src/mesh/epoch";
import {
  type EpochAnswer,
  type Fence,
  fenceProblems,
  nextFence,
  otherCatalogs,
  type SiteEpochs,
} from "../../../src/mesh/fence";
import { bootstrapView } from "../../../src/mesh/peers";
import { welcomePacket } from "../../../src/mesh/welcome";
import { epochSigner, meshOf } from "./epoch-signer";

const { privateKey, publicKey } = epochSigner();
const mesh = meshOf("primary-catalog", "secondary-catalog", "secondary-catalog", "standard");
const older = welcomePacket(mesh, "site-d", "PEM");
const packet = { ...older, signers: [publicKey] };
const first: Epoch = { number: 1, primary: "site-a" };
const second: Epoch = { number: 2, primary: "site-b" };
const view = { ...bootstrapView(packet), epoch: first };
const calm: Fence = { highest: first, behind: [] };
const said = (answers: Readonly<Record<string, EpochAnswer | readonly EpochAnswer[]>>): SiteEpochs =>
  new Map(Object.entries(answers).map(([site, all]) => [site, Array.isArray(all) ? all : [all as EpochAnswer]]));
const next = (answers: Parameters<typeof said>[0], before: Fence | undefined = calm, known = view) =>
  nextFence({ packet, view: known, before, answers: said(answers) });

describe("the fence around the central zones", () => {
  it("leaves nobody out as long as all are of one epoch, whoever answers", () => {
    expect(next({ "site-a": first, "site-b": first, "site-c": first })).to.deep.equal(calm);
    expect(next({})).to.deep.equal(calm);
    expect(next({ "site-a": undefined, "site-b": undefined })).to.deep.equal(calm);
  });

  it("takes a new epoch from whoever answers it, and leaves out all that may hold what the former primary made since", () => {
    expect(next({ "site-b": second })).to.deep.equal({ highest: second, behind: ["site-a", "site-c"] });
    const elsewhere = next({ "site-c": second, "site-a": first });
    expect(elsewhere).to.deep.equal({ highest: second, behind: ["site-a"] });
    expect(next({}, calm, { ...view, epoch: second })).to.deep.equal({ highest: second, behind: ["site-a", "site-c"] });
    const newer = { ...packet, epoch: signEpoch("dns.internal", second, privateKey) };
    expect(nextFence({ packet: newer, view, before: calm, answers: new Map() })?.highest).to.deep.equal(second);
  });

  it("lets a catalog site in again once it answers the highest epoch, and not because it is silent", () => {
    const fence: Fence = { highest: second, behind: ["site-a", "site-c"] };
    expect(next({ "site-b": second }, fence)).to.deep.equal(fence);
    expect(next({ "site-c": second }, fence)).to.deep.equal({ highest: second, behind: ["site-a"] });
    expect(next({ "site-a": second, "site-c": second }, fence)).to.deep.equal({ highest: second, behind: [] });
  });

  it("goes by the pod that is behind: whoever asks a site may get to that one", () => {
    const fence: Fence = { highest: second, behind: [] };
    expect(next({ "site-c": [second, first] }, fence)?.behind).to.deep.equal(["site-c"]);
    expect(next({ "site-c": [second, "silent"] }, fence)?.behind).to.deep.equal([]);
    expect(next({ "site-c": [first, "silent"] }, fence)?.behind).to.deep.equal(["site-c"]);
    // The primary's writer is where the rest comes from.
    expect(next({ "site-b": [first, second] }, fence)?.behind).to.deep.equal([]);
  });

  it("takes zones from a site of which a pod has the highest epoch, while another one is away", () => {
    expect(next({ "site-b": second, "site-c": [second, "silent"] })?.behind).to.deep.equal(["site-a"]);
    const fence: Fence = { highest: second, behind: ["site-a", "site-c"] };
    expect(next({ "site-c": [second, "silent"] }, fence)?.behind).to.deep.equal(["site-a"]);
    expect(next({ "site-c": [second, first, "silent"] }, fence)?.behind).to.deep.equal(["site-a", "site-c"]);
    expect(next({ "site-c": ["silent", "silent"] }, fence)?.behind).to.deep.equal(["site-a", "site-c"]);
  });

  it("leaves out the coming primary, too, until it answers the epoch that it is to have", () => {
    const fence: Fence = { highest: second, behind: [] };
    expect(next({ "site-b": first }, fence)?.behind).to.deep.equal(["site-b"]);
  });

  it("believes no epoch that the shared stack did not sign, and takes nothing from there", () => {
    const fence = next({ "site-a": first, "site-b": "bad" });
    expect(fence).to.deep.equal({ highest: first, behind: ["site-b"] });
    const forged = {
      ...packet,
      epoch: { ...second, signature: signEpoch("dns.internal", first, privateKey).signature },
    };
    expect(nextFence({ packet: forged, view, before: calm, answers: new Map() })).to.deep.equal(calm);
  });

  it("is none where the site cannot check epochs, or nobody says anything of one", () => {
    expect(nextFence({ packet: older, view, before: calm, answers: said({ "site-b": second }) })).to.equal(undefined);
    expect(next({}, { ...calm }, view)).to.deep.equal(calm);
    expect(nextFence({ packet, view: bootstrapView(packet), before: undefined, answers: new Map() })).to.equal(
      undefined,
    );
  });

  it("asks the catalog sites of the view and of the packet, at every address, and never itself", () => {
    const moved = view.sites.map((site) => (site.name === "site-a" ? { ...site, addresses: ["192.0.2.9"] } : site));
    expect(otherCatalogs({ packet, view: { ...view, sites: moved } })).to.deep.equal([
      { name: "site-a", addresses: ["192.0.2.9", "192.0.2.1"] },
      { name: "site-b", addresses: ["192.0.2.2"] },
      { name: "site-c", addresses: ["192.0.2.3"] },
    ]);
    const own = { ...welcomePacket(mesh, "site-b", "PEM"), signers: [publicKey] };
    expect(otherCatalogs({ packet: own, view }).map(({ name }) => name)).to.deep.equal(["site-a", "site-c"]);
  });

  it("names those that answer what was replaced, and not those that are away", () => {
    const answers = said({ "site-a": [second, first] });
    expect(fenceProblems({ highest: second, behind: ["site-a", "site-c"] }, answers)).to.deep.equal([
      "site-a answers epoch 1 (primary catalog site-a), which was replaced by epoch 2 (primary catalog site-b): no central zones are taken from it",
    ]);
  });
});
