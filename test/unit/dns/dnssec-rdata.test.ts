import { expect } from "chai";
import { dnskeyText, dsText, isCdsDelete, signatureEnd } from "../../../src/dns/rdata/trust-types";

describe("records of DNSSEC as text", () => {
  // RFC 4034 section 5.4: dskey.example.com.
  const key =
    "AQOeiiR0GOMYkDshWoSKz9Xz fwJr1AYtsmx3TGkJaNXVbfi/ 2pHm822aJ5iI9BMzNXxeYCmZ DRD99WYwYqUSdjMm mAphXdvxegXd/M5+ X7OrzKBaMbCVdFLU Uh6DhweJBjEVv5f2 wwjM9XzcnOf+EPbt G9DMBmADjFDc2w/r ljwvFw==";
  const digest = "2BB183AF5F22588179A53B0A98631FAD1A292118";

  it("give a DS record as RFC 4034 section 5.4 writes it", () => {
    expect(dsText(Buffer.from(`ec45 05 01 ${digest}`.replace(/ /g, ""), "hex"))).to.equal(`60485 5 1 ${digest}`);
  });

  it("give a DNSKEY record as RFC 4034 section 5.4 writes it", () => {
    const octets = Buffer.from(key.replace(/ /g, ""), "base64");
    expect(dnskeyText(Buffer.concat([Buffer.from("01000305", "hex"), octets]))).to.equal(
      `256 3 5 ${key.replace(/ /g, "")}`,
    );
  });

  it("know the CDS record that asks for no DS record (RFC 8078 section 4)", () => {
    expect(isCdsDelete(Buffer.from("0000000000", "hex"))).to.equal(true);
    expect(isCdsDelete(Buffer.from(`ec450501${digest}`, "hex"))).to.equal(false);
  });

  it("know when a signature ends, also beyond 2106 (RFC 4034 section 3.1.5)", () => {
    const rrsig = (end: number) => {
      const rdata = Buffer.alloc(18);
      rdata.writeUInt32BE(end >>> 0, 8);
      return rdata;
    };
    expect(signatureEnd(rrsig(1_800_000_000), 1_790_000_000)).to.equal(1_800_000_000);
    expect(signatureEnd(rrsig(1_780_000_000), 1_790_000_000)).to.equal(1_780_000_000);
    expect(signatureEnd(rrsig(100), 2 ** 32 - 100)).to.equal(2 ** 32 + 100);
    expect(() => signatureEnd(Buffer.alloc(17), 0)).to.throw(/cut/);
  });
});
