import { expect } from "chai";

import { cookieSecrets, renderCookies } from "../../../../src/knot/config/modules";
import type { KeyRing } from "../../../../src/keyring/ring-document";
import type { TsigKey } from "../../../../src/dns/tsig-key";

const key = (name: string, filling: number): TsigKey => ({
  name,
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, filling).toString("base64"),
});
const ringOf = (signing: string, ...accepted: TsigKey[]): KeyRing => ({ signing, accepted });
const [one, two, three] = [key("1", 1), key("2", 2), key("3", 3)] as const;

describe("the secrets of cookies", () => {
  it("are of 16 octets, the signing key's first, and the newest of the others as the second", () => {
    const of = (ring: KeyRing) => cookieSecrets(ring, "site-a");
    const [first] = of(ringOf("1", one));
    expect(of(ringOf("1", one))).to.have.length(1);
    expect(first).to.match(/^[0-9a-f]{32}$/);
    const alone = (each: TsigKey) => of(ringOf(each.name, each))[0];
    expect(of(ringOf("2", one, two))).to.deep.equal([alone(two), alone(one)]);
    expect(of(ringOf("2", one, two, three))).to.deep.equal([alone(two), alone(three)]);
    expect(of(ringOf("3", one, two, three))).to.deep.equal([alone(three), alone(two)]);
  });

  it("differ from site to site, hold nothing of a key, and do not change by themselves", () => {
    const ring = ringOf("1", one, two);
    expect(cookieSecrets(ring, "site-a")).to.deep.equal(cookieSecrets(ring, "site-a"));
    expect(new Set([...cookieSecrets(ring, "site-a"), ...cookieSecrets(ring, "site-b")])).to.have.length(4);
    expect(cookieSecrets(ring, "site-a").join()).to.not.contain(Buffer.alloc(4, 1).toString("hex"));
    expect(cookieSecrets(ringOf("1", one), "site-a")).to.deep.equal(["077fc646ebebbd607da5a2662454fd62"]);
  });

  it("stand in Knot's form", () => {
    const ring = ringOf("2", one, two);
    const [first, second] = cookieSecrets(ring, "site-a");
    expect(renderCookies(ring, "site-a")).to.equal(
      `mod-cookies:\n  - id: default\n    secret: [0x${first}, 0x${second}]\n\n`,
    );
  });
});
