import { expect } from "chai";
import fc from "fast-check";

import { decodeMessage, encodeMessage } from "../../../src/dns/message";
import { type Change, type Prerequisite, updateMessage } from "../../../src/dns/update";
import { failureOf } from "./failure";
import { host } from "../../../harness/dns/zone-builders";

const a1 = host(1);
const build = (changes: readonly Change[], prerequisites: readonly Prerequisite[] = []) =>
  updateMessage({ id: 5, zone: "Example.", changes, prerequisites });

describe("updates (RFC 2136)", () => {
  it("name the zone and the operation (section 2.3)", () => {
    const message = build([]);
    expect(message.flags.opcode).to.equal(5);
    expect(message.questions).to.deep.equal([{ name: "example", type: "SOA", class: "IN" }]);
  });

  it("write prerequisites as section 2.4 does", () => {
    const { answers } = build(
      [],
      [
        { kind: "rrsetExists", name: "h.example", type: "a" },
        { kind: "rrsetIs", records: [a1] },
        { kind: "rrsetAbsent", name: "h.example", type: "AAAA" },
        { kind: "nameInUse", name: "h.example" },
        { kind: "nameNotInUse", name: "H.Example." },
      ],
    );
    const none = { name: "h.example", ttl: 0, type: "OTHER", rdata: new Uint8Array() };
    expect(answers).to.deep.equal([
      { ...none, class: "ANY", typeName: "A" },
      { ...a1, ttl: 0 },
      { ...none, class: "NONE", typeName: "AAAA" },
      { ...none, class: "ANY", typeName: "ANY" },
      { ...none, class: "NONE", typeName: "ANY" },
    ]);
  });

  it("write changes as section 2.5 does, deletions of a record in class NONE with TTL 0", () => {
    const { authorities } = build([
      { kind: "add", record: a1 },
      { kind: "deleteRrset", name: "h.example", type: "TXT" },
      { kind: "deleteName", name: "h.example" },
      { kind: "deleteRecord", record: a1 },
    ]);
    const none = { name: "h.example", class: "ANY", ttl: 0, type: "OTHER", rdata: new Uint8Array() };
    expect(authorities).to.deep.equal([
      a1,
      { ...none, typeName: "TXT" },
      { ...none, typeName: "ANY" },
      { ...a1, class: "NONE", ttl: 0 },
    ]);
    const bytes = encodeMessage(build([{ kind: "deleteRecord", record: a1 }]));
    expect(bytes.subarray(-16).toString("hex")).to.equal("c00c000100fe000000000004c0000201");
  });

  it("come back as they were written", () => {
    const name = fc.constantFrom("example", "h.example", "a\\.b.example", "*.example");
    const type = fc.constantFrom("A", "TXT", "TYPE65280", "SVCB");
    const record = fc.integer({ min: 0, max: 9 }).map(host);
    const change: fc.Arbitrary<Change> = fc.oneof(
      fc.record({ kind: fc.constantFrom("add" as const, "deleteRecord" as const), record }),
      fc.record({ kind: fc.constant("deleteRrset" as const), name, type }),
      fc.record({ kind: fc.constant("deleteName" as const), name }),
    );
    const prerequisite: fc.Arbitrary<Prerequisite> = fc.oneof(
      fc.record({ kind: fc.constantFrom("nameInUse" as const, "nameNotInUse" as const), name }),
      fc.record({ kind: fc.constantFrom("rrsetExists" as const, "rrsetAbsent" as const), name, type }),
      fc.record({ kind: fc.constant("rrsetIs" as const), records: fc.array(record) }),
    );
    fc.assert(
      fc.property(fc.array(change), fc.array(prerequisite), (changes, prerequisites) => {
        const message = build(changes, prerequisites);
        expect(decodeMessage(encodeMessage(message))).to.deep.equal(message);
      }),
    );
  });

  it("are not made of what no zone can hold", () => {
    const bad: Change[] = [
      { kind: "add", record: { ...a1, name: "h.other" } },
      { kind: "add", record: { ...a1, class: "ANY" } },
      { kind: "deleteRecord", record: { ...a1, class: "NONE" } },
      { kind: "deleteRrset", name: "h.example", type: "ANY" },
      { kind: "deleteRrset", name: "h.example", type: "TSIG" },
      { kind: "deleteRrset", name: "h.example", type: "nonsense" },
      { kind: "deleteName", name: "other" },
    ];
    for (const each of bad) expect(failureOf(() => build([each])).kind, JSON.stringify(each)).to.equal("malformed");
    expect(failureOf(() => build([], [{ kind: "nameInUse", name: "other" }])).kind).to.equal("malformed");
  });
});
