import { expect } from "chai";

import { DnsError } from "../../../src/dns/errors";
import { type ServiceBinding, decodeServiceBinding, encodeServiceBinding } from "../../../src/dns/rdata/service-types";
import { decodeNaptr, encodeNaptr } from "../../../src/dns/rdata/text-types";
import { decodeTlsa, encodeTlsa } from "../../../src/dns/rdata/trust-types";
import { askOracle } from "./oracle";

const octets = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
const hexOf = (each: Uint8Array) => Buffer.from(each).toString("hex");

const bindings: [text: string, binding: ServiceBinding][] = [
  ["0 pool.example.", { priority: 0, target: "pool.example", parameters: [] }],
  [
    '1 . mandatory=alpn,port alpn="h2,h3" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AAcAAAADAQID ipv6hint=2001:db8::1 key65280="a\\255"',
    {
      priority: 1,
      target: "",
      parameters: [
        { key: "mandatory", keys: ["alpn", "port"] },
        { key: "alpn", ids: ["h2", "h3"] },
        { key: "no-default-alpn" },
        { key: "port", port: 8443 },
        { key: "ipv4hint", addresses: ["192.0.2.1", "192.0.2.2"] },
        { key: "ech", value: Uint8Array.of(0, 7, 0, 0, 0, 3, 1, 2, 3) },
        { key: "ipv6hint", addresses: ["2001:db8::1"] },
        { key: "key65280", value: Uint8Array.of(0x61, 255) },
      ],
    },
  ],
];
const tlsa = { usage: 3, selector: 1, matchingType: 1, data: new Uint8Array(32).fill(0xab) };
const naptr = {
  order: 100,
  preference: 10,
  flags: "u",
  services: "E2U+sip",
  regexp: "!^.*$!sip:info@example.com!",
  replacement: "a\\.b.example",
};

/** SVCB with a target of "." and: no target at all, cut, cut, a long port, half an address, keys twice, and so on. */
const bad = [
  "0001",
  "0001000003",
  "0001000003000300",
  "00010000030003003500",
  "0001000004000200c0",
  "000100000300020035000300020035",
  "00010000040004c0000201000300020035",
  "000100000100026832",
  "0001000002000101",
  "00010000040000",
  "000100000000020001000300020035",
];

function refuses(rdata: Uint8Array): boolean {
  try {
    decodeServiceBinding(rdata);
    return false;
  } catch (error) {
    if (error instanceof DnsError) return true;
    throw error;
  }
}

describe("dnspython and RDATA", () => {
  it("writes the same octets as we do for SVCB, HTTPS, TLSA and NAPTR, and we read them", async () => {
    const texts = [
      ...bindings.map(([text]) => ["SVCB", text]),
      ...bindings.map(([text]) => ["HTTPS", text]),
      ["TLSA", `3 1 1 ${"ab".repeat(32)}`],
      ["NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" a\\.b.example.'],
    ];
    const { written } = (await askOracle({ do: "rdata", texts, octets: [] })) as { written: string[] };
    const twice = [...bindings, ...bindings];
    twice.forEach(([text, binding], i) => {
      expect(decodeServiceBinding(octets(written[i]!)), text).to.deep.equal(binding);
      expect(hexOf(encodeServiceBinding(binding)), text).to.equal(written[i]);
    });
    const [theirTlsa, theirNaptr] = written.slice(twice.length) as [string, string];
    expect(hexOf(encodeTlsa(tlsa))).to.equal(theirTlsa);
    expect(decodeTlsa(octets(theirTlsa))).to.deep.equal(tlsa);
    expect(hexOf(encodeNaptr(naptr))).to.equal(theirNaptr);
    expect(decodeNaptr(octets(theirNaptr))).to.deep.equal(naptr);
  });

  it("refuses the same broken service bindings as we do", async () => {
    const task = { do: "rdata", texts: [], octets: bad.map((hex) => ["SVCB", hex]) };
    const { refused } = (await askOracle(task)) as { refused: boolean[] };
    expect(bad.map((hex) => refuses(octets(hex)))).to.deep.equal(refused);
    expect(refused).to.not.include(false);
  });
});
