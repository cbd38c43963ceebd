import { expect } from "chai";
import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";

import { encodeMeshCatalog } from "../../../src/mesh/catalog";
import { encodeDirectory } from "../../../src/mesh/directory";
import { type Epoch, highestEpoch, isAbove, isReplaced, signEpoch, standingPacket } from "../../../src/mesh/epoch";
import { defaultLimits } from "../../../src/mesh/limits";
import { planMesh } from "../../../src/mesh/plan-mesh";
import { readMeshView } from "../../../src/mesh/read-view";
import type { MeshView } from "../../../src/mesh/view";
import { parseWelcomePacket, welcomePacket } from "../../../src/mesh/welcome";
import { parseMesh } from "../../../src/settings/parse";
import { epochSigner } from "./epoch-signer";

const { privateKey, publicKey } = epochSigner();
const stranger = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

const plain = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "secondary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
    { name: "site-b", role: "primary-catalog", addresses: ["192.0.2.2"], zones: ["b.example"] },
  ],
});
const second: Epoch = { number: 2, primary: "site-b" };
const signed = (epoch: Epoch, key = privateKey) => ({
  ...plain,
  epoch: signEpoch(plain.directoryZone, epoch, key),
});
const { directoryZone, catalogZone } = plain;
const read = (mesh: typeof plain) =>
  readMeshView({
    ...{ directoryZone, catalogZone, signers: [publicKey] },
    ...{ directory: encodeDirectory(mesh), catalog: encodeMeshCatalog(mesh) },
  });

describe("epochs", () => {
  const epochs = fc.record({ number: fc.integer({ min: 1, max: 4 }), primary: fc.constantFrom("a", "b", "c") });
  const maybe = fc.option(epochs, { nil: undefined });

  it("are in one order, so that all sites come to the same primary", () => {
    fc.assert(
      fc.property(epochs, epochs, epochs, (a, b, c) => {
        const highest = highestEpoch(a, b, c);
        for (const order of [highestEpoch(c, b, a), highestEpoch(b, a, c)]) expect(order).to.deep.equal(highest);
        for (const each of [a, b, c]) expect(isAbove(each, highest)).to.equal(false);
        expect(isAbove(a, b) && isAbove(b, a)).to.equal(false);
      }),
    );
  });

  it("decide before any serial: a view of a lower one never replaces one of a higher", () => {
    const view = (serial: number, epoch: Epoch | undefined): MeshView => ({
      ...{ directorySerial: serial, catalogSerial: serial, zones: [] },
      sites: [{ name: "site-a", role: "standard", addresses: ["192.0.2.1"], sources: [] }],
      ...(epoch && { epoch }),
    });
    const serials = fc.integer({ min: 1, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(
        fc.tuple(serials, serials),
        fc.tuple(maybe, maybe, maybe),
        ([from, to], [before, after, elsewhere]) => {
          const found = { kind: "view" as const, uncertain: { sites: [], zones: [] }, problems: [] };
          const plan = planMesh({
            ...{ self: "site-a", known: view(from, before), limits: defaultLimits, today: "2026-11-29" },
            ...{ discovered: { ...found, view: view(to, after) }, epoch: elsewhere },
          });
          const isLower = isAbove(before, after) || isAbove(elsewhere, after);
          expect(plan.refusal?.kind === "fenced").to.equal(isLower);
          if (plan.refusal === undefined) expect(plan.next.directorySerial).to.equal(to);
          else expect(plan.next.epoch).to.deep.equal(before);
          if (isAbove(after, before) && !isLower) expect(plan.refusal).to.equal(undefined);
        },
      ),
    );
  });

  it("are read from both zones by those who have the key", () => {
    expect(read(signed(second))).to.deep.include({ kind: "view" });
    expect(read(signed(second)))
      .to.have.nested.property("view.epoch")
      .that.deep.equals(second);
  });

  it("count for nothing at a site that has no key, and where nothing is said of them", () => {
    expect(
      readMeshView({
        directoryZone,
        catalogZone,
        directory: encodeDirectory(signed(second)),
        catalog: encodeMeshCatalog(signed(second)),
      }),
    ).to.not.have.nested.property("view.epoch");
    expect(read(plain)).to.not.have.nested.property("view.epoch");
  });

  it("are refused when somebody else signed them, or another site's or number was put in", () => {
    const { signature } = signed(second).epoch;
    for (const epoch of [
      signed(second, stranger).epoch,
      { ...second, primary: "site-a", signature },
      { ...second, number: 3, signature },
      { ...second, signature: "" },
    ])
      expect(read({ ...plain, epoch })).to.have.nested.property("refusal.kind", "fenced");
  });

  it("of directory and catalog must be one", () => {
    const found = readMeshView({
      ...{ directoryZone, catalogZone, signers: [publicKey] },
      directory: encodeDirectory(signed(second)),
      catalog: encodeMeshCatalog(signed({ number: 1, primary: "site-a" })),
    });
    expect(found).to.have.nested.property("refusal.kind", "incomplete");
  });

  it("are signed the same way each time", () => {
    expect(signed(second)).to.deep.equal(signed(second));
  });

  it("travel in the packet, by which a replaced primary knows itself", () => {
    const first = { ...plain, epoch: signEpoch(directoryZone, { number: 2, primary: "site-b" }, privateKey) };
    const packet = parseWelcomePacket(
      JSON.parse(JSON.stringify({ ...welcomePacket(first, "site-b", "CA"), signers: [publicKey] })),
    );
    expect(packet.signers).to.deep.equal([publicKey]);
    expect(isReplaced(packet, second)).to.equal(false);
    expect(isReplaced(packet, { number: 2, primary: "site-c" })).to.equal(false);
    expect(isReplaced(packet, { number: 2, primary: "site-a" })).to.equal(true);
    expect(standingPacket(packet, { number: 3, primary: "site-a" }).site.role).to.equal("secondary-catalog");
    expect(standingPacket(packet, second)).to.equal(packet);
  });
});
