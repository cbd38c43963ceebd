import { expect } from "chai";
import {
  decodeServiceBinding,
  encodeServiceBinding,
  type ServiceBinding,
  type ServiceParameter,
} from "../../../src/dns/rdata/service-types";
import fc from "fast-check";

import { formatIpv4, formatIpv6 } from "../../../src/dns/address";
import { names } from "../../../harness/dns/arbitraries";
import { failureOf } from "./failure";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s+/g, ""), "hex"));
const octets = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const fooCom = "03666f6f 07 6578616d706c65 03636f6d 00";
const fooOrg = "03666f6f 07 6578616d706c65 036f7267 00";
const target = "foo.example.com";

/** RFC 9460 appendices D.1 and D.2. */
const vectors: Record<string, [wire: string, binding: ServiceBinding]> = {
  "the alias mode": [`0000 ${fooCom}`, { priority: 0, target, parameters: [] }],
  "the owner as target": ["0001 00", { priority: 1, target: "", parameters: [] }],
  "a port": [`0010 ${fooCom} 0003 0002 0035`, { priority: 16, target, parameters: [{ key: "port", port: 53 }] }],
  "a generic key": [
    `0001 ${fooCom} 029b 0005 68656c6c6f`,
    { priority: 1, target, parameters: [{ key: "key667", value: octets("hello") }] },
  ],
  "a generic key with any octet": [
    `0001 ${fooCom} 029b 0009 68656c6c6fd2716f6f`,
    { priority: 1, target, parameters: [{ key: "key667", value: octets("hello\xd2qoo") }] },
  ],
  "two IPv6 hints": [
    `0001 ${fooCom} 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001`,
    { priority: 1, target, parameters: [{ key: "ipv6hint", addresses: ["2001:db8::1", "2001:db8::53:1"] }] },
  ],
  "mandatory keys": [
    `0010 ${fooOrg} 0000 0004 0001 0004 0001 0009 02 6832 05 68332d3139 0004 0004 c0000201`,
    {
      priority: 16,
      target: "foo.example.org",
      parameters: [
        { key: "mandatory", keys: ["alpn", "ipv4hint"] },
        { key: "alpn", ids: ["h2", "h3-19"] },
        { key: "ipv4hint", addresses: ["192.0.2.1"] },
      ],
    },
  ],
  "commas and backslashes in a protocol id": [
    `0010 ${fooOrg} 0001 000c 08 665c6f6f2c626172 02 6832`,
    { priority: 16, target: "foo.example.org", parameters: [{ key: "alpn", ids: ["f\\oo,bar", "h2"] }] },
  ],
};

const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 });
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const parameters: fc.Arbitrary<ServiceParameter[]> = fc
  .tuple(
    fc.option(list(bytes(1, 9).map((each) => Buffer.from(each).toString("latin1")))),
    fc.option(fc.integer({ min: 0, max: 0xffff })),
    fc.option(list(bytes(4, 4).map(formatIpv4))),
    fc.option(list(bytes(16, 16).map(formatIpv6))),
    fc.option(bytes(0, 9)),
  )
  .map(([ids, port, four, six, value]) => [
    ...(ids === null ? [] : [{ key: "alpn" as const, ids }, { key: "no-default-alpn" as const }]),
    ...(port === null ? [] : [{ key: "port" as const, port }]),
    ...(four === null ? [] : [{ key: "ipv4hint" as const, addresses: four }]),
    ...(value === null ? [] : [{ key: "ech" as const, value }]),
    ...(six === null ? [] : [{ key: "ipv6hint" as const, addresses: six }]),
    ...(value === null ? [] : [{ key: "key65280" as const, value }]),
  ]);

describe("service bindings (RFC 9460)", () => {
  for (const [name, [wire, binding]] of Object.entries(vectors))
    it(`read and write the vector with ${name} (appendix D)`, () => {
      expect(decodeServiceBinding(hex(wire))).to.deep.equal(binding);
      expect(encodeServiceBinding(binding)).to.deep.equal(hex(wire));
    });

  it("come back as they were written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), names, parameters, (priority, name, all) => {
        const binding = { priority, target: name, parameters: all };
        expect(decodeServiceBinding(encodeServiceBinding(binding))).to.deep.equal(binding);
      }),
    );
  });

  it("are refused with what section 2.2 does not allow", () => {
    const bad: Record<string, string> = {
      "no target": "0001",
      "a cut parameter": "0001 00 0003",
      "a value beyond the end": "0001 00 0003 0003 0035",
      "keys out of order": "0001 00 0004 0004 c0000201 0003 0002 0035",
      "a key twice": "0001 00 0003 0002 0035 0003 0002 0035",
      "a port of three octets": "0001 00 0003 0003 003500",
      "an empty alpn": "0001 00 0001 0000",
      "an empty protocol id": "0001 00 0001 0001 00",
      "a protocol id beyond its value": "0001 00 0001 0002 0568",
      "a value of no-default-alpn": "0001 00 0001 0003 026832 0002 0001 00",
      "no-default-alpn alone": "0001 00 0002 0000",
      "an empty hint": "0001 00 0004 0000",
      "half an IPv6 hint": "0001 00 0006 0008 20010db800000000",
      "no mandatory key": "0001 00 0000 0000",
      "a mandatory key that is missing": "0001 00 0000 0002 0001",
      "mandatory listing itself": "0001 00 0000 0002 0000",
      "mandatory keys out of order": "0001 00 0000 0004 0004 0003 0003 0002 0035 0004 0004 c0000201",
      "a compressed target": "0161 c000",
    };
    for (const [name, wire] of Object.entries(bad))
      expect(failureOf(() => decodeServiceBinding(hex(wire))).kind, name).to.equal("malformed");
  });

  it("cannot be written with what could not be read", () => {
    const bad: ServiceParameter[][] = [
      [{ key: "no-default-alpn" }],
      [{ key: "alpn", ids: [] }],
      [{ key: "ipv4hint", addresses: [] }],
      [{ key: "mandatory", keys: ["port"] }],
      [{ key: "key3", value: octets("x") }],
      [{ key: "key65536", value: octets("x") }],
      [
        { key: "port", port: 1 },
        { key: "port", port: 2 },
      ],
    ];
    for (const each of bad)
      expect(failureOf(() => encodeServiceBinding({ priority: 1, target: "", parameters: each })).kind).to.equal(
        "malformed",
      );
  });
});
