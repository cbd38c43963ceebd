import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { effectiveRing, parseRingDocument, signingKey, type RingDocument } from "../../../src/keyring/ring-document";

const secret = Buffer.alloc(32, 7).toString("base64");
const key = (name: string) => ({ name, algorithm: "hmac-sha256" as const, secret });
const at = (time: string): number => Date.parse(time);

describe("parseRingDocument", () => {
  const document: RingDocument = {
    version: 1,
    previous: { ...key("mesh-1"), createdAt: "2026-01-01T00:00:00.000Z", acceptUntil: "2026-02-02T00:00:00.000Z" },
    current: { ...key("mesh-2"), createdAt: "2026-02-01T00:00:00.000Z" },
    next: { ...key("mesh-3"), createdAt: "2026-03-01T00:00:00.000Z", signFrom: "2026-03-02T00:00:00.000Z" },
  };

  it("reads three keys with their times, and one without any", () => {
    for (const each of [document, { version: 1, current: key("mesh-1") }])
      expect(parseRingDocument(JSON.parse(JSON.stringify(each)))).to.deep.equal(each);
  });

  for (const [what, json] of [
    ["a ring of former releases", { signing: "mesh-1", accepted: [key("mesh-1")] }],
    ["another version", { ...document, version: 2 }],
    ["no current key", { ...document, current: undefined }],
    ["two keys of a name", { ...document, next: key("mesh-2") }],
    ["a time that is none", { ...document, next: { ...key("mesh-3"), signFrom: "soon" } }],
    ["a secret that is not base64", { version: 1, current: { ...key("mesh-1"), secret: `${secret}!` } }],
    ["a short secret", { version: 1, current: { ...key("mesh-1"), secret: "c2hvcnQ=" } }],
    ["a weak algorithm", { version: 1, current: { ...key("mesh-1"), algorithm: "hmac-md5" } }],
    ["a name that would break out of the configuration", { version: 1, current: key("x\nacl:") }],
    ["a text", "ring"],
  ] as const) {
    it(`refuses ${what} without showing a secret`, () => {
      expect(() => parseRingDocument(json))
        .to.throw(UserError)
        .with.property("message")
        .that.does.not.contain(secret.slice(0, 10));
    });
  }
});

describe("effectiveRing", () => {
  const document: RingDocument = {
    version: 1,
    previous: { ...key("old"), acceptUntil: "2026-01-02T00:00:00Z" },
    current: key("now"),
    next: { ...key("new"), signFrom: "2026-01-03T00:00:00Z" },
  };
  const seen = (time: string) => {
    const { signing, accepted } = effectiveRing(document, at(time));
    return { signing, accepted: accepted.map(({ name }) => name) };
  };

  it("accepts previous until its time has come, and signs with next from its time on", () => {
    expect(seen("2026-01-01T23:59:59Z")).to.deep.equal({ signing: "now", accepted: ["old", "now", "new"] });
    expect(seen("2026-01-02T00:00:00Z")).to.deep.equal({ signing: "now", accepted: ["now", "new"] });
    expect(seen("2026-01-02T23:59:59Z")).to.deep.equal({ signing: "now", accepted: ["now", "new"] });
    expect(seen("2026-01-03T00:00:00Z")).to.deep.equal({ signing: "new", accepted: ["now", "new"] });
  });

  it("goes on for ever with keys that have no times", () => {
    const untimed: RingDocument = { version: 1, previous: key("old"), current: key("now"), next: key("new") };
    const ring = effectiveRing(untimed, at("2999-01-01T00:00:00Z"));
    expect(signingKey(ring)).to.deep.equal(key("now"));
    expect(ring.accepted).to.have.length(3);
  });

  it("hands on nothing but what a key is", () => {
    for (const each of effectiveRing(document, 0).accepted)
      expect(Object.keys(each)).to.have.members(["name", "algorithm", "secret"]);
  });
});
