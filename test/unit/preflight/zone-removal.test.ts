import { expect } from "chai";
import type { Mesh, Zone } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import {
  formerZones,
  refusedRemovals,
  removedZones,
  zonesLeavingWithSites,
  type StillIn,
} from "../../../src/preflight/zone-removal";

const today = "2026-11-25";
type Listed = string | Partial<Zone>;

function mesh(a: readonly Listed[], b?: readonly Listed[], bRetired?: string): Mesh {
  const second = { name: "b", role: "standard", addresses: ["192.0.2.2"], zones: b, retired: bRetired };
  return parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [
      { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: a },
      ...(b === undefined ? [] : [second]),
    ],
  });
}

const outputsOf = (of: Mesh) =>
  formerZones(Object.fromEntries(of.sites.map(({ name }) => [name, welcomePacket(of, name, "CA")])));

const refused = (before: Mesh, now: Mesh, stillIn?: StillIn) =>
  refusedRemovals({ before: outputsOf(before), mesh: now, today, stillIn: new Map([["b", stillIn]]) });

describe("a zone that is gone from the list", () => {
  const retired = mesh(["a.example"], [{ name: "b.example", retired: today }]);
  const without = mesh(["a.example"], []);

  it("is refused with its name, its owner and the cure when it was not retired", () => {
    const [problem, ...more] = refused(mesh(["a.example"], ["b.example"]), without);
    expect(more).to.deep.equal([]);
    expect(problem).to.match(/the zone "b\.example" of b is gone.*not retired/);
    expect(problem).to.contain('put it back with "retired: 2026-11-25"');
    expect(problem).to.contain("bring up shared, the primary and b");
  });

  it("is refused as long as its date has not come", () => {
    const later = mesh(["a.example"], [{ name: "b.example", retired: "2026-11-26" }]);
    expect(refused(later, without).join()).to.contain("is retired from 2026-11-26, which has not come");
  });

  it("may go when it was retired, itself or with its site", () => {
    expect(refused(retired, without)).to.deep.equal([]);
    expect(refused(mesh(["a.example"], ["b.example"], today), mesh(["a.example"], []))).to.deep.equal([]);
    const either = mesh(["a.example"], [{ name: "b.example", retired: "2027-01-01" }], today);
    expect(refused(either, without)).to.deep.equal([]);
  });

  it("is refused with the names of the DnsRecords that its owner's stack saw in it, or if that did not look", () => {
    const problem = refused(retired, without, { "b.example": ["dns-system/mail", "dns-system/www"] }).join();
    expect(problem).to.contain("still has DnsRecords: dns-system/mail, dns-system/www; put it back, delete them at b");
    expect(refused(retired, without, {}).join()).to.contain("b was not brought up since");
    expect(refused(retired, without, { "b.example": [] })).to.deep.equal([]);
  });

  it("has moved when another site has it, whatever the marks", () => {
    const before = mesh(["a.example"], ["b.example"]);
    expect(removedZones(outputsOf(before), mesh(["a.example", "b.example"], []))).to.deep.equal([]);
    expect(refused(before, mesh(["a.example", "b.example"]))).to.deep.equal([]);
  });

  it("goes with a site that leaves, which is worth a word unless it was retired", () => {
    const leaving = (before: Mesh) =>
      zonesLeavingWithSites({ before: outputsOf(before), mesh: mesh(["a.example"]), today });
    const before = mesh(["a.example"], ["b.example"]);
    expect(refused(before, mesh(["a.example"]))).to.deep.equal([]);
    expect(leaving(before)).to.deep.equal([{ name: "b.example", owner: "b" }]);
    expect(leaving(retired)).to.deep.equal([]);
  });

  it("is not missed where the last outputs are of a shape that is not known", () => {
    for (const output of [
      undefined,
      null,
      1,
      "x",
      { b: null },
      { b: { site: { zones: "z" } } },
      { b: { site: { zones: [1] } } },
    ])
      expect(formerZones(output)).to.deep.equal([]);
  });
});
