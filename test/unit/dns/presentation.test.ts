import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../../src/base/errors";
import { formatRdata, parseRdata, typeNameOf } from "../../../src/dns/rdata";
import { decodeServiceBinding, encodeServiceBinding } from "../../../src/dns/rdata/service-types";
import { looksLikeTtl, ttlFromText } from "../../../src/dns/ttl";
import { unescapeToken, quoted, tokensOf } from "../../../src/dns/tokens";
import { data, names } from "../../../harness/dns/arbitraries";

const read = (type: string, text: string) => parseRdata({ type, tokens: tokensOf(text), origin: "example.org" });
const again = (type: string, text: string): string => formatRdata(read(type, text));

describe("record data as people write it", () => {
  it("is read back as it was written, whatever it is", () => {
    fc.assert(
      fc.property(data, (each) => {
        const text = formatRdata(each);
        expect(text).to.match(/^[ -~]+$/);
        const back = read(typeNameOf(each), text);
        expect(back.type === "OTHER" ? { ...back, rdata: new Uint8Array(back.rdata) } : back).to.deep.equal(each);
      }),
      { numRuns: 1000 },
    );
  });

  it("is read back as it was written: SVCB with any parameters (RFC 9460)", () => {
    const octets = fc.uint8Array({ maxLength: 20 });
    const ids = fc
      .array(fc.uint8Array({ minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 3 })
      .map((all) => all.map((each) => Buffer.from(each).toString("latin1")));
    const binding = fc.record({ priority: fc.integer({ min: 0, max: 65535 }), target: names, ids, octets });
    fc.assert(
      fc.property(binding, ({ priority, target, ids, octets }) => {
        const rdata = encodeServiceBinding({
          ...{ priority, target },
          parameters: [
            { key: "mandatory", keys: ["alpn"] },
            { key: "alpn", ids },
            { key: "ech", value: octets },
            { key: "key667", value: octets },
          ],
        });
        const text = formatRdata({ type: "OTHER", typeName: "SVCB", rdata });
        expect(text).not.to.match(/^\\#/);
        expect(read("SVCB", text)).to.deep.equal({ type: "OTHER", typeName: "SVCB", rdata });
      }),
    );
  });

  it("whatever else is written gives a value or a sentence", () => {
    const types = ["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "CAA", "SOA", "SVCB", "TLSA", "NAPTR", "TYPE65400"];
    const bit = fc.oneof(
      fc.constantFrom("\\", '"', "1", "\\#", ".", "@", "=", "alpn=", "ff", "\\300", ";", "("),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.array(bit), (type, bits) => {
        for (const joint of ["", " "])
          try {
            formatRdata(read(type, bits.join(joint)));
          } catch (error) {
            expect(error).to.be.instanceOf(UserError);
          }
      }),
      { numRuns: 3000 },
    );
  });

  it("has names below the origin unless a dot ends them", () => {
    expect(again("CNAME", "www")).to.equal("www.example.org.");
    expect(again("CNAME", "WWW.example.net.")).to.equal("www.example.net.");
    expect(again("CNAME", "@")).to.equal("example.org.");
    expect(again("MX", "0 .")).to.equal("0 .");
    expect(again("CNAME", "a\\.")).to.equal("a\\..example.org.");
    expect(again("CNAME", "a\\\\.")).to.equal("a\\\\.");
  });

  it("knows escapes, quotes and UTF-8 (RFC 1035 section 5.1)", () => {
    expect(read("TXT", 'a "b c" "\\"\\\\\\065"')).to.deep.equal({ type: "TXT", strings: ["a", "b c", '"\\A'] });
    expect(again("TXT", '"ü"')).to.equal('"\\195\\188"');
    expect(unescapeToken("\\ü")).to.equal("\u00c3\u00bc");
    expect(quoted('say "hi"\n')).to.equal('"say \\"hi\\"\\010"');
  });

  it("takes any type as octets (RFC 3597), and those of known types as what they are", () => {
    expect(again("TYPE65400", "\\# 3 aabb cc")).to.equal("\\# 3 aabbcc");
    expect(again("TYPE1", "\\# 4 c0 00 02 01")).to.equal("192.0.2.1");
    expect(again("MX", "\\# 5 000a 0161 00")).to.equal("10 a.");
    expect(again("SSHFP", "\\# 0")).to.equal("\\# 0");
  });

  it("reads the parameters of RFC 9460 appendix D", () => {
    expect(
      again("SVCB", "16 foo.example.org. (".slice(0, -1) + "alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1"),
    ).to.equal('16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1');
    const binding = read("SVCB", '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"');
    expect(binding.type === "OTHER" && decodeServiceBinding(binding.rdata).parameters).to.deep.equal([
      { key: "alpn", ids: ["f\\oo,bar", "h2"] },
    ]);
    expect(again("SVCB", '1 foo key667="hello\\210qoo"')).to.equal('1 foo.example.org. key667="hello\\210qoo"');
    for (const bad of [
      "key123=a key123=b",
      "mandatory",
      "alpn",
      "port",
      "ipv4hint",
      "no-default-alpn",
      "mandatory=key123",
    ])
      expect(() => read("SVCB", `1 foo.example.org. ${bad}`), bad).to.throw(UserError);
  });

  it("reads all keys of the registry, by name or by number (RFC 9461, RFC 9540, RFC 9460 section 2.1)", () => {
    expect(again("SVCB", "1 d.example.net. alpn=h2 dohpath=/dns-query{?dns} ohttp")).to.equal(
      '1 d.example.net. alpn="h2" dohpath="/dns-query{?dns}" key8',
    );
    expect(again("HTTPS", '1 . key7="/q{?dns}" key8 key3="\\000\\053" key1="\\002h2"')).to.equal(
      '1 . alpn="h2" port=53 dohpath="/q{?dns}" key8',
    );
    expect(again("HTTPS", '1 . key9="\\000\\029" key12 mandatory=tls-supported-groups')).to.equal(
      '1 . mandatory=key9 key9="\\000\\029" key12',
    );
    expect(again("HTTPS", "1 . ohttp mandatory=ohttp")).to.equal("1 . mandatory=key8 key8");
    for (const bad of ["dohpath", "dohpath=/q", "dohpath=q{?dns}", "ohttp=1", "key7=/q", "key3=5", "ALPN=h2"])
      expect(() => read("SVCB", `1 . ${bad}`), bad).to.throw(UserError);
    for (const octets of ["pvd=x", "docpath=a,b"])
      expect(() => read("SVCB", `1 . ${octets}`), octets).to.throw(UserError, /can only be read as octets: key1\d="…"/);
  });

  it("has times in seconds and in BIND's units", () => {
    expect(ttlFromText("1W2d3H4m5s", "TTL")).to.equal(788_645);
    expect(ttlFromText("0", "TTL")).to.equal(0);
    expect(["1h", "10", "h", "A", "1x"].map(looksLikeTtl)).to.deep.equal([true, true, false, false, false]);
    expect(() => ttlFromText("4294967295", "TTL")).to.throw("from 0 to 2147483647");
  });
});
