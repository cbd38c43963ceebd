import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../../src/base/errors";
import { absolute } from "../../../src/dns/name";
import { formatRdata, typeNameOf } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { exportZone, importZone } from "../../../src/records/convert";
import { apiVersion, kind, type DnsRecord, type DnsRecordSpec } from "../../../src/records/model";
import { appliedOf, recordSetOf, recordSetOfApplied } from "../../../src/records/record-set";
import { readZoneFile } from "../../../src/records/zone-file";
import { data, names } from "../../../harness/dns/arbitraries";

const imported = (text: string) => importZone(readZoneFile(`$ORIGIN example.org.\n$TTL 60\n${text}`));
const object = (spec: Partial<DnsRecordSpec>, name = "x"): DnsRecord => ({
  ...{ apiVersion, kind, metadata: { name } },
  spec: { zone: "example.org", name: "www", type: "A", value: "192.0.2.1", ...spec },
});

describe("zone files as DnsRecords", () => {
  it("have one object for each name and type", () => {
    const { objects } = imported("www A 192.0.2.1\nwww AAAA ::1\nWWW A 192.0.2.2\nwww A 192.0.2.1\n");
    expect(objects.map(({ metadata, spec }) => [metadata.name, spec])).to.deep.equal([
      [
        "www.example.org-a",
        { zone: "example.org", name: "www", ttl: 60, type: "A", values: ["192.0.2.1", "192.0.2.2"] },
      ],
      ["www.example.org-aaaa", { zone: "example.org", name: "www", ttl: 60, type: "AAAA", value: "::1" }],
    ]);
  });

  it("leave SOA and the apex's NS to the zone, and report what no DnsRecord can say", () => {
    const { objects, leftOut } = imported(
      "@ SOA ns h 1 2 3 4 5\n@ NS ns\nchild NS ns\nd DNAME a\nx TYPE65400 \\# 0\nd 61 A 192.0.2.1\nd 62 A 192.0.2.2",
    );
    expect(objects.map(({ spec }) => spec.type)).to.deep.equal(["NS", "A"]);
    expect(leftOut.map(({ line, why }) => `${line} ${why}`)).to.deep.equal([
      "3 the SOA record is the zone's own",
      "4 the NS records of the apex are the zone's own",
      "6 d.example.org: a DnsRecord cannot have the type DNAME",
      "7 x.example.org: a DnsRecord cannot have the type TYPE65400",
      "9 the TTL 62 of d.example.org A; the first, 61, is taken",
    ]);
  });

  it("spread more values than one object may have over several", () => {
    const { objects } = imported("$GENERATE 1-130 many A 10.0.0.$");
    expect(objects.map(({ metadata, spec }) => [metadata.name, spec.values?.length])).to.deep.equal([
      ["many.example.org-a", 64],
      ["many.example.org-a-2", 64],
      ["many.example.org-a-3", 2],
    ]);
  });

  it("have absolute names where a relative one would look as if it repeated the zone, and escaped stars", () => {
    const { objects } = imported("example.org A 192.0.2.1\na.\\042 A 192.0.2.1\n*.a A 192.0.2.1\n");
    expect(objects.map(({ spec }) => spec.name)).to.deep.equal(["example.org.example.org.", "a.\\042", "*.a"]);
    expect(objects.map(({ metadata }) => metadata.name)).to.satisfy((all: string[]) => new Set(all).size === 3);
  });

  it("are refused with the line for what cannot be", () => {
    expect(() => imported("@ CNAME www")).to.throw(
      UserError,
      "line 3: spec.name: a CNAME cannot stand at the zone's apex",
    );
  });

  const excluded: readonly (readonly [text: string, says: string])[] = [
    ["a CNAME b\na A 192.0.2.1", "line 4: a.example.org has a CNAME beside A; a CNAME stands alone"],
    ["a A 192.0.2.1\na CNAME b", "line 4: a.example.org has a CNAME beside A"],
    ["a CNAME b\na CNAME c", "line 4: a.example.org has a second CNAME"],
    ["a CNAME b\na LOC 1 N 1 E 0m", "line 4: a.example.org has a CNAME beside LOC"],
    ["a DNAME b\na DNAME c", "line 4: a.example.org has a second DNAME"],
  ];
  for (const [text, says] of excluded)
    it(`are refused with records that cannot be together: ${JSON.stringify(text)}`, () => {
      expect(() => imported(text)).to.throw(UserError, says);
    });

  it("may have the same CNAME twice, and DNSSEC's records beside one", () => {
    expect(imported("a CNAME b\na CNAME b\na NSEC c CNAME\na KEY 1 2 3 AA==").objects).to.have.lengthOf(1);
  });

  it("report all records at once that no DnsRecord can have", () => {
    const many = Array.from({ length: 5 }, (_, i) => `t${i} TLSA 3 1 1 ab`).join("\n");
    expect(() => imported(many)).to.throw(/^line 3: .*\n.*\n.*\n.*\nline 7: .*$/);
  });

  it("report text that is too long for a DnsRecord, and have long text in UTF-8 where that is shorter", () => {
    const strings = Array.from({ length: 20 }, () => `"${"x".repeat(255)}"`).join(" ");
    expect(() => imported(`t TXT ${strings}`)).to.throw(
      UserError,
      /^line 3: the TXT data of t.example.org has 5159 char/,
    );
    const cyrillic = Array.from({ length: 10 }, () => `"${"ж".repeat(125)}"`).join(" ");
    const [object] = imported(`t TXT ${cyrillic}`).objects;
    expect(object?.spec.value).to.equal(cyrillic);
    const back = exportZone([object!]).text;
    expect(readZoneFile(back).records[0]?.record).to.deep.equal(
      readZoneFile(`$ORIGIN example.org.\nt 60 TXT ${cyrillic}`).records[0]?.record,
    );
  });

  it("have a record once that is written twice in different ways", () => {
    const { objects } = imported("s SVCB 1 a.b.\ns SVCB \\# 7 0001 0141 0142 00\ns TYPE64 1 A.b.");
    expect(objects.map(({ spec }) => spec.value)).to.deep.equal(["1 a.b."]);
  });

  it("come back as they were, whatever names and values they have", () => {
    const records = fc.array(fc.record({ name: names, ttl: fc.integer({ min: 0, max: 2 ** 31 - 1 }), data }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(records, (all) => {
        // A name has one DNAME at most: a second one is refused.
        const aliased = new Set<string>();
        const isFirst = (name: string): boolean => aliased.size < aliased.add(name.toLowerCase()).size;
        const text = all
          .filter(({ data }) => !["SOA", "CNAME", "TLSA", "SVCB", "HTTPS"].includes(typeNameOf(data)))
          .filter(({ name, data }) => typeNameOf(data) !== "DNAME" || isFirst(name))
          .map(
            ({ name, ttl, data }) =>
              `a.${name === "" ? "" : absolute(name)}z. ${ttl} ${typeNameOf(data)} ${formatRdata(data)}\n`,
          );
        const { zone, records } = readZoneFile(text.join(""), "z");
        const { objects, leftOut } = importZone({ zone, records, leftOut: [] });
        for (const { metadata } of objects) expect(metadata.name).to.match(/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/);
        const skipped = new Set(leftOut.filter(({ why }) => why.includes("cannot have")).map(({ line }) => line));
        const kept = new Map<string, number>();
        const wanted = records.filter(({ line }) => !skipped.has(line)).map(({ record }) => lineOf(record, kept));
        if (objects.length === 0) return;
        const back = readZoneFile(exportZone(objects, "z").text).records.map(({ record }) => lineOf(record, new Map()));
        expect(back.toSorted()).to.deep.equal([...new Set(wanted)].toSorted());
      }),
      { numRuns: 500 },
    );
  });
});

/** A record with its set's first TTL. */
function lineOf(record: ResourceRecord, ttls: Map<string, number>): string {
  const key = `${absolute(record.name)} ${typeNameOf(record)}`;
  const ttl = ttls.get(key) ?? record.ttl;
  ttls.set(key, ttl);
  return `${key} ${ttl} ${formatRdata(record)}`;
}

describe("DnsRecords as a zone file", () => {
  it("are in the order of names, relative to the zone, one TTL for a set", () => {
    const objects = [
      object({ name: "b.www", ttl: 5 }),
      object({ name: "*" }),
      object({ values: ["192.0.2.2", "192.0.2.1"], ttl: 7 }),
      object({ ttl: 8, value: "192.0.2.3" }),
      object({ name: "@", type: "TXT", value: "a" }),
    ].map(({ spec: { values, value, ...spec }, ...rest }) => ({
      ...rest,
      spec: { ...spec, ...(values ? { values } : { value: value ?? "" }) },
    }));
    expect(exportZone(objects).text.split("\n")).to.deep.equal([
      "$ORIGIN example.org.",
      '@ 3600 IN TXT "a"',
      "* 3600 IN A 192.0.2.1",
      "www 7 IN A 192.0.2.2",
      "www 7 IN A 192.0.2.1",
      "www 7 IN A 192.0.2.3",
      "b.www 5 IN A 192.0.2.1",
      "",
    ]);
  });

  it("of other zones may be wrong: they are reported, and the zone is written", () => {
    const { text, problems } = exportZone([object({}), object({ zone: "example.net", value: "x" }, "bad-one")]);
    expect(text).to.contain("www 3600 IN A 192.0.2.1");
    expect(problems).to.have.lengthOf(1);
    expect(problems[0]).to.match(/^bad-one: spec\.value: /);
    expect(() => exportZone([object({}), object({ value: "x" }, "bad-one")])).to.throw(
      UserError,
      "bad-one: spec.value:",
    );
  });

  it("are asked which zone, and refused with the object's name", () => {
    const two = [object({}), object({ zone: "example.net" })];
    expect(() => exportZone(two)).to.throw(UserError, "--zone example.net, --zone example.org");
    expect(exportZone(two, "example.net").text).to.contain("$ORIGIN example.net.");
    expect(() => exportZone([])).to.throw(UserError, "--zone NAME");
    expect(() => exportZone([object({ value: "x" }, "bad-one")])).to.throw(UserError, "bad-one: spec.value:");
  });
});

describe("what a spec means", () => {
  it("is remembered in a status and read again", () => {
    fc.assert(
      fc.property(fc.constantFrom("@", "*", "a", "*.b", "A\\.b"), fc.integer({ min: 0, max: 99 }), (name, ttl) => {
        const reading = recordSetOf({
          zone: "Example.org.",
          name,
          ttl,
          type: "MX",
          values: ["20 a", "10 b.example.net."],
        });
        if (reading.kind === "refused") throw new Error(reading.problems.join());
        const applied = appliedOf(reading.set);
        expect(applied.values).to.deep.equal(["10 b.example.net.", "20 a.example.org."]);
        expect(appliedOf(recordSetOfApplied(applied))).to.deep.equal(applied);
      }),
    );
  });

  it("is a sentence for each thing that is wrong, whatever is written", () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("@", "*", "a", "example.org", "example.org.", "1.2.3.4", '"', "\\"),
    );
    const spec = fc.record({
      zone: text,
      name: text,
      ttl: fc.double(),
      type: fc.constantFrom("A", "MX", "TXT", "HTTPS", "x"),
      values: fc.array(text),
    });
    fc.assert(
      fc.property(spec, (each) => {
        const reading = recordSetOf(each as DnsRecordSpec);
        if (reading.kind === "refused") for (const problem of reading.problems) expect(problem).to.match(/^spec/);
        else expect(reading.set.records).to.have.lengthOf(each.values.length);
      }),
      { numRuns: 2000 },
    );
  });
});
