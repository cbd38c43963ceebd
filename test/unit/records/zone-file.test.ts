import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../../src/base/errors";
import { absolute } from "../../../src/dns/name";
import { formatRdata, typeNameOf } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { readZoneFile } from "../../../src/records/zone-file";
import { data, names } from "../../../harness/dns/arbitraries";

const head = "$ORIGIN example.org.\n";
const ttls = (text: string) => readZoneFile(head + text).records.map(({ record }) => record.ttl);
const soa = (ttl: string) => `@ ${ttl} SOA ns hostmaster 1 2 3 4 86400\n`;

/** What is wrong, and what is said about it. */
const bad: readonly (readonly [text: string, says: string])[] = [
  ["@ A 192.0.2.1", "line 2: example.org has no TTL; write $TTL 3600 at the top"],
  ["@ 1 A 192.0.2", 'line 2: "192.0.2" is not an IPv4 address'],
  ["@ 1 FOO 1", 'line 2: "FOO" is no record type'],
  ["@ 1 IN", "line 2: the record of @ has no type"],
  [" 1 A 192.0.2.1", "line 2: the first record has no name"],
  ["@ 1 CH A 192.0.2.1", "line 2: the class CH is not the Internet's"],
  ["@ 1 IN IN 192.0.2.1", 'line 2: "IN" is no record type'],
  ["@ 2147483648 A 192.0.2.1", "line 2: the TTL must be seconds from 0 to 2147483647"],
  ["$TTL soon", "line 2: the $TTL must be seconds"],
  ["$TTL", "line 2: $TTL wants one time"],
  ["$ORIGIN", "line 2: $ORIGIN wants one name"],
  ["$INCLUDE other.zone", "line 2: $INCLUDE is not followed; put the file's lines in its place"],
  ["$DATES", "line 2: $DATES is not known"],
  ["$GENERATE 1-2 a$", "line 2: $GENERATE wants a range"],
  ["$GENERATE 2-1 a$ A 192.0.2.$", 'line 2: "2-1" is not a range'],
  ["$GENERATE 1-9/0 a$ A 192.0.2.$", "is not a range"],
  ["$GENERATE 0-65536 a$ A 192.0.2.1", "makes 65537 records, and may make 65536"],
  ["$GENERATE 1-2 a${0,3,q} A 192.0.2.$", "is not a modifier of $GENERATE"],
  ["$GENERATE 254-257 a$ 60 A 192.0.2.$", '"192.0.2.256" is not an IPv4 address'],
  ["@ 1 A (\n192.0.2.1\n", "line 2: a parenthesis is not closed"],
  ["\n@ 1 A 192.0.2.1 )\n", "line 3: a ) without its ("],
  ['@ 1 TXT (\n "a" \n "b\n c" )', "line 4: a quote is not closed on its line"],
  ["@ 1 TXT \\", "line 2: a backslash has nothing behind it"],
  ["@ 1 MX 10", "line 2: MX lacks its exchange"],
  ["@ 1 A 192.0.2.1 192.0.2.2", 'line 2: A ends before "192.0.2.2"'],
  ["a..b 1 A 192.0.2.1", 'line 2: "a..b" is not a name'],
  ["@ 1 SOA a b 1 2 3 4 5\n@ 1 SOA a b 2 2 3 4 5", "line 3: a second SOA record"],
  [`@ 1 TXT ${'"x" '.repeat(33_000)}`, "line 2: the data of TXT does not fit into a message: more octets than allowed"],
];

describe("zone files", () => {
  for (const [text, says] of bad)
    it(`are refused with the line: ${JSON.stringify(text)}`, () => {
      expect(() => readZoneFile(head + text)).to.throw(UserError, says);
    });

  it("may say when BIND wrote them", () => {
    expect(ttls("$DATE 20260101000000\na 1 A 192.0.2.1")).to.deep.equal([1]);
  });

  it("may end as they began: transfers do, and what dig prints of them", () => {
    const { records } = readZoneFile(`${head}${soa("1")}@ 1 A 192.0.2.1\n${soa("1")}`);
    expect(records.map(({ record }) => record.type)).to.deep.equal(["SOA", "A"]);
  });

  it("of which only the last dots are missing are refused with the way to write that", () => {
    const text =
      "example.org\t3600\tIN\tSOA\tns.example.net. h.example.net. 1 2 3 4 5\nwww.example.org 1 IN A 192.0.2.1\n";
    for (const zone of [undefined, "example.org"])
      expect(() => readZoneFile(text, zone)).to.throw(UserError, "$ORIGIN . ");
    expect(readZoneFile(`$ORIGIN .\n${text}`).records.map(({ record }) => record.name)).to.deep.equal([
      "example.org",
      "www.example.org",
    ]);
  });

  it("are read with records of any type of the registry, which are left out when they have no reader", () => {
    const rare = "KEY IPSECKEY HIP AMTRELAY NID L32 L64 X25 ISDN NSAP NSAP-PTR WKS GPOS SIG NXT A6 EID DSYNC HHIT BRID";
    const lines = rare.split(" ").map((type) => `x ${type} 1 2 3 ( AA== )`);
    const { records, leftOut } = readZoneFile(`${head}$TTL 1\n${lines.join("\n")}\nx A 192.0.2.1\n`);
    expect(records).to.have.lengthOf(1);
    expect(leftOut.map(({ unread }) => unread?.type)).to.deep.equal(rare.split(" "));
  });

  // named-checkzone -D gives these, for example 0.1.0.0.…: an even width ends with a dot.
  const generated: readonly (readonly [line: string, records: readonly string[]])[] = [
    ["16-17 ${0,4,n}0.0 PTR h$.example.org.", ["0.1.0.0", "1.1.0.0"]],
    ["16-16 a${0,7,n} A 192.0.2.1", ["a0.1.0.0"]],
    ["1-1 ${0,2,n}x A 192.0.2.1", ["1.x"]],
    ["26-26 ${0,3,N}.x A 192.0.2.1", ["a.1.x"]],
    ["4660-4660 ${0,2,n} A 192.0.2.1", ["4.3.2.1"]],
    ["0-0 ${0,0,n} A 192.0.2.1", ["0"]],
    ["1-3/2 a${-2} A 192.0.2.1", ["a-1", "a1"]],
    ["1-1 b${-2,3} A 192.0.2.1", ["b-01"]],
    ["1-1 c${-2,3,x} A 192.0.2.1", ["cffffffff"]],
    ["1024-1024 ${-2000,0,n} A 192.0.2.1", ["0.3.c.f.f.f.f.f"]],
    ["19-28/2147483645 h$ A 192.0.2.1", ["h19"]],
  ];
  for (const [line, expected] of generated)
    it(`have in $GENERATE the names that BIND makes of ${line}`, () => {
      const { records } = readZoneFile(`${head}$TTL 1\n$GENERATE ${line}\n`);
      expect(records.map(({ record }) => record.name)).to.deep.equal(expected.map((name) => `${name}.example.org`));
    });

  it("have the owner before $GENERATE where a record behind it leaves its own out", () => {
    const { records } = readZoneFile(`${head}$TTL 1\n@ A 192.0.2.1\n$GENERATE 1-2 h$ A 192.0.2.1\n AAAA ::1\n`);
    expect(records.at(-1)?.record.name).to.equal("example.org");
  });

  it("have data in quotes in $GENERATE, whose own quotes are escaped, as BIND reads it", () => {
    const { records } = readZoneFile(`${head}$TTL 1\n$GENERATE 1-2 t$ TXT "\\"hello world $\\""\n`);
    expect(records.map(({ record }) => record.type === "TXT" && record.strings)).to.deep.equal([
      ["hello world 1"],
      ["hello world 2"],
    ]);
    expect(readZoneFile(`${head}$TTL 1\n$GENERATE 1-1 m MX "10 h$"\n`).records[0]?.record).to.deep.include({
      exchange: "h1.example.org",
    });
  });

  it("report all that is wrong at once, up to twenty", () => {
    expect(() => readZoneFile(head + "@ 1 A x\n@ 1 A 192.0.2.1\n@ 1 A y\n")).to.throw(/^line 2:.*\nline 4:.*$/);
    expect(() => readZoneFile(head + "@ 1 A x\n".repeat(1000)))
      .to.throw(UserError)
      .with.property("message")
      .that.satisfies((text: string) => text.split("\n").length === 20);
  });

  it("give records the TTL of $TTL, else the last one (RFC 2308 section 4, RFC 1035 section 5.1)", () => {
    expect(ttls("$TTL 1h\na A 192.0.2.1\nb 60 A 192.0.2.1\nc A 192.0.2.1\n$TTL 7\nd A 192.0.2.1")).to.deep.equal([
      3600, 60, 3600, 7,
    ]);
    expect(ttls("a 60 A 192.0.2.1\nb A 192.0.2.1\nc 61 A 192.0.2.1\nd A 192.0.2.1")).to.deep.equal([60, 60, 61, 61]);
    expect(ttls(`${soa("")}a A 192.0.2.1`)).to.deep.equal([86_400, 86_400]);
    expect(ttls(`${soa("30")}a A 192.0.2.1`)).to.deep.equal([30, 30]);
  });

  it("know their zone by the option, $ORIGIN or the SOA record", () => {
    expect(readZoneFile("www 1 A 192.0.2.1", "Example.org.").zone).to.equal("example.org");
    expect(readZoneFile("example.org. 1 SOA ns h 1 2 3 4 5\nwww 1 A 192.0.2.1").records[1]?.record.name).to.equal(
      "www.example.org",
    );
    expect(readZoneFile("$ORIGIN .\nexample.org 1 SOA ns. h. 1 2 3 4 5").zone).to.equal("example.org");
    expect(() => readZoneFile("www 1 A 192.0.2.1")).to.throw("--zone NAME");
    expect(() => readZoneFile("; nothing\n")).to.throw("nothing says the zone");
    expect(() => readZoneFile(head + soa("1"), "other.org")).to.throw(
      "the file is of the zone example.org, not of other.org",
    );
  });

  it("leave out what is of another zone or of a type without a reader, and report it", () => {
    const { records, leftOut } = readZoneFile(
      `${head}$TTL 1\nwww.example.net. A 192.0.2.1\nh LOC 1 N 1 E 0m\n@ A 192.0.2.1`,
    );
    expect(records).to.have.lengthOf(1);
    expect(leftOut.map(({ line }) => line)).to.deep.equal([3, 4]);
  });

  it("mean the same however they are laid out", () => {
    const blank = fc.constantFrom(" ", "\t", "  ", " ( ", " ) ", ' ; comment ( "\n', "\n");
    const records = fc.array(fc.record({ name: names, ttl: fc.integer({ min: 0, max: 2 ** 31 - 1 }), data }), {
      minLength: 1,
      maxLength: 8,
    });
    const layout = fc.record({
      blanks: fc.array(blank, { minLength: 1, maxLength: 9 }),
      order: fc.boolean(),
      omits: fc.boolean(),
    });
    fc.assert(
      fc.property(records, layout, (all, style) => {
        const wanted = all
          .filter(({ data }) => data.type !== "SOA")
          .map(({ name, ttl, data }): ResourceRecord => {
            return { name: name === "" ? "z" : `${name}.z`, class: "IN", ttl, ...data };
          });
        const text = wanted.map((record, i) => laidOut(record, { ...style, last: wanted[i - 1] })).join("\n");
        const read = readZoneFile(`$ORIGIN z.\n${text}\n`).records.map(({ record }) => line(record));
        expect(read).to.deep.equal(wanted.map(line));
      }),
      { numRuns: 500 },
    );
  });
});

const line = (record: ResourceRecord): string =>
  `${absolute(record.name)} ${record.ttl} ${typeNameOf(record)} ${formatRdata(record)}`;

/** One record with any blanks between its fields, inside a pair of parentheses. */
function laidOut(
  record: ResourceRecord,
  style: { blanks: readonly string[]; order: boolean; omits: boolean; last: ResourceRecord | undefined },
): string {
  const owner = style.omits && style.last?.name === record.name ? "" : absolute(record.name);
  const middle = style.order ? [String(record.ttl), "IN"] : ["in", `${record.ttl}s`];
  const fields = [...middle, typeNameOf(record).toLowerCase(), formatRdata(record)];
  let depth = 1;
  const joined = fields.map((field, i) => {
    const between = style.blanks[i % style.blanks.length] ?? " ";
    if (between === " ) " && depth <= 1) return ` ${field}`;
    depth += between === " ( " ? 1 : between === " ) " ? -1 : 0;
    return `${between} ${field}`;
  });
  return `${owner} (${joined.join("")} ${")".repeat(depth)}`;
}
