import { expect } from "chai";
import { anchorsOf } from "../../../../src/agents/resolver/zone-keys";
import { type Message, noFlags } from "../../../../src/dns/message";
import { dnskeyText } from "../../../../src/dns/rdata/trust-types";
import { rcodes } from "../../../../src/dns/types";
import { queryMessage } from "../../../../src/dns/request";

const key = (flags: number, octet: number): Uint8Array => Buffer.from([flags >> 8, flags & 0xff, 3, 13, octet, octet]);
const [ksk, next, revoked, zsk] = [key(257, 1), key(257, 2), key(0x181, 3), key(256, 4)];
const cds = Buffer.from([0, 1, 13, 2, 9, 9]);
const drop = Buffer.from([0, 0, 0, 0, 0]);

function answer(type: "DNSKEY" | "CDS", rdata: readonly Uint8Array[], more: Partial<Message> = {}): Message {
  const name = "signed.example";
  return {
    ...queryMessage({ id: 1, name, type }),
    rcode: rcodes.NOERROR,
    flags: { ...noFlags, qr: true, aa: true },
    answers: rdata.map((each) => ({ name, ttl: 60, type: "OTHER", typeName: type, rdata: each }) as never),
    ...more,
  };
}

const anchors = (keys: readonly Uint8Array[], digests: readonly Uint8Array[] = [cds], before?: readonly string[]) =>
  anchorsOf({ dnskey: answer("DNSKEY", keys), cds: answer("CDS", digests) }, before);

describe("trust anchors of a zone of the mesh", () => {
  it("are the keys that are meant as entries, the old and the new one as long as both are there", () => {
    expect(anchors([zsk, ksk])).to.deep.equal([dnskeyText(ksk)]);
    expect(anchors([next, zsk, ksk])).to.deep.equal([dnskeyText(ksk), dnskeyText(next)]);
    expect(anchors([next, zsk], [cds], [dnskeyText(ksk)])).to.deep.equal([dnskeyText(next)]);
  });

  it("leave out a key that is revoked, and are all keys where none is meant as an entry", () => {
    expect(anchors([ksk, revoked])).to.deep.equal([dnskeyText(ksk)]);
    expect(anchors([zsk])).to.deep.equal([dnskeyText(zsk)]);
  });

  it("are none for a zone that never had keys, and for one that asks its parent to drop them", () => {
    expect(anchors([], [])).to.deep.equal([]);
    expect(anchors([ksk], [drop], [dnskeyText(ksk)])).to.deep.equal([]);
  });

  it("stay when keys are gone and nobody asked for that", () => {
    expect(anchors([], [], [dnskeyText(ksk)])).to.deep.equal([dnskeyText(ksk)]);
  });

  it("are not taken from an answer without authority, or from a failure", () => {
    const good = answer("CDS", []);
    const without = answer("DNSKEY", [], { flags: { ...noFlags, qr: true } });
    expect(() => anchorsOf({ dnskey: without, cds: good }, undefined)).to.throw(/without|authority/);
    const failed = answer("DNSKEY", [], { rcode: rcodes.SERVFAIL });
    expect(() => anchorsOf({ dnskey: failed, cds: good }, undefined)).to.throw(/rcode 2/);
    expect(() => anchorsOf({ dnskey: answer("DNSKEY", [ksk]), cds: failed }, undefined)).to.throw(/rcode 2/);
  });
});
