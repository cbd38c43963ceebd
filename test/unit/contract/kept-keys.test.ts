import { expect } from "chai";

import { type KeptHeader, parseKeptKeys, replacement } from "../../../src/contract/kept-keys";

const [one, two, three] = ["1".repeat(40), "2".repeat(40), "3".repeat(40)];
const kept: KeptHeader = {
  version: 1,
  site: "site-a",
  generation: 4,
  madeAt: "2026-11-29T00:00:00.000Z",
  zones: ["a.example"],
  keys: [one, two],
  digest: "d4",
  sealedWith: "s1",
};
const next: KeptHeader = { ...kept, generation: 5, keys: [two, three], digest: "d5" };

describe("a copy of the zones' keys", () => {
  it("takes the place of none, and of an older one that it shares a key with", () => {
    expect(replacement(undefined, kept)).to.deep.equal({ kind: "write" });
    expect(replacement(kept, next)).to.deep.equal({ kind: "write" });
    expect(replacement({ ...kept, keys: [] }, next)).to.deep.equal({ kind: "write" });
  });

  it("is not written again, unless it is sealed with another key", () => {
    expect(replacement(kept, { ...kept })).to.deep.equal({ kind: "same" });
    expect(replacement(kept, { ...kept, sealedWith: "s2" })).to.deep.equal({ kind: "write" });
    expect(replacement(kept, { ...kept, generation: 9 })).to.deep.equal({ kind: "write" });
  });

  it("keeps its generation when the same keys come with a lower one", () => {
    expect(replacement(next, { ...next, generation: 1 })).to.deep.equal({ kind: "same" });
    expect(replacement(next, { ...next, generation: 1, sealedWith: "s2" }).kind).to.equal("refused");
  });

  it("never takes the place of a newer one, of one as new with other content, of other keys or of another site's", () => {
    const refusals: [KeptHeader, KeptHeader, RegExp][] = [
      [next, kept, /newer: generation 5 .* the volume is at 4/],
      [next, { ...next, digest: "other" }, /newer/],
      [kept, { ...next, keys: [three] }, /none of the 2 keys/],
      [kept, { ...next, keys: [] }, /none of the 2 keys/],
      [kept, { ...next, site: "site-b" }, /of site site-a/],
    ];
    for (const [standing, offered, reason] of refusals) {
      const result = replacement(standing, offered);
      expect(result.kind).to.equal("refused");
      expect(result.kind === "refused" && result.reason).to.match(reason);
    }
  });

  it("is refused by the field that is wrong, without its content", () => {
    const copy = { ...kept, content: "c2VjcmV0" };
    expect(parseKeptKeys(copy)).to.deep.equal(copy);
    expect(() => parseKeptKeys({ ...copy, generation: 0 })).to.throw("generation must be a whole number of at least 1");
    expect(() => parseKeptKeys({ ...copy, version: 2 })).to.throw("version must be 1");
    expect(() => parseKeptKeys({ ...copy, content: ["c2VjcmV0"] }))
      .to.throw("content must be a text")
      .with.property("message")
      .not.contain("c2Vj");
  });
});
