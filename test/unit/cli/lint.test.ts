import { expect } from "chai";
import { lintZones, type LintZone } from "../../../src/cli/lint";
import { readZoneFile } from "../../../src/records/zone-file";

/** A zone with an SOA record, a name server with an address, and what else is given. */
function zone(name: string, text: string, ns = "@ NS ns\nns A 192.0.2.1\n"): LintZone {
  const { records } = readZoneFile(`$ORIGIN ${name}.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n${ns}${text}\n`);
  return { name, records: records.map(({ record }) => record) };
}

const found = (...zones: LintZone[]): string[] =>
  lintZones(zones).map(
    ({ zone: at, name, type, rule }) => `${rule} ${name} ${type}${zones.length > 1 ? ` ${at}` : ""}`,
  );

describe("mesh lint", () => {
  for (const [what, text, expected] of [
    ["an alias of a name that is not there", "a CNAME gone", ["dangling-target a.example CNAME"]],
    [
      "a chain of aliases that ends nowhere",
      "a CNAME b\nb CNAME gone",
      ["dangling-target a.example CNAME", "dangling-target b.example CNAME"],
    ],
    ["aliases in a circle", "a CNAME b\nb CNAME a", ["cname-loop a.example CNAME", "cname-loop b.example CNAME"]],
    ["an alias of itself", "a CNAME a", ["cname-loop a.example CNAME"]],
    ["an MX without its host", "@ MX 10 mail", ["dangling-target example MX"]],
    ["an MX whose host has no address", "@ MX 10 mail\nmail TXT x", ["dangling-target example MX"]],
    ["an MX that names an alias", "@ MX 10 mail\nmail CNAME ns", ["target-is-alias example MX"]],
    ["an SRV without its host", "_x._tcp SRV 0 0 1 gone", ["dangling-target _x._tcp.example SRV"]],
    ["a delegation without glue", "sub NS ns.sub", ["missing-glue sub.example NS"]],
    ["a delegation to a name that is not there", "sub NS gone", ["lame-ns sub.example NS"]],
    ["a delegation to an alias", "sub NS a\na CNAME ns", ["lame-ns sub.example NS"]],
    ["SPF of an unknown term", '@ TXT "v=spf1 ipv4:192.0.2.1 -all"', ["spf-syntax example TXT"]],
    ["SPF twice", '@ TXT "v=spf1 -all"\n@ TXT "v=spf1 a -all"', ["spf-syntax example TXT"]],
    ["SPF with something behind all", '@ TXT "v=spf1 -all a"', ["spf-syntax example TXT"]],
    ["SPF that asks too much", `@ TXT "v=spf1 ${"include:x.org ".repeat(11)}-all"`, ["spf-syntax example TXT"]],
    ["SPF with a wrong address", '@ TXT "v=spf1 ip4:2001:db8::1 -all"', ["spf-syntax example TXT"]],
    ["DMARC without a policy", '_dmarc TXT "v=DMARC1; rua=mailto:a@b.c"', ["dmarc-syntax _dmarc.example TXT"]],
    ["DMARC with a wrong policy", '_dmarc TXT "v=DMARC1; p=maybe"', ["dmarc-syntax _dmarc.example TXT"]],
    ["text that is no DMARC", '_dmarc TXT "p=none"', ["dmarc-syntax _dmarc.example TXT"]],
  ] as const)
    it(`finds ${what}`, () => {
      expect(found(zone("example", text))).to.deep.equal(expected);
    });

  it("finds a zone without name servers", () => {
    expect(found(zone("example", "", ""))).to.deep.equal(["no-ns example NS"]);
  });

  it("finds nothing in what is right", () => {
    const text = [
      "www CNAME web\nweb A 192.0.2.2\nout CNAME www.elsewhere.org.\n@ MX 10 web\n@ MX 20 mail.elsewhere.org.",
      "none MX 0 .\n_none._tcp SRV 0 0 0 .\n_x._tcp SRV 0 0 1 web\nsub NS ns.sub\nsub NS ns.elsewhere.org.\nns.sub A 192.0.2.3",
      "into CNAME deep.sub\n*.wild A 192.0.2.4\ncard CNAME any.wild\nlower.empty TXT x\nempty2 CNAME empty",
      "moved DNAME other.org.\nthrough CNAME x.moved",
      '@ TXT "v=spf1 a mx/24 a:x.org/24//64 ip4:192.0.2.0/24 ip4:192.0.2.1/24 ip6:2001:db8::/32 include:_spf.x.org ?exists:%{i}.x.org redirect=y.org"',
      '_dmarc TXT "v=DMARC1; p=reject; sp=none; pct=50; adkim=s; fo=1:d; rua=mailto:a@x.org,https://x.org/r; x_ours=1"',
    ];
    expect(lintZones([zone("example", text.join("\n"))])).to.deep.equal([]);
  });

  it("looks from one zone into another, also where one lies in the other", () => {
    const parent = zone("example", "a CNAME www.sub\nb CNAME gone.sub\nsub NS ns.sub\nns.sub A 192.0.2.1");
    const child = zone("sub.example", "www A 192.0.2.2\nc CNAME gone.example.");
    expect(found(parent, child)).to.deep.equal([
      "dangling-target b.example CNAME example",
      "dangling-target c.sub.example CNAME sub.example",
    ]);
    expect(found(zone("a.org", "x CNAME gone.b.org."), zone("b.org", "w A 192.0.2.1"))).to.deep.equal([
      "dangling-target x.a.org CNAME a.org",
    ]);
  });
});
