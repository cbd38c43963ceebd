import { expect } from "chai";
import * as fc from "fast-check";
import { recordKey } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { recordsHash, planName, type Claimant, type NamePlan, type ServedName } from "../../../src/records/plan";

const name = "www.example";
const a = (address: string, ttl = 300): ResourceRecord => ({ name, class: "IN", ttl, type: "A", address });
const cname = (target: string): ResourceRecord => ({ name, class: "IN", ttl: 300, type: "CNAME", target });
const text = (string: string): ResourceRecord => ({ name, class: "IN", ttl: 300, type: "TXT", strings: [string] });
const setOf = (...records: ResourceRecord[]) => ({ type: records[0]!.type, ttl: records[0]!.ttl, records });

function claimant(uid: string, changes: Partial<Claimant>): Claimant {
  const created = `2026-01-01T00:00:${uid.padStart(2, "0")}Z`;
  return { uid, label: `default/${uid}`, created, deleting: false, adopts: false, ...changes };
}

function served(...records: ResourceRecord[]): ServedName {
  const types = new Map<string, ResourceRecord[]>();
  for (const record of records) types.set(record.type, [...(types.get(record.type) ?? []), record]);
  return types;
}

const plan = (claimants: readonly Claimant[], at: ServedName = served()): NamePlan =>
  planName({ name, claimants, served: at });
const verdict = (found: NamePlan, uid: string): string => found.verdicts.get(uid)?.kind ?? "none";

/** What the server has once the changes are made. */
function after(at: ServedName, { changes }: NamePlan): ServedName {
  const types = new Map(at);
  for (const change of changes)
    if (change.after.length === 0) types.delete(change.type);
    else types.set(change.type, change.after);
  return types;
}

/** Objects as they stand once the changes were made and remembered. */
function settled(claimants: readonly Claimant[], found: NamePlan): readonly Claimant[] {
  return claimants
    .filter(({ deleting }) => !deleting)
    .map(({ applied: _, ...rest }) =>
      found.verdicts.get(rest.uid)?.kind === "serve" && rest.wanted ? { ...rest, applied: rest.wanted } : rest,
    );
}

describe("planning a name's records", () => {
  it("makes one RRset of several objects, with the first one's TTL, and reports it to the others", () => {
    const found = plan([
      claimant("2", { wanted: setOf(a("192.0.2.2", 60)) }),
      claimant("1", { wanted: setOf(a("192.0.2.1")) }),
    ]);
    expect(found.changes).to.deep.equal([{ name, type: "A", before: [], after: [a("192.0.2.1"), a("192.0.2.2")] }]);
    expect(found.verdicts.get("1")).not.to.have.property("note");
    expect(found.verdicts.get("2")).to.have.property("note").that.contains("TTL 300 of default/1");
  });

  it("leaves records alone that somebody else put there, until an object adopts them", () => {
    const at = served(a("203.0.113.9"));
    const refused = plan([claimant("1", { wanted: setOf(a("192.0.2.1")) })], at);
    expect(refused.changes).to.deep.equal([]);
    expect(refused.verdicts.get("1")).to.include({ kind: "conflict", reason: "ForeignRecords" });
    const taken = plan([claimant("1", { wanted: setOf(a("192.0.2.1")), adopts: true })], at);
    expect(taken.changes).to.deep.equal([{ name, type: "A", before: [a("203.0.113.9")], after: [a("192.0.2.1")] }]);
  });

  it("knows its own after a crash between the update and the status", () => {
    const wanted = setOf(a("192.0.2.1"));
    const at = served(a("192.0.2.1"));
    expect(verdict(plan([claimant("1", { wanted })], at), "1")).to.equal("conflict");
    expect(verdict(plan([claimant("1", { wanted, intent: recordsHash(wanted.records) })], at), "1")).to.equal("serve");
  });

  it("lets nothing stand beside a CNAME: the first keeps the name", () => {
    const both = [
      claimant("1", { wanted: setOf(cname("a.example")) }),
      claimant("2", { wanted: setOf(a("192.0.2.1")) }),
    ];
    expect([verdict(plan(both), "1"), verdict(plan(both), "2")]).to.deep.equal(["serve", "conflict"]);
    const held = [both[0]!, { ...both[1]!, applied: both[1]!.wanted! }];
    expect([
      verdict(plan(held, served(a("192.0.2.1"))), "1"),
      verdict(plan(held, served(a("192.0.2.1"))), "2"),
    ]).to.deep.equal(["conflict", "serve"]);
    expect(verdict(plan([both[0]!], served(text("foreign"))), "1")).to.equal("conflict");
  });

  it("mends drift in what is its own, and when it goes takes away just what it put there", () => {
    const mine = setOf(a("192.0.2.1"));
    const at = served(a("192.0.2.1"), a("192.0.2.66"));
    expect(plan([claimant("1", { wanted: mine, applied: mine })], at).changes[0]?.after).to.deep.equal(mine.records);
    const gone = plan([claimant("1", { wanted: mine, applied: mine, deleting: true })], at);
    expect(gone.changes[0]?.after).to.deep.equal([a("192.0.2.66")]);
  });

  it("replaces a CNAME that goes by what comes, in that order", () => {
    const old = claimant("1", {
      wanted: setOf(cname("a.example")),
      applied: setOf(cname("a.example")),
      deleting: true,
    });
    const found = plan([old, claimant("2", { wanted: setOf(a("192.0.2.1")) })], served(cname("a.example")));
    expect(found.changes.map(({ type }) => type)).to.deep.equal(["CNAME", "A"]);
  });

  const pool = [a("192.0.2.1"), a("192.0.2.2"), a("192.0.2.3", 60), cname("a.example"), cname("b.example"), text("x")];
  const sets = fc.constantFrom(
    ...[setOf(pool[0]!), setOf(pool[1]!), setOf(pool[0]!, pool[1]!), setOf(pool[2]!)],
    ...[setOf(pool[3]!), setOf(pool[4]!), setOf(pool[5]!)],
  );
  const claimants = fc
    .array(fc.tuple(sets, fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 5 })
    .map((all) =>
      all.map(([wanted, isApplied, deleting, adopts], i) =>
        claimant(String(i), { wanted, deleting, adopts, ...(isApplied && { applied: wanted }) }),
      ),
    );
  /** A name as a server can have it. */
  const names = fc.oneof(
    fc.subarray([pool[0]!, pool[1]!, pool[5]!]).map((records) => served(...records)),
    fc.constantFrom(served(pool[3]!), served(pool[4]!)),
  );

  it("is done after one round, whatever there was", () => {
    fc.assert(
      fc.property(claimants, names, (all, at) => {
        const first = plan(all, at);
        const second = plan(settled(all, first), after(at, first));
        expect(second.changes).to.deep.equal([]);
        for (const { uid } of settled(all, first)) expect(verdict(second, uid)).to.equal(verdict(first, uid));
      }),
      { numRuns: 2000 },
    );
  });

  it("never touches what no object put there, and serves all that it says it serves", () => {
    fc.assert(
      fc.property(claimants, names, (all, at) => {
        const found = plan(all, at);
        const owns = (type: string): boolean =>
          all.some(({ applied, wanted, adopts, deleting }) =>
            [applied?.type, adopts && !deleting ? wanted?.type : undefined].includes(type),
          );
        for (const { type, before } of found.changes) if (before.length > 0) expect(owns(type)).to.equal(true);
        const then = after(at, found);
        for (const { uid, wanted } of all) {
          if (verdict(found, uid) !== "serve") continue;
          const keys = (then.get(wanted!.type) ?? []).map(recordKey);
          expect(keys).to.include.members(wanted!.records.map(recordKey));
        }
        const wants = all.filter(({ deleting }) => !deleting);
        expect(wants.map(({ uid }) => verdict(found, uid))).not.to.include("none");
        const data = [...then.values()].flat();
        if (then.has("CNAME")) expect(data).to.have.lengthOf(1);
      }),
      { numRuns: 2000 },
    );
  });

  it("does not depend on the order in which objects are given", () => {
    fc.assert(
      fc.property(claimants, names, fc.nat(), (all, at, turn) => {
        const turned = all.map((_, i) => all[(i + turn) % all.length]!);
        const text = (found: NamePlan): unknown => [
          found.changes.map(({ type, after: then }) => [type, recordsHash(then)]),
          [...found.verdicts].sort(([x], [y]) => (x < y ? -1 : 1)),
        ];
        expect(text(plan(turned, at))).to.deep.equal(text(plan(all, at)));
      }),
    );
  });

  it("takes away all of its own and nothing else when everything goes", () => {
    fc.assert(
      fc.property(sets, names, (wanted, at) => {
        const first = plan([claimant("1", { wanted })], at);
        const then = after(at, first);
        const gone = settled([claimant("1", { wanted })], first).map((each) => ({ ...each, deleting: true }));
        const keys = (all: ServedName): string[] => [...all.values()].flat().map(recordKey).sort();
        expect(keys(after(then, plan(gone, then)))).to.deep.equal(keys(at));
      }),
    );
  });
});
