import { expect } from "chai";
import type { Mesh, Zone } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import {
  formerZones,
  refusedRemovals,
  removedZones,
  unseenRemovals,
  zonesLeavingWithSites,
  type OwnerReport,
  type StillIn,
} from "../../../src/preflight/zone-removal";
import { readPublished } from "../../../src/preflight/published";

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
  formerZones(readPublished(Object.fromEntries(of.sites.map(({ name }) => [name, welcomePacket(of, name, "CA")]))));

const input = (before: Mesh, now: Mesh, report: OwnerReport) => ({
  ...{ before: outputsOf(before), mesh: now, today, emptied: [] as string[] },
  owners: new Map([["b", report]]),
});
const refused = (before: Mesh, now: Mesh, stillIn?: StillIn) =>
  refusedRemovals(input(before, now, stillIn === undefined ? { kind: "missing" } : { kind: "known", stillIn }));

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

  it("is refused when its owner's stack is there and cannot be read, unless the user says that he looked", () => {
    const unreadable = { kind: "unreadable", reason: "403 Forbidden" } as const;
    const problem = refusedRemovals(input(retired, without, unreadable)).join();
    expect(problem).to.contain('the stack "b" cannot be read (403 Forbidden)');
    expect(problem).to.contain('set dns-mesh:emptied to ["b.example"]');
    expect(refusedRemovals({ ...input(retired, without, unreadable), emptied: ["b.example"] })).to.deep.equal([]);
    const unmarked = mesh(["a.example"], ["b.example"]);
    expect(refusedRemovals({ ...input(unmarked, without, unreadable), emptied: ["b.example"] }).join()).to.contain(
      "was not retired",
    );
  });

  it("may go when its owner has no stack, which is worth a word", () => {
    const gone = input(retired, without, { kind: "missing" });
    expect(refusedRemovals(gone)).to.deep.equal([]);
    expect(unseenRemovals(gone).map(({ name }) => name)).to.deep.equal(["b.example"]);
    expect(unseenRemovals({ ...gone, emptied: ["b.example"] })).to.deep.equal([]);
    expect(unseenRemovals(input(retired, without, { kind: "known", stillIn: {} }))).to.deep.equal([]);
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
      expect(formerZones(readPublished(output))).to.deep.equal([]);
  });
});
