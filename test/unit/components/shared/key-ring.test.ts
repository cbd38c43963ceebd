import { expect } from "chai";
import { KeyRing } from "../../../../components/shared/key-ring";
import { effectiveRing, type RingDocument } from "../../../../src/keyring/ring-document";
import { runStack, type Run } from "../recorded-stack";

function up(generation?: number): Promise<Run> {
  const args = generation === undefined ? {} : { generation };
  return runStack({
    stack: "shared",
    program: () => {
      const { document, first } = new KeyRing("ring", args);
      return Promise.resolve({ document, first });
    },
  });
}

const documentOf = (run: Run): RingDocument => run.outputs["document"]?.value as RingDocument;

describe("KeyRing", () => {
  it("starts with the key that stacks had before there were generations, and one ahead", async () => {
    const run = await up();
    expect(run.all("RandomPassword").map(({ name }) => name)).to.have.members(["ring-1", "ring-2"]);
    expect(documentOf(run).previous).to.equal(undefined);
    expect([documentOf(run).current.name, documentOf(run).next?.name]).to.deep.equal(["mesh-1", "mesh-2"]);
  });

  it("keeps each key's resource while it moves through the ring", async () => {
    const run = await up(3);
    expect(run.all("RandomPassword").map(({ name }) => name)).to.have.members(["ring-2", "ring-3", "ring-4"]);
    const { previous, current, next } = documentOf(run);
    expect([previous?.name, current.name, next?.name]).to.deep.equal(["mesh-2", "mesh-3", "mesh-4"]);
  });

  it("lets generations that follow one another accept each other's signatures", async () => {
    const rings = [];
    for (const generation of [1, 2, 3, 4]) rings.push(effectiveRing(documentOf(await up(generation)), 0));
    for (const [i, ring] of rings.entries()) {
      for (const other of rings.slice(Math.max(0, i - 1), i + 2))
        expect(other.accepted.map(({ name }) => name)).to.include(ring.signing);
    }
  });

  it("hands Vault one key to start with, and everything as a secret", async () => {
    const { outputs } = await up();
    expect(outputs["first"]?.value).to.have.keys("version", "current");
    expect([outputs["first"]?.secret, outputs["document"]?.secret]).to.deep.equal([true, true]);
  });
});
