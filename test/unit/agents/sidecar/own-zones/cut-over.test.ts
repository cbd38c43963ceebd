import { expect } from "chai";

import { CutOverError, takeFromPrimary } from "../../../../../src/agents/sidecar/own-zones/cut-over";
import type { CutOver } from "../../../../../src/agents/sidecar/own-zones/cut-over";

const zone = "legacy.example";
const now = Date.parse("2026-11-30T12:00:00Z");

/** A Knot with a zone of a serial, and what was done to it. */
function knot(facts: { serial?: number; isSigned?: boolean; soa?: string }) {
  const done: string[] = [];
  const { serial, isSigned = false, soa = `ns.${zone}. host.${zone}. ${serial} 3600 600 86400 60` } = facts;
  const control = {
    zoneStatus: () => Promise.resolve([{ zone, role: "master", ...(serial !== undefined && { serial }) }]),
    zoneRead: (_: string, { owner, type }: { owner: string; type: string }) => {
      const data = type === "SOA" ? [soa] : isSigned ? ["257 3 13 …"] : [];
      return Promise.resolve(data.map((each) => ({ owner, type, ttl: 300, data: each })));
    },
    zoneReplace: (_: string, { ttl, data }: { ttl: number; data: string }) => {
      done.push(`SOA ${ttl} ${data}`);
      return Promise.resolve();
    },
    zoneFlush: () => {
      done.push("flush");
      return Promise.resolve();
    },
  } as unknown as CutOver["control"];
  return { done, take: () => takeFromPrimary(zone, { control, server: "site-a.dns.internal", now }) };
}

describe("a zone that becomes the mesh's own", () => {
  it("goes on with a newer serial, of the time where that is newer, and its owner's server", async () => {
    const { done, take } = knot({ serial: 7 });
    await take();
    expect(done).to.deep.equal([`SOA 300 site-a.dns.internal. host.${zone}. ${now / 1000} 3600 600 86400 60`, "flush"]);
  });

  it("goes on from a serial that counts days, which is ahead of the time", async () => {
    const { done, take } = knot({ serial: 2_026_113_001 });
    await take();
    expect(done[0]).to.include(" 2026113002 ");
  });

  for (const [what, facts, says] of [
    ["without a content", {}, /none of them ever gave it/],
    ["with signatures of its primary", { serial: 7, isSigned: true }, /is signed by its former primary/],
    ["with a SOA record that cannot be read", { serial: 7, soa: "ns" }, /SOA record cannot be read/],
  ] as const)
    it(`stays as it is ${what}`, async () => {
      const { done, take } = knot(facts);
      const error: unknown = await take().catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(CutOverError);
      expect(String(error)).to.match(says);
      expect(done).to.deep.equal([]);
    });
});
