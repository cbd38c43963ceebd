import { expect } from "chai";
import fc from "fast-check";
import { compareWithBind } from "../../../harness/dns/bind-oracle";
import { names } from "../../../harness/dns/arbitraries";

const name = fc.oneof(
  fc.constantFrom("@", "www", "a.b", "WWW", "a.\\042", "x\\.y", "ns.example.net."),
  names.map((each) => (each === "" ? "@" : each)).filter((each) => !/[\\*]/.test(each)),
);
const u16 = fc.oneof(fc.integer({ min: 0, max: 65_535 }).map(String), fc.constantFrom("007", "65536", "-1"));
const word = fc.oneof(
  fc.constantFrom('""', '"a b"', "a\\;b", '"a;b"', "\\065", '"\\"q\\""', "ü", "x"),
  fc.stringMatching(/^[a-z0-9]{1,12}$/),
);
const address = fc.oneof(fc.ipV4(), fc.constantFrom("192.0.2", "192.0.2.256", "192.0.2.01"));
const data: readonly fc.Arbitrary<readonly string[]>[] = [
  fc.tuple(fc.constant("A"), address),
  fc.tuple(fc.constant("AAAA"), fc.oneof(fc.ipV6(), fc.constantFrom("::ffff:192.0.2.1", "::g"))),
  // named-checkzone wants addresses of name servers in the zone, which is nothing of how it reads.
  fc.tuple(fc.constant("NS"), fc.constantFrom("ns.example.net.", "NS.Example.NET.")),
  fc.tuple(fc.constantFrom("PTR", "CNAME", "DNAME"), name),
  fc.tuple(fc.constant("MX"), u16, name),
  fc.tuple(fc.constant("SRV"), u16, u16, u16, name),
  fc.array(word, { minLength: 1, maxLength: 3 }).map((all) => ["TXT", ...all]),
  fc.tuple(fc.constant("CAA"), fc.constantFrom("0", "128", "256"), fc.constantFrom("issue", "IODEF"), word),
  fc.tuple(fc.constant("HINFO"), word, word),
  fc.tuple(fc.constant("RP"), name, name),
  fc.tuple(fc.constantFrom("TYPE1", "A", "TYPE65280"), fc.constantFrom("\\# 4 c0000201", "\\# 3 c00002", "\\# 0")),
  fc.tuple(
    fc.constantFrom("SVCB", "HTTPS"),
    fc.constantFrom("0", "1"),
    name,
    fc.constantFrom(
      "",
      "alpn=h2",
      'alpn="h2,h3" port=53',
      "key7=/q{?dns}",
      "port=65536",
      "mandatory=alpn",
      "key8",
      "ech=",
    ),
  ),
];
const ttl = fc.constantFrom("", "60", "1h30m", "0", "2147483647");
const record = fc
  .tuple(fc.oneof(name, fc.constant("")), ttl, fc.constantFrom("", "IN", "in"), fc.oneof(...data), fc.boolean())
  .map(([owner, seconds, cls, fields, folded]) => {
    const [type = "", ...rest] = fields;
    const text = rest.join(folded ? "\n\t" : " ");
    return `${owner} ${seconds} ${cls} ${type} ${folded ? `( ${text} ) ; comment (` : text}`;
  });
const generate = fc
  .tuple(
    fc.constantFrom("1-3", "0-40/20", "10-12"),
    fc.constantFrom("h$", "h${0,3,d}", "${16,4,n}x", "${0,7,n}", "${5,0,x}", "a-${1,2,o}"),
    fc.constantFrom("A 192.0.2.$", "CNAME h$", 'TXT "\\"a $\\""', 'MX "10 h${1}"', "AAAA 2001:db8::${0,4,x}"),
  )
  .map((parts) => `$GENERATE ${parts.join(" ")}`);
const line = fc.oneof(
  { weight: 8, arbitrary: record },
  { weight: 1, arbitrary: generate },
  { weight: 1, arbitrary: fc.constantFrom("$TTL 5", "$ORIGIN sub", "$ORIGIN z.example.", "; nothing", "") },
);
const zone = fc
  .array(line, { maxLength: 6 })
  .map((lines) => `$TTL 1h\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n${lines.join("\n")}\n`);

describe("zone files that nobody thought of", function () {
  this.timeout(300_000);

  it("have the records that BIND reads in them, or are refused where BIND refuses them", async () => {
    await fc.assert(
      fc.asyncProperty(zone, async (text) => {
        const { kind, ...found } = await compareWithBind(text, "z.example");
        expect(kind, JSON.stringify(found)).to.be.oneOf(["same", "bothRefuse"]);
      }),
      { numRuns: 200 },
    );
  });
});
