import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { parseMesh } from "../../../src/settings/parse";
import { startKnot } from "../../../harness/knot";

const begin = "$TTL 60\n@ SOA a. b. 1 60 10 3600 60\n@ NS a.\n";

/** Files that Knot does not load, or not whole, and what the list says of them. */
const bad: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ["an address that is none", `${begin}www A not-an-address\n`, /line 4: "not-an-address" is not an IPv4 address/],
  ["a type that does not exist", `${begin}www WWW x\n`, /line 4: .*"?WWW/],
  ["an open parenthesis", `${begin}www TXT ( a\n`, /parenthesis/],
  ["an open quote", `${begin}www TXT "a\n`, /quote/],
  ["another zone's SOA", "$TTL 60\nother.example. SOA a. b. 1 60 10 3600 60\n@ NS a.\n", /of the zone other\.example/],
  ["two SOA records", `${begin}@ SOA c. d. 2 60 10 3600 60\n`, /line 4: .*SOA/],
  ["no SOA record", "@ 60 NS a.\n", /there is no SOA record/],
  ["a name that is too long", `${begin}${"a".repeat(64)} A 192.0.2.1\n`, /line 4: .*63/],
  ["a TTL that is none", `${begin}www 99999999999 A 192.0.2.1\n`, /line 4: /],
  ["a CNAME beside another record", `${begin}www CNAME a.\nwww A 192.0.2.1\n`, /www\.z\.example has a CNAME beside A/],
  ["BIND's $GENERATE", `${begin}$GENERATE 1-3 h$ A 192.0.2.$\n`, /line 4: \$GENERATE is BIND's alone/],
  ["two CNAMEs of a name", `${begin}www CNAME a.\nwww CNAME b.\n`, /line 5: www\.z\.example has a second CNAME/],
  ["a CNAME at the apex", `${begin}@ CNAME a.\n`, /z\.example has a CNAME beside (SOA|NS)/],
];

const good: readonly (readonly [what: string, text: string])[] = [
  ["a relative and an absolute owner", `${begin}www A 192.0.2.1\nmail.z.example. MX 10 www\n`],
  ["$ORIGIN and $TTL in between", `${begin}$ORIGIN sub.z.example.\n$TTL 1h\nh A 192.0.2.1\n`],
  ["records over lines", `${begin}www TXT ( "a" ; comment\n "b" )\n`],
  ["a delegation with glue", `${begin}sub NS ns.sub\nns.sub A 192.0.2.1\n`],
  ["a type as octets", `${begin}www TYPE65280 \\# 1 00\n`],
  ["rare types", `${begin}h HINFO "a" "b"\nk SSHFP 1 1 ${"0".repeat(40)}\n@ DNSKEY 257 3 13 AAAA\n`],
];

const listOf = (name: string, zoneFile: string) =>
  parseMesh({
    ...{ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" },
    sites: [{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: [{ name, zoneFile }] }],
  });

/** Whether Knot serves a zone from that file; it answers SERVFAIL for one that it could not load. */
async function isServed(text: string): Promise<boolean> {
  try {
    await using knot = await startKnot({ zones: { "z.example": text }, readySeconds: 1 });
    return knot.log() !== "";
  } catch (error) {
    expect(String(error)).to.match(/SOA of "z\.example" .* SERVFAIL/);
    return false;
  }
}

describe("a zone file in the list", function () {
  this.timeout(30_000);

  for (const [what, text, message] of bad) {
    it(`with ${what} is refused with the line, and Knot would not serve it`, async () => {
      expect(() => listOf("z.example", text))
        .to.throw(UserError, /^(The mesh has|mesh\.sites\[0\]\.zones\[0\]\.zoneFile: )/)
        .with.property("message")
        .that.matches(message);
      expect(await isServed(text)).to.equal(false);
    });
  }

  for (const [what, text] of good) {
    it(`with ${what} is taken, and Knot serves it`, async () => {
      expect(listOf("z.example", text).sites[0]?.zones[0]?.zoneFile).to.equal(text);
      expect(await isServed(text)).to.equal(true);
    });
  }

  it("with a record of elsewhere is refused: Knot would leave it out", () => {
    const text = `${begin}www.elsewhere.example. A 192.0.2.1\n`;
    expect(() => listOf("z.example", text)).to.throw(/zoneFile: line 4: www\.elsewhere\.example is not within/);
  });

  it("is refused with all that is wrong in it", () => {
    const text = `${begin}a A x\nb A y\nc WWW z\n`;
    expect(() => listOf("z.example", text)).to.throw(/The mesh has 3 problems:[^]*line 4[^]*line 5[^]*line 6/);
  });
});
