import { expect } from "chai";

import { followOwner, renderTakenOverZone } from "../../../../../src/agents/sidecar/own-zones/taking-over";
import type { ResourceRecord } from "../../../../../src/dns/record";
import { parseMesh } from "../../../../../src/settings/parse";
import { welcomePacket } from "../../../../../src/mesh/welcome";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: ["a", "b", "c", "d"].map((name, i) => ({
    ...{ name, addresses: [`192.0.2.${i + 1}`], zones: [] },
    role: i === 0 ? "primary-catalog" : i === 1 ? "secondary-catalog" : "standard",
  })),
});

const zone = (mname: string, servers: readonly string[]): ResourceRecord[] => [
  {
    ...{ name: "z.example", class: "IN", ttl: 60, type: "SOA", mname, rname: "h.z.example", serial: 7 },
    ...{ refresh: 1, retry: 1, expire: 1, minimum: 1 },
  },
  ...servers.map((target): ResourceRecord => ({ name: "z.example", class: "IN", ttl: 300, type: "NS", target })),
  { name: "sub.z.example", class: "IN", ttl: 60, type: "NS", target: "c.dns.internal" },
  { name: "www.z.example", class: "IN", ttl: 60, type: "A", address: "192.0.2.9" },
];

/** What a zone's SOA and apex name, after it came to a site. */
function moved(to: string, records: readonly ResourceRecord[], formerOwner?: string) {
  const after = followOwner(records, { packet: welcomePacket(mesh, to, "PEM"), formerOwner });
  const soa = after.find((record) => record.type === "SOA");
  const others = (list: readonly ResourceRecord[]) => list.filter(({ name }) => name !== "z.example");
  expect(others(after)).to.deep.equal(others(records));
  return {
    mname: soa?.type === "SOA" ? soa.mname : "",
    servers: after.flatMap((record) => (record.type === "NS" && record.name === "z.example" ? [record.target] : [])),
  };
}

describe("name servers of a zone that moved", () => {
  it("are the new owner and the catalog sites, where the mesh wrote them", () => {
    const written = zone("c.dns.internal", ["c.dns.internal", "a.dns.internal", "b.dns.internal"]);
    expect(moved("d", written, "c")).to.deep.equal({
      mname: "d.dns.internal",
      servers: ["a.dns.internal", "b.dns.internal", "d.dns.internal"],
    });
    expect(moved("b", written, "c")).to.deep.equal({
      mname: "b.dns.internal",
      servers: ["a.dns.internal", "b.dns.internal"],
    });
  });

  it("keep a former owner that is a catalog site", () => {
    const written = zone("b.dns.internal", ["b.dns.internal", "a.dns.internal"]);
    expect(moved("d", written, "b")).to.deep.equal({
      mname: "d.dns.internal",
      servers: ["b.dns.internal", "a.dns.internal", "d.dns.internal"],
    });
  });

  it("stay as they are where a user chose them", () => {
    const chosen = zone("ns1.example", ["ns1.example", "ns2.example"]);
    expect(moved("d", chosen, "c")).to.deep.equal({ mname: "ns1.example", servers: ["ns1.example", "ns2.example"] });
    const mixed = zone("ns1.example", ["ns1.example", "c.dns.internal"]);
    expect(moved("d", mixed, "c")).to.deep.equal({ mname: "ns1.example", servers: ["ns1.example", "d.dns.internal"] });
    const deeper = zone("ns.c.dns.internal", ["ns.c.dns.internal"]);
    expect(moved("d", deeper, "c")).to.deep.equal({ mname: "ns.c.dns.internal", servers: ["ns.c.dns.internal"] });
  });

  it("change nothing in a zone that comes back to its owner", () => {
    const own = zone("d.dns.internal", ["d.dns.internal", "a.dns.internal"]);
    expect(moved("d", own)).to.deep.equal({ mname: "d.dns.internal", servers: ["d.dns.internal", "a.dns.internal"] });
  });
});

describe("taken over zone", () => {
  const soa: ResourceRecord = {
    ...{ name: "z", class: "IN", ttl: 60, type: "SOA", mname: "m", rname: "r", serial: 100 },
    ...{ refresh: 1, retry: 2, expire: 3, minimum: 4 },
  };

  it("writes every kind of record, and escapes what a master file would take for something else", () => {
    const record = (data: object) => ({ name: "a.z", class: "IN", ttl: 5, ...data }) as ResourceRecord;
    const records = [
      soa,
      record({ type: "AAAA", address: "2001:db8::1" }),
      record({ type: "TXT", strings: ['say "hi"; \\o/', "\x00\xff", ""] }),
      record({ type: "MX", preference: 5, exchange: "m.z" }),
      record({ type: "CAA", flags: 0, tag: "issue", value: "ca.example" }),
      record({ type: "OTHER", typeName: "TYPE65400", rdata: Uint8Array.of(1, 254) }),
    ];
    expect(renderTakenOverZone({ records, now: 200 }).split("\n")).to.deep.equal([
      "z. 60 IN SOA m. r. 200 1 2 3 4",
      "a.z. 5 IN AAAA 2001:db8::1",
      'a.z. 5 IN TXT "say \\"hi\\"; \\\\o/" "\\000\\255" ""',
      "a.z. 5 IN MX 5 m.z.",
      'a.z. 5 IN CAA 0 issue "ca.example"',
      "a.z. 5 IN TYPE65400 \\# 2 01fe",
      "",
    ]);
  });

  it("leaves signatures out, and follows a serial that is ahead of the clock", () => {
    const signed = {
      name: "z",
      class: "IN",
      ttl: 5,
      type: "OTHER",
      typeName: "RRSIG",
      rdata: Uint8Array.of(1),
    } as const;
    expect(renderTakenOverZone({ records: [soa, signed], now: 50 })).to.equal("z. 60 IN SOA m. r. 101 1 2 3 4\n");
  });
});
