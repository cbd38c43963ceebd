import { expect } from "chai";

import { placementOf, type ZonesKnown } from "../../../../src/agents/operator/placement";
import type { Entry } from "../../../../src/agents/operator/record-store";

describe("a DnsRecord in a zone that is taken from outside the mesh", () => {
  const zone = "legacy.example";
  const known: ZonesKnown = {
    site: "site-a",
    own: new Set([zone]),
    ownerOf: () => "site-a",
    retiredSince: () => undefined,
    isFromOutside: (name) => name === zone,
    notAllowed: () => undefined,
  };
  const entry = (metadata: object): Entry =>
    ({ zone, name: `www.${zone}`, reading: { kind: "set" }, object: { metadata } }) as unknown as Entry;

  it("is refused, and says where the zone is changed", () => {
    const placement = placementOf(entry({}), known);
    expect(placement).to.include({ kind: "refuse", reason: "ZoneFromOutside" });
    expect(placement.kind === "refuse" && placement.message).to.match(
      /is taken from a primary outside the mesh .*change it there/,
    );
  });

  it("goes at once when it is deleted", () => {
    const placement = placementOf(entry({ deletionTimestamp: "2026-11-30T12:00:00Z" }), known);
    expect(placement).to.include({ kind: "release" });
  });

  it("is its zone's as any other once the zone is the mesh's own", () => {
    expect(placementOf(entry({}), { ...known, isFromOutside: () => false })).to.include({ kind: "zone" });
  });
});
